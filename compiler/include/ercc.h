/* libercc: compiles ONNX models to ElasticRoom artifacts. The one public header.
 *
 * A call is one compilation: it takes all it needs from its options, keeps nothing between
 * calls, writes no file but the output and the kernel cache, and prints nothing: what there
 * is to say goes to the message callback. Calls on different threads do not meet. */
#ifndef ERCC_H
#define ERCC_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "schemas/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ERCC_API __attribute__((visibility("default")))
#else
#define ERCC_API
#endif

/* X(enumerator, exit code of the command, text) */
#define ERCC_STATUSES(X) \
	X(OK, 0, "ok") \
	X(USAGE, 2, "invalid option") \
	X(NOMEM, 1, "out of memory") \
	X(IO, 1, "input or output error") \
	X(MODEL, 3, "model invalid") \
	X(UNSUPPORTED, 3, "model not supported") \
	X(BUDGET, 5, "no variant fits the budget") \
	X(TOOLCHAIN, 6, "toolchain missing or failed") \
	X(INTERNAL, 1, "internal error")

enum ercc_status {
#define X(id, code, text) ERCC_##id,
	ERCC_STATUSES(X)
#undef X
};

enum ercc_message_kind {
	ERCC_MESSAGE_ERROR, /* one complete sentence; several may come before the call returns */
	ERCC_MESSAGE_WARNING,
	ERCC_MESSAGE_NOTE,     /* what would help with the error before it */
	ERCC_MESSAGE_PROGRESS, /* step `done` of `total` */
};
/* Called on the thread that called libercc. message is borrowed for the call. */
typedef void (*ercc_message_fn)(void *user, enum ercc_message_kind kind, const char *message, uint32_t done,
                                uint32_t total);

/* An input pinned to a value at compile time: it is no input of the artifact any more. */
struct ercc_const {
	const char *name;
	enum erc_dtype dtype;
	uint32_t rank;
	const int64_t *dims;
	const void *data; /* row-major, little-endian */
};

/* Zero-initialise, set size, then what differs from the default. Strings and arrays are borrowed for the call. */
struct ercc_options {
	size_t size;                /* sizeof(struct ercc_options): the options' version */
	const char *const *targets; /* "cpu:x86-64-v3", "native", "sim:h100", ...; none: cpu:x86-64-v3 and cpu:x86-64-v4 */
	uint32_t target_count;
	const char *const
		*budgets; /* "full,half", "name=edge,units=8,local=48KiB", "file.json"; none: full, half, quarter */
	uint32_t budget_count;
	const char *const *dims; /* "batch=1" or "batch=1,4": symbolic dimensions */
	uint32_t dim_count;
	const char *const *shapes; /* "x:1x3x224x224": whole input shapes */
	uint32_t shape_count;
	const char *const *const_texts; /* "sr=16000": scalars, or "axes=1,2": vectors, of the input's dtype */
	uint32_t const_text_count;
	const struct ercc_const *consts;
	uint32_t const_count;
	uint32_t jobs;          /* parallel kernel builds; 0: one per core */
	const char *cc;         /* C compiler for CPU targets; NULL: $CC, else cc */
	const char *kernel_dir; /* read kernel templates from here instead of the embedded ones */
	const char *cache_dir;  /* NULL: $XDG_CACHE_HOME/erc, else ~/.cache/erc; "" : no cache */
	const char *dump_after; /* pass name or "all": print the graph after it */
	const char *stop_after; /* pass name: stop there, write no artifact */
	FILE *dump;             /* where dumps go; NULL: none */
	int no_debug;           /* without effect: no DEBUG section is written */
	ercc_message_fn message;
	void *user;
};

/* "model invalid"; never NULL. */
ERCC_API const char *ercc_status_text(enum ercc_status status);
/* The exit code that the command gives for it. */
ERCC_API int ercc_status_exit_code(enum ercc_status status);
/* "0.1.0" */
ERCC_API const char *ercc_version(void);

/* Compiles model_path to out_path. On any failure out_path is untouched and nothing is left
 * behind. All unsupported nodes are reported, each by its own message, before it returns. */
ERCC_API enum ercc_status ercc_compile(const char *model_path, const char *out_path,
                                       const struct ercc_options *options);

/* What an artifact of a model would need. */
struct ercc_check {
	uint32_t launch_count;               /* of one run on the first target */
	uint64_t weights_bytes, arena_bytes; /* constants as packed; activations of one request */
	uint64_t flops;                      /* of one run on the first target */
};
/* Does what ercc_compile does, with the same messages and results, but builds no kernel and writes nothing. */
ERCC_API enum ercc_status ercc_check(const char *model_path, const struct ercc_options *options,
                                     struct ercc_check *out);

/* What a model holds, without compiling it: graph text (nodes, inputs, shapes) to `out`. */
ERCC_API enum ercc_status ercc_print_model(const char *model_path, FILE *out, const struct ercc_options *options);

/* One input or output of a model, as the file states it. */
struct ercc_value_info {
	const char *name;
	enum erc_dtype dtype;
	int32_t rank;                 /* -1: not stated */
	const int64_t *dims;          /* -1: symbolic */
	const char *const *dim_names; /* per dim; NULL where it is a number or has no name */
};
struct ercc_model_info {
	int64_t ir_version;
	int64_t opset; /* of the default domain */
	const char *producer;
	uint64_t parameter_count;
	uint32_t node_count;
	uint32_t input_count, output_count;
	const struct ercc_value_info *inputs, *outputs; /* without those that have an initializer */
	uint32_t operator_count;                        /* distinct ones */
	const char *const *operators;
	const uint32_t *operator_uses;
	const int *operator_supported;
};
/* *out is one block: free it with free(). */
ERCC_API enum ercc_status ercc_model_info(const char *model_path, const struct ercc_options *options,
                                          struct ercc_model_info **out);

/* The operator table, for `erc ops`: row `index`, or NULL behind the last. */
struct ercc_operator {
	const char *domain, *name;
	uint32_t since; /* first opset version this row covers */
	const char *family;
	const char *dtypes; /* "f32 i32 i64 bool" */
	const char *form;   /* "pointwise", "kernel", "shape" ... */
};
ERCC_API const struct ercc_operator *ercc_operator_row(uint32_t index);
/* Names of targets and passes, NULL behind the last. */
ERCC_API const char *ercc_target_name(uint32_t index);
ERCC_API const char *ercc_pass_name(uint32_t index);

#ifdef __cplusplus
}
#endif

#endif
