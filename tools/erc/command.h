/* What the verbs of `erc` share: the verb table, options, messages, reports and arrays. The
 * command uses the public headers of the two libraries only (make check-layers). */
#ifndef ERC_COMMAND_H
#define ERC_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/include/erc.h"
#include "compiler/include/ercc.h"

/* ---- exit codes, the same for every verb ---- */

enum exit_code {
	EXIT_OK = 0,
	EXIT_RUN = 1, /* a run or a comparison failed */
	EXIT_USAGE = 2,
	EXIT_MODEL = 3,    /* model not supported */
	EXIT_ARTIFACT = 4, /* artifact invalid or corrupt */
	EXIT_DEVICE = 5,   /* no variant fits this device or budget */
	EXIT_TOOLCHAIN = 6,
	EXIT_SIGNATURE = 7,
};
#define ARGS_OK (-1) /* parsed: go on with the verb */

#define COUNT_OF(array) (sizeof array / sizeof((array)[0]))

/* ---- verbs: commands.def ---- */

/* argv[0] is the verb. Returns the exit code. */
#define X(name, help) int cmd_##name(int argc, char **argv);
#include "tools/erc/commands.def"
#undef X

/* ---- args.c: options ---- */

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char * */
	OPTION_LIST,   /* struct text_list: may be given several times */
	OPTION_COUNT,  /* uint32_t */
	OPTION_NUMBER, /* double, not negative */
};

struct text_list {
	const char **items; /* the items are owned */
	uint32_t count;
};

struct option {
	const char *name; /* "target", given as --target */
	char letter;      /* 'o', given as -o; 0: none */
	enum option_kind kind;
	void *out;         /* of the kind's type; set only when the option is given */
	const char *value; /* what the help calls the value: "FILE"; NULL for a flag */
	const char *help;
};

struct usage {
	const char *verb;
	const char *synopsis; /* behind "erc VERB " */
	const char *text;     /* paragraph below the synopsis */
	const char *examples;
	const struct option *options;
	size_t option_count;
	int operand_min, operand_max; /* arguments that are no options */
	const char *operand;          /* what a missing one is called: "model.onnx" */
};

/* Parses argv[1..]. Operands go to operands[] (room for operand_max). Returns ARGS_OK, or the exit
 * code to leave with: EXIT_OK after --help, EXIT_USAGE after a message. */
int args_parse(const struct usage *usage, int argc, char **argv, const char **operands);
/* The one of count names that is closest to word by edit distance; NULL when none is close. */
const char *args_nearest(const char *word, const char *const *names, size_t count);
void text_list_add(struct text_list *list, const char *item); /* a copy of it */
void text_list_split(struct text_list *list);                 /* "a,b" given once is "a" and "b" */
void text_list_free(struct text_list *list);

/* ---- say.c: messages, all to stderr ---- */

void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What would help with the error just reported. */
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line that is rewritten on a terminal, "[done/total] text" lines elsewhere. */
void say_progress(uint32_t done, uint32_t total, const char *text);
/* An ercc_message_fn; user points to a bool: quiet, no progress. */
void say_compiler_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total);
/* Reports a failed liberc call ("PATH: detail") and returns the exit code for its status. */
int say_runtime_error(const char *about, enum erc_status status);
/* EXIT_RUN and a message when no file can be read at path (missing, a folder), else ARGS_OK. */
int say_unreadable(const char *path);

void *memory_new(size_t bytes); /* zeroed; leaves the program when memory is out */
void *memory_grow(void *old, size_t bytes);
char *memory_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- report.c: one description, printed as text, JSON, Markdown or CSV ---- */

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MD, FORMAT_CSV };

/* A value that is not finite is "-" in text, null in JSON, nothing in CSV. */
enum cell_kind {
	CELL_TEXT,
	CELL_COUNT,
	CELL_BYTES,  /* text: "97.5 MiB" */
	CELL_US,     /* microseconds; text: "1.23 ms"; in a table one unit for the whole column, in its heading */
	CELL_NUMBER, /* text: 4 significant digits */
	CELL_BAR,    /* 0 to 1; text: "######" */
	CELL_RATIO,  /* text: 3 decimals */
	CELL_SHARE,  /* 0 to 1; text: "99.2 %" */
};

struct column {
	const char *key;     /* in JSON and CSV; a table whose columns have none is in text and Markdown alone */
	const char *heading; /* in text and Markdown; NULL: not shown there */
	enum cell_kind kind;
};

struct report;
/* schema: "erc.inspect/1" */
struct report *report_new(const char *schema);
/* Facts that follow stand in an object (JSON) or below a heading of their own. NULL: the top. */
void report_section(struct report *report, const char *key, const char *title);
/* heading: in text and Markdown; NULL: not shown there. Facts that all have no key are for reading: they stand in text, whose
 * lines are wrapped, and Markdown alone. */
void report_fact(struct report *report, const char *key, const char *heading, enum cell_kind kind, double value);
void report_fact_text(struct report *report, const char *key, const char *heading, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A table; its cells follow row by row. columns is borrowed until the report is freed. */
void report_table(struct report *report, const char *key, const char *title, const struct column *columns,
                  size_t count);
/* The same with a title made up; tables of one key become one array in JSON. */
void report_table_titled(struct report *report, const char *key, const struct column *columns, size_t count,
                         const char *format, ...) __attribute__((format(printf, 5, 6)));
void report_cell(struct report *report, double value);
void report_cell_text(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Numbers that JSON alone carries: raw samples. */
void report_samples(struct report *report, const char *key, const double *values, size_t count);
void report_print(const struct report *report, enum format format, FILE *out);
void report_free(struct report *report);
/* Text, or NULL: text. EXIT_USAGE with a message for an unknown name, else ARGS_OK. */
int format_parse(const char *name, enum format *out);
/* Flushes stdout: EXIT_RUN and a message when what was printed did not arrive (a full disk). */
int output_finish(int code);

/* ---- array.c: tensors in memory ---- */

struct array {
	enum erc_dtype dtype;
	uint32_t rank;
	int64_t dims[ERC_MAX_RANK];
	size_t count; /* elements */
	size_t bytes;
	void *data; /* row-major, little-endian; owned */
};

/* Takes dtype, rank and dims from its arguments, allocates zeroed data. False: too large or no fixed-size type. */
bool array_new(struct array *array, enum erc_dtype dtype, uint32_t rank, const int64_t *dims);
void array_free(struct array *array);
/* Element as a double (64-bit integers may round). */
double array_get(const struct array *array, size_t index);
bool array_type_is_float(enum erc_dtype dtype); /* f16, bf16, f32, f64 and complex */
/* "f32 [1x3x224x224]"; the caller frees it. */
char *array_type_text(enum erc_dtype dtype, uint32_t rank, const int64_t *dims);
/* "[1x3x224x224]"; the caller frees it. */
char *dims_text(uint32_t rank, const int64_t *dims);
/* Deterministic: floats are about normal (mean 0, deviation 1), integers 0 to 9. */
void array_fill_random(struct array *array, uint64_t seed);

struct comparison {
	bool equal;     /* within the limits */
	bool same_type; /* dtype and dims agree; nothing below is set otherwise */
	size_t outside; /* elements beyond the limits */
	size_t worst;   /* index of the worst element */
	double worst_actual, worst_expected;
	double relative_l2; /* |actual - expected| / |expected|, Euclidean; infinite when a NaN or infinity is misplaced */
};
/* Floats: |a - e| <= atol + rtol |e|, NaN equals NaN, infinities exactly. Everything else exactly. */
struct comparison array_compare(const struct array *actual, const struct array *expected, double rtol, double atol);

/* ---- npy.c, pb.c: files. NULL, or a sentence of what is wrong (static or per-thread storage). ---- */

const char *npy_read(const char *path, struct array *out);
const char *npy_parse(const void *data, size_t bytes, struct array *out);
const char *npy_write(const char *path, const struct array *array);
/* What was half written goes; a device or a pipe stays. */
void remove_file(const char *path);
const char *pb_read(const char *path, struct array *out);
const char *pb_parse(const void *data, size_t bytes, struct array *out);
/* The whole file; the caller frees *data. */
const char *file_read(const char *path, void **data, size_t *bytes);

/* ---- inputs.c: `name=@file`, `name=random:SEED`, `name=zeros` ---- */

/* Makes one array for each input of the entry from the texts. Returns ARGS_OK or an exit code after messages. */
int inputs_make(const erc_model *model, uint32_t entry, const struct text_list *texts, bool random_by_default,
                struct array *arrays);
/* Splits "name=rest"; false and a usage message when there is no '='. The caller frees *name. */
bool binding_split(const char *option, const char *text, char **name, const char **rest);
/* Reads name=@FILE for a tensor of this type (which a .bin takes). NULL or what is wrong. */
const char *array_read(const char *path, enum erc_dtype dtype, uint32_t rank, const int64_t *dims, struct array *out);

/* ---- runner.c: an artifact, loaded and bound, ready to run ---- */

struct runner {
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	uint32_t entry, input_count, output_count;
	double load_us; /* from nothing to a request that can be bound */
	struct array *inputs;
	struct array *outputs; /* upper-bound dims; runner_output gives the true ones */
};

struct runner_options {
	const char *path, *device, *target, *entry, *budget;
	const struct text_list *inputs;
	uint32_t workers;       /* 0: all */
	bool random_by_default; /* inputs that are not given are random:1 */
	bool real_time;         /* the session's class, else best effort */
};

/* ARGS_OK, or an exit code after messages. Either way runner_close() frees what there is. */
int runner_open(struct runner *runner, const struct runner_options *options);
void runner_close(struct runner *runner);
/* Runs once; poison fills the outputs with a pattern first, so that what a run does not write shows. */
enum erc_status runner_run(struct runner *runner, bool poison);
/* A view of an output at its true dims; data is borrowed from the runner. */
enum erc_status runner_output(const struct runner *runner, uint32_t output, struct array *view);
const char *runner_output_name(const struct runner *runner, uint32_t output);
/* Index of the output, or -1 after messages that list them. */
int runner_find_output(const struct runner *runner, const char *name);
double clock_us(void);

#endif
