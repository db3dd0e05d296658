/* libercc: compiles ONNX models to ElasticRoom artifacts. This is its only public header.
 *
 * Each call is one compilation. Its options hold all that it needs, and nothing is kept between calls. It writes no
 * files except the output and the kernel cache. It prints nothing: messages go to the callback. Threads may make calls
 * at the same time. */
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
	X(INTERNAL, 1, "internal error") \
	X(CANCELLED, 1, "cancelled")

enum ercc_status {
#define X(id, code, text) ERCC_##id,
	ERCC_STATUSES(X)
#undef X
};

enum ercc_message_kind {
	ERCC_MESSAGE_ERROR, /* one complete sentence; a call may report several before it returns */
	ERCC_MESSAGE_WARNING,
	ERCC_MESSAGE_NOTE,     /* what would help with the error before it */
	ERCC_MESSAGE_PROGRESS, /* step `done` of `total` */
};
/* Called on the thread that called libercc. message is borrowed for the duration of the call. */
typedef void (*ercc_message_fn)(void *user, enum ercc_message_kind kind, const char *message, uint32_t done,
                                uint32_t total);

/* An input pinned to a value at compile time. The artifact then has no such input. */
struct ercc_const {
	const char *name;
	enum erc_dtype dtype;
	uint32_t rank;
	const int64_t *dims;
	const void *data; /* row-major, little-endian; elements of 4 and 2 bits packed as in ONNX files */
};

enum ercc_class { ERCC_NO_CLASS, ERCC_BEST_EFFORT, ERCC_REAL_TIME };

/* Zero-initialise the struct, set size, then set what differs from the default. Strings and arrays are borrowed for the
 * duration of the call. */
struct ercc_options {
	size_t size;                /* sizeof(struct ercc_options); tells which version of the struct the caller has */
	const char *const *targets; /* "cpu:x86-64-v3", "native", "sim:h100", ...; none: cpu:x86-64-v3 and cpu:x86-64-v4 */
	uint32_t target_count;
	const char *const
		*budgets; /* "full,half", "name=edge,units=8,local=48KiB", "file.json"; none: full, half, quarter */
	uint32_t budget_count;
	/* "batch=1": sizes of symbolic dimensions. "batch=1,4": several; the artifact has an entry for each combination of
	 * them, at most 64, in the order given; the last dimension's sizes change first. They are named by the sizes of such
	 * lists, as in "batch=4,seq=128"; a single entry is "main". "seq=1..512": a range, each size of which the entry takes, or "h=64..640:32", in steps;
	 * "*=1..8": of all named dimensions that no other item names; "auto": for each of these a range by its name and place */
	const char *const *dims;
	uint32_t dim_count;
	const char *const *shapes; /* "x:1x3x224x224": whole input shapes */
	uint32_t shape_count;
	const char *const *const_texts; /* "sr=16000": scalars, or "axes=1,2": vectors, of the input's dtype */
	uint32_t const_text_count;
	const struct ercc_const *consts;
	uint32_t const_count;
	uint32_t jobs;          /* parallel kernel builds; 0: one per core */
	const char *cc;         /* C compiler for CPU targets; NULL: $CC, else cc */
	const char *kernel_dir; /* folder to read kernel templates from; NULL: the embedded ones */
	const char *cache_dir;  /* NULL: $XDG_CACHE_HOME/erc, else ~/.cache/erc; "": no cache */
	const char *dump_after; /* pass name or "all": print the graph after it */
	const char *stop_after; /* pass name: stop after it and write no artifact */
	FILE *dump;             /* where dumps go; NULL: none */
	int no_debug;           /* has no effect: no DEBUG section is written */
	ercc_message_fn message;
	void *user;
	/* The call returns ERCC_CANCELLED soon after this is not 0, without a message, and leaves nothing behind. A signal
	 * handler or another thread may set it. NULL: never */
	const volatile int *cancel;
	/* for all unrolled loops together: the maximum number of iterations, and of nodes copied for them; 0: the defaults.
	 * max_iterations is also that of a loop which states none, or a number that is known at run time only. One that is set also lifts the limit on memory, which is 1.5 GiB and more by the model's files and nodes */
	uint64_t max_iterations, max_nodes;
	const char *const *keep_inputs; /* inputs with a default (an initializer) that stay inputs of the artifact */
	uint32_t keep_input_count;
	int strict; /* refuses models of an IR version or opset that is newer than the newest known one */
	/* "x=3": the number of tensors that an input holds which is a sequence; they become inputs x.0, x.1, x.2. Of an
	 * optional input also "x=1" for a tensor, and "x=none" for nothing */
	const char *const *lengths;
	uint32_t length_count;
	/* What a session is if it takes the artifact's class (ERC_ARTIFACT_CLASS in erc.h). ERCC_REAL_TIME: with this level
	 * (0 is the highest) and deadline, in microseconds after arrival (0: none); else both must be 0 */
	enum ercc_class class_;
	uint32_t level;
	uint64_t deadline_us;
	/* of a loop whose number of iterations is known at run time only: the number that predictions count with; 0: as many as
	 * it may do */
	uint64_t expected_iterations;
};

/* "model invalid"; never NULL. */
ERCC_API const char *ercc_status_text(enum ercc_status status);
/* The exit code of the command for this status. */
ERCC_API int ercc_status_exit_code(enum ercc_status status);
/* "0.1.0" */
ERCC_API const char *ercc_version(void);

/* Compiles model_path to out_path. On any failure out_path is unchanged and no other file is left. All unsupported
 * nodes are reported before the call returns, each in its own message. */
ERCC_API enum ercc_status ercc_compile(const char *model_path, const char *out_path,
                                       const struct ercc_options *options);

/* What an artifact of a model would need. */
struct ercc_check {
	/* Of several entries, the largest figure of any. */
	uint32_t launch_count;               /* of one run on the first target */
	uint64_t weights_bytes, arena_bytes; /* weights as packed; memory for the intermediate values of one request */
	uint64_t flops;                      /* of one run on the first target */
};
/* Does the same as ercc_compile, with the same messages and results, but builds no kernel and writes no file. */
ERCC_API enum ercc_status ercc_check(const char *model_path, const struct ercc_options *options,
                                     struct ercc_check *out);

/* Prints a model as graph text (nodes, inputs, shapes) to `out`, without compiling it. */
ERCC_API enum ercc_status ercc_print_model(const char *model_path, FILE *out, const struct ercc_options *options);

/* Kinds of inputs and outputs other than tensors; both: an optional that may hold a sequence. */
#define ERCC_SEQUENCE 1
#define ERCC_OPTIONAL 2
/* One input or output of a model, as declared in the file. */
struct ercc_value_info {
	const char *name;
	enum erc_dtype dtype;         /* of its tensors, and so are the dims */
	int32_t rank;                 /* -1: not declared */
	const int64_t *dims;          /* -1: symbolic */
	const char *const *dim_names; /* per dim; NULL where it is a number or has no name */
	int kind;                     /* 0: a tensor; else ERCC_SEQUENCE, ERCC_OPTIONAL */
};
struct ercc_model_info {
	int64_t ir_version;
	int64_t opset; /* of the default domain */
	const char *producer;
	uint64_t parameter_count;
	uint32_t node_count;
	uint32_t input_count, output_count;
	const struct ercc_value_info *inputs, *outputs; /* inputs that have an initializer are left out */
	uint32_t operator_count;                        /* number of different operators */
	const char *const *operators;
	const uint32_t *operator_uses;
	const int *operator_supported;
	int64_t taken_ir_version, taken_opset; /* the newest known ones, where the model's are newer; else the model's */
	const char
		*proposed_dims; /* what "auto" in `dims` stands for: "--dim batch=1..8 --dim seq=1..512"; NULL: nothing */
};
/* *out is one block; release it with free(). */
ERCC_API enum ercc_status ercc_model_info(const char *model_path, const struct ercc_options *options,
                                          struct ercc_model_info **out);

/* The operator table, for `erc ops`: the row with this index, or NULL after the last. */
struct ercc_operator {
	const char *domain, *name;
	uint32_t since; /* first opset version this row covers */
	const char *family;
	const char *dtypes; /* "f32 i32 i64 bool" */
	const char *form;   /* "pointwise", "kernel", "shape" ... */
};
ERCC_API const struct ercc_operator *ercc_operator_row(uint32_t index);
/* Names of targets and passes; NULL after the last. */
ERCC_API const char *ercc_target_name(uint32_t index);
ERCC_API const char *ercc_pass_name(uint32_t index);

#ifdef __cplusplus
}
#endif

#endif
