/* The functions that the server calls. */
#include <stdlib.h>

#include "tools/triton/backend.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT triton_error TRITONBACKEND_Initialize(struct TRITONBACKEND_Backend *of);
EXPORT triton_error TRITONBACKEND_Finalize(struct TRITONBACKEND_Backend *of);
EXPORT triton_error TRITONBACKEND_ModelInitialize(struct TRITONBACKEND_Model *of);
EXPORT triton_error TRITONBACKEND_ModelFinalize(struct TRITONBACKEND_Model *of);
EXPORT triton_error TRITONBACKEND_ModelInstanceInitialize(struct TRITONBACKEND_ModelInstance *of);
EXPORT triton_error TRITONBACKEND_ModelInstanceFinalize(struct TRITONBACKEND_ModelInstance *of);
EXPORT triton_error TRITONBACKEND_ModelInstanceExecute(struct TRITONBACKEND_ModelInstance *instance,
                                                       struct TRITONBACKEND_Request **requests, uint32_t count);

static void log_line(void *user, enum erc_log_level level, const char *message)
{
	static const enum triton_log levels[] = {[ERC_LOG_ERROR] = TRITON_LOG_ERROR,
	                                         [ERC_LOG_WARNING] = TRITON_LOG_WARNING,
	                                         [ERC_LOG_INFO] = TRITON_LOG_INFO,
	                                         [ERC_LOG_DEBUG] = TRITON_LOG_VERBOSE};
	(void)user;
	say(levels[level], message);
}

static triton_error start(struct backend *backend, struct TRITONBACKEND_Backend *of)
{
	struct runtime_settings settings;
	triton_error error = read_runtime_settings(of, &settings);
	settings.options.log = log_line;
	enum erc_status status = error ? ERC_OK : erc_runtime_create(&settings.options, &backend->runtime);
	if (status)
		error = fail_with(status, "the runtime cannot start");
	free_runtime_settings(&settings);
	return error ? error : reaper_start(backend);
}

triton_error TRITONBACKEND_Initialize(struct TRITONBACKEND_Backend *of)
{
	uint32_t major, minor;
	TRY(TRITONBACKEND_ApiVersion(&major, &minor));
	if (major != TRITON_API_MAJOR)
		return fail(TRITON_UNSUPPORTED, "the server has version %u.%u of the backend interface; wanted %d.x", major,
		            minor, TRITON_API_MAJOR);
	struct backend *backend = calloc(1, sizeof *backend);
	if (!backend)
		return fail_memory();
	pthread_mutex_init(&backend->lock, NULL);
	pthread_cond_init(&backend->changed, NULL);
	triton_error error = start(backend, of);
	if (!error)
		return TRITONBACKEND_BackendSetState(of, backend);
	erc_runtime_destroy(backend->runtime);
	free(backend);
	return error;
}

triton_error TRITONBACKEND_Finalize(struct TRITONBACKEND_Backend *of)
{
	void *state;
	TRY(TRITONBACKEND_BackendState(of, &state));
	struct backend *backend = state;
	if (!backend)
		return NULL; /* the server also calls this after an error of TRITONBACKEND_Initialize */
	reaper_stop(backend);
	enum erc_status status = erc_runtime_destroy(backend->runtime);
	if (status)
		return fail_with(status, "the runtime cannot end");
	pthread_cond_destroy(&backend->changed);
	pthread_mutex_destroy(&backend->lock);
	free(backend);
	return NULL;
}

triton_error TRITONBACKEND_ModelInitialize(struct TRITONBACKEND_Model *of)
{
	struct TRITONBACKEND_Backend *backend;
	struct model *model;
	void *state;
	TRY(TRITONBACKEND_ModelBackend(of, &backend));
	TRY(TRITONBACKEND_BackendState(backend, &state));
	TRY(model_open(state, of, &model));
	return TRITONBACKEND_ModelSetState(of, model);
}

triton_error TRITONBACKEND_ModelFinalize(struct TRITONBACKEND_Model *of)
{
	void *state;
	TRY(TRITONBACKEND_ModelState(of, &state));
	if (state)
		model_close(state);
	return NULL;
}

triton_error TRITONBACKEND_ModelInstanceInitialize(struct TRITONBACKEND_ModelInstance *of)
{
	return instance_new(of);
}

triton_error TRITONBACKEND_ModelInstanceFinalize(struct TRITONBACKEND_ModelInstance *of)
{
	void *state;
	TRY(TRITONBACKEND_ModelInstanceState(of, &state));
	if (state)
		instance_free(state);
	return NULL;
}

triton_error TRITONBACKEND_ModelInstanceExecute(struct TRITONBACKEND_ModelInstance *instance,
                                                struct TRITONBACKEND_Request **requests, uint32_t count)
{
	void *state;
	TRY(TRITONBACKEND_ModelInstanceState(instance, &state));
	return instance_execute(state, requests, count);
}
