/* The Triton backend "erc": what its files share. All models of a server share one runtime, so that their real-time and
 * best-effort requests share one device.
 *
 * backend.c: the server's calls; settings.c: texts to options; config.c: a model's configuration; model.c: models;
 * instance.c: instances, and what keeps a model loaded; run.c: requests; reaper.c: ends, cancelled requests and
 * metrics. */
#ifndef TRITON_BACKEND_H
#define TRITON_BACKEND_H

#include <cjson/cJSON.h>
#include <pthread.h>

#include "runtime/include/erc.h"
#include "tools/triton/server.h"

#define TRY(call) \
	do { \
		triton_error error_ = (call); \
		if (error_) \
			return error_; \
	} while (0)

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Counts of a model that the server's metrics page shows; see metric_rows in reaper.c. */
#define METRICS 9

struct slot;

struct backend {
	erc_runtime *runtime;
	struct TRITONSERVER_MetricFamily *families[METRICS];
	pthread_t reaper;
	pthread_mutex_t lock; /* guards what follows, and the slots of all models */
	bool stops;
	struct model *models;
	struct instance *instances;
	struct slot *in_flight;
	pthread_cond_t changed; /* a slot is free again */
};

struct model {
	struct backend *backend;
	struct model *next;
	char *name;
	uint64_t version;
	erc_model *model;
	erc_session *session;
	uint32_t first_entry, entry_count; /* that requests may have, among those of the artifact */
	uint32_t input_count, output_count;
	struct erc_tensor_info *tensors; /* entry by entry, inputs, then outputs; see tensor_of */
	bool has_ranges;                 /* dims of inputs are chosen by each request */
	uint32_t max_requests;           /* slots at most; further requests stay in the server's queue */
	uint32_t slot_count;
	struct slot *free_slots;
	struct TRITONSERVER_Metric *metrics[METRICS];
	_Atomic uint64_t copied_bytes;
	double told[METRICS]; /* the values that the metrics have */
};

/* What the server runs requests on; several instances of a model take requests at the same time. */
struct instance {
	struct instance *next; /* among the backend's */
	struct TRITONBACKEND_ModelInstance *of;
	struct model *model;
	/* guarded by the backend's lock */
	struct TRITONBACKEND_ResponseFactory *guard; /* keeps the model loaded; NULL: there is none */
	uint64_t guard_ns;                           /* when it may end */
};

struct slot_output {
	bool is_wanted; /* the client asked for it */
	void *memory; /* of the slot, for outputs that cannot be written to the response at once; NULL: not needed so far */
	void *copy_to; /* the response's memory for what the run writes to `memory`; NULL: none, or not known yet */
};

/* A request of the runtime, and the server's request that it serves. */
struct slot {
	struct slot *before, *next; /* among the backend's slots in flight; next: among the model's free slots */
	struct model *model;
	erc_request *request;
	struct erc_tensor_info
		*now; /* inputs, then outputs, with the dims of the next run; NULL: the model has no ranges */
	struct slot_output *outputs;

	struct instance *instance;
	struct TRITONBACKEND_Request *served;
	struct TRITONBACKEND_Response *response;
	uint64_t begin_ns; /* when the server handed it over, by the machine's monotonic clock */
};

/* ---- settings.c ---- */

/* Makes an error of the server; with `status`, of what the runtime said last. */
triton_error fail(enum triton_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
triton_error fail_with(enum erc_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
triton_error fail_memory(void);
/* Reports an error that has no caller, and deletes it. */
void drop(triton_error error, const char *what);
void say(enum triton_log level, const char *text);
uint64_t now_ns(void);
enum triton_type type_of(enum erc_dtype dtype); /* TRITON_TYPE_INVALID if the server has no such type */
const char *type_name(enum triton_type type);   /* "TYPE_FP32" */

/* One setting: its name, and a function that stores its text. */
struct setting {
	const char *name;
	triton_error (*store)(const struct setting *setting, const char *text, void *options);
	size_t offset; /* of the field in the options */
	uint64_t max;  /* of a number */
};
/* Finds the setting and stores the text. where: for messages, such as "model 'x': parameter". */
triton_error set_option(const struct setting *settings, size_t count, const char *where, const char *name,
                        const char *text, void *options);
/* Parameters of one request: "erc_level", "erc_deadline_us". */
triton_error set_run_option(const char *name, const char *text, struct erc_submit_options *options);

/* The options of the runtime, of --backend-config=erc,NAME=VALUE. The caller frees the texts with free_options. */
struct runtime_settings {
	struct erc_runtime_options options;
	uint32_t cores[1024], core_count;
	char *device, *policy;
};
triton_error read_runtime_settings(struct TRITONBACKEND_Backend *backend, struct runtime_settings *out);
void free_runtime_settings(struct runtime_settings *settings);

/* ---- config.c ---- */

/* What the parameters of a model's configuration say. */
struct model_settings {
	struct erc_session_options options;
	char *budget, *entry, *target;
	uint32_t max_requests;
	int verify_weights;
	char *file; /* the artifact's name in the model's folder */
};
triton_error read_model_settings(struct model *model, const cJSON *config, struct model_settings *out);
void free_model_settings(struct model_settings *settings);
/* "[1,3,224]" */
void dims_text(const int64_t *dims, uint32_t rank, char *text, size_t bytes);
triton_error get_config(struct TRITONBACKEND_Model *of, cJSON **out);
/* Compares inputs and outputs with the artifact's, or completes them if the configuration has none. */
triton_error complete_config(struct TRITONBACKEND_Model *of, const struct model *model, cJSON *config);

/* ---- model.c ---- */

/* Tensor i of the model's entry number `entry`: inputs, then outputs. */
const struct erc_tensor_info *tensor_of(const struct model *model, uint32_t entry, uint32_t i);

triton_error model_open(struct backend *backend, struct TRITONBACKEND_Model *of, struct model **out);
/* Only after all its requests have ended. */
void model_close(struct model *model);

/* ---- instance.c ---- */

triton_error instance_new(struct TRITONBACKEND_ModelInstance *of);
void instance_free(struct instance *instance);
/* On an error the requests are still the server's. */
triton_error instance_execute(struct instance *instance, struct TRITONBACKEND_Request **requests, uint32_t count);
/* Ends guards whose time has come; models may end with them. Returns whether there are others. */
bool end_guards(struct backend *backend);

/* ---- run.c ---- */

/* Serves the request, or answers it with an error; either way it is not the caller's any more. */
void run(struct instance *instance, struct TRITONBACKEND_Request *request);
/* The run has ended: answers the request. */
void finish(struct slot *slot);
void slot_free(struct slot *slot);

/* ---- reaper.c ---- */

triton_error reaper_start(struct backend *backend);
void reaper_stop(struct backend *backend);
void metrics_add(struct model *model);
void metrics_remove(struct model *model);

#endif
