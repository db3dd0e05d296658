/* What the verbs of `erc` share: the table of verbs, options, messages, reports and arrays. The command uses only
 * the public headers of the two libraries (make check-layers). */
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
#define ARGS_OK (-1) /* parsed; go on with the verb */

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
	void *out;         /* of the kind's type; written only if the option is given */
	const char *value; /* the value's name in the help, such as "FILE"; NULL for a flag */
	const char *help;
};

struct usage {
	const char *verb;
	const char *synopsis; /* after "erc VERB " */
	const char *text;     /* paragraph below the synopsis */
	const char *examples;
	const struct option *options;
	size_t option_count;
	int operand_min, operand_max; /* number of arguments that are not options */
	const char *operand;          /* its name in messages if it is missing: "model.onnx" */
};

/* Parses argv[1..]. Stores operands in operands[], which has operand_max elements. Returns ARGS_OK, or the exit code
 * to leave with: EXIT_OK after --help, EXIT_USAGE after a message. */
int args_parse(const struct usage *usage, int argc, char **argv, const char **operands);
/* The name among `count` names that is closest to word by edit distance; NULL if none is close. */
const char *args_nearest(const char *word, const char *const *names, size_t count);
void text_list_add(struct text_list *list, const char *item); /* adds a copy of item */
/* Adds the value of --dims, if there is one, to those of --dim. Returns ARGS_OK or an exit code. */
int take_all_dims(const char *value, struct text_list *dims);
void text_list_split(struct text_list *list); /* an item "a,b" becomes "a" and "b" */
void text_list_free(struct text_list *list);

/* ---- say.c: messages, all to stderr ---- */

void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what would help with the error just reported. */
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line that is rewritten on a terminal; otherwise lines of the form "[done/total] text". */
void say_progress(uint32_t done, uint32_t total, const char *text);
/* An ercc_message_fn. user points to a bool: true suppresses progress. */
void say_compiler_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total);
/* Reports a failed liberc call ("PATH: detail") and returns the exit code for its status. */
int say_runtime_error(const char *about, enum erc_status status);
/* Returns EXIT_RUN after a message if path cannot be read as a file (it is missing, or a folder); else ARGS_OK. */
int say_unreadable(const char *path);
bool file_is_artifact(const char *path); /* also a damaged one */

void *memory_new(size_t bytes); /* zeroed; ends the program if there is no memory */
void *memory_grow(void *old, size_t bytes);
char *memory_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- report.c: one description, printed as text, JSON, Markdown or CSV ---- */

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MD, FORMAT_CSV };

/* A value that is not finite is "-" in text, null in JSON and empty in CSV. */
enum cell_kind {
	CELL_TEXT,
	CELL_COUNT,
	CELL_BYTES,  /* text: "97.5 MiB" */
	CELL_US,     /* microseconds; text: "1.23 ms"; in a table the whole column has one unit, shown in the heading */
	CELL_NUMBER, /* text: 4 significant digits */
	CELL_BAR,    /* 0 to 1; text: "######" */
	CELL_RATIO,  /* text: 3 decimals */
	CELL_SHARE,  /* 0 to 1; text: "99.2 %" */
};

struct column {
	const char *key;     /* in JSON and CSV; a table whose columns have no key appears only in text and Markdown */
	const char *heading; /* in text and Markdown; NULL: the column is not shown there */
	enum cell_kind kind;
};

struct report;
/* schema: "erc.inspect/1" */
struct report *report_new(const char *schema);
/* The facts that follow go into an object (JSON) or below a heading. NULL: the top level. */
void report_section(struct report *report, const char *key, const char *title);
/* heading: in text and Markdown; NULL: not shown there. Facts without any key are for reading: they appear only in
 * text, where lines are wrapped, and in Markdown. */
void report_fact(struct report *report, const char *key, const char *heading, enum cell_kind kind, double value);
void report_fact_text(struct report *report, const char *key, const char *heading, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Begins a table; its cells follow row by row. columns is borrowed until the report is freed. */
void report_table(struct report *report, const char *key, const char *title, const struct column *columns,
                  size_t count);
/* The same with a formatted title. In JSON, tables with the same key become one array. */
void report_table_titled(struct report *report, const char *key, const struct column *columns, size_t count,
                         const char *format, ...) __attribute__((format(printf, 5, 6)));
/* column: the key of the cell's column, or its heading if it has no key; another one than the next is a bug. */
void report_cell(struct report *report, const char *column, double value);
void report_cell_text(struct report *report, const char *column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Numbers that appear only in JSON: raw samples. */
void report_samples(struct report *report, const char *key, const double *values, size_t count);
void report_print(const struct report *report, enum format format, FILE *out);
void report_free(struct report *report);
/* NULL means text. Returns EXIT_USAGE after a message for an unknown name, else ARGS_OK. */
int format_parse(const char *name, enum format *out);
/* Flushes stdout. Returns EXIT_RUN after a message if the output could not be written (a full disk), else code. */
int output_finish(int code);

/* ---- signals.c ---- */

/* Whatever the parent set: the exit codes of children are kept, and a file beyond the limit of sizes is a failed write. */
void signals_settle(void);
extern volatile int signals_caught; /* the signal that will end this process; 0: none */
/* From now on SIGINT, SIGQUIT, SIGTERM and SIGHUP only set signals_caught; with false they end the process again. A signal that
 * is ignored stays ignored. */
void signals_catch(bool catch);
/* Ends the process by the signal that was caught, if there was one. */
void signals_end(void);

/* ---- faults.c ---- */

/* From now on a fault in a kernel is reported on stderr, with its launch and tile, before it ends the process. A
 * handler that is there already, such as a sanitizer's, stays. */
void faults_report(void);

/* ---- array.c: tensors in memory ---- */

struct array {
	enum erc_dtype dtype;
	uint32_t rank;
	int64_t dims[ERC_MAX_RANK];
	size_t count; /* number of elements */
	size_t bytes;
	void *data; /* row-major, little-endian; owned */
};

/* Number of elements, and bytes: 4-bit and 2-bit ones are packed, as erc.h says. Returns false if the size is too large or
 * the type has no fixed one. */
bool array_size(enum erc_dtype dtype, uint32_t rank, const int64_t *dims, size_t *count, size_t *bytes);
/* Sets dtype, rank and dims from the arguments and allocates zeroed data. Returns false if it is too large or the
 * type has no fixed size. */
bool array_new(struct array *array, enum erc_dtype dtype, uint32_t rank, const int64_t *dims);
void array_free(struct array *array);
/* Clears the bits of the last byte that no element has. */
void array_clear_rest(struct array *array);
/* The element as a double; 64-bit integers may be rounded. */
double array_get(const struct array *array, size_t index);
bool array_type_is_float(enum erc_dtype dtype); /* f16, bf16, f32, f64 and complex */
/* "f32 [1x3x224x224]"; the caller frees it. */
char *array_type_text(enum erc_dtype dtype, uint32_t rank, const int64_t *dims);
/* "[1x3x224x224]"; the caller frees it. */
char *dims_text(uint32_t rank, const int64_t *dims);
/* Deterministic: floats are approximately normal (mean 0, deviation 1), integers are 0 or 1, elements of types that numbers
 * are only stored in have any finite value. */
void array_fill_random(struct array *array, uint64_t seed);

struct comparison {
	bool equal;     /* within the limits */
	bool same_type; /* dtype and dims agree; if not, nothing below is set */
	size_t outside; /* elements beyond the limits */
	size_t worst;   /* index of the worst element */
	double worst_actual, worst_expected;
	/* |actual - expected| / |expected|, Euclidean; infinite if only one of two elements is a NaN or infinity */
	double relative_l2;
};
/* Floats: |a - e| <= atol + rtol |e|; NaN equals NaN; infinities must be equal. Other types must be equal. */
struct comparison array_compare(const struct array *actual, const struct array *expected, double rtol, double atol);

/* ---- npy.c, pb.c: files. They return NULL, or what is wrong: a sentence in static or per-thread storage ---- */

const char *npy_read(const char *path, struct array *out);
const char *npy_parse(const void *data, size_t bytes, struct array *out);
const char *npy_write(const char *path, const struct array *array);
/* Removes a file that is incomplete; a device or a pipe is kept. */
void remove_file(const char *path);
const char *pb_read(const char *path, struct array *out);
const char *pb_parse(const void *data, size_t bytes, struct array *out);
/* Reads the whole file; the caller frees *data. Returns NULL, or what is wrong. */
const char *file_read(const char *path, void **data, size_t *bytes);

/* ---- inputs.c: `name=@file`, `name=random:SEED`, `name=zeros` ---- */

/* Makes one array for each input from the texts. has_choice: the request's session has several entries, of which the shapes
 * of files choose one. Returns ARGS_OK, or an exit code after messages. */
int inputs_make(const erc_model *model, erc_request *request, const struct text_list *texts, bool has_choice,
                bool random_by_default, struct array *arrays);
/* Lets the request take the entry, and the sizes of its ranges, for texts such as "x:1x128". */
int inputs_set_shapes(const erc_model *model, erc_request *request, const struct text_list *shapes);
/* Whether a dim of the input is a range. */
bool has_ranges(const struct erc_tensor_info *info);
/* Splits "name=rest". Returns false after a usage message if there is no '='. The caller frees *name. */
bool binding_split(const char *option, const char *text, char **name, const char **rest);
/* Reads a file as a tensor; a .bin file takes the given type. Returns NULL, or what is wrong. */
const char *array_read(const char *path, enum erc_dtype dtype, uint32_t rank, const int64_t *dims, struct array *out);

/* ---- runner.c: an artifact, loaded and bound, ready to run ---- */

struct runner {
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	uint32_t entry, input_count, output_count;
	double load_us; /* from nothing to a request that is ready to bind */
	struct array *inputs;
	struct array *outputs; /* with upper-bound dims; runner_output returns the true ones */
};

struct runner_options {
	const char *path, *device, *target, *entry, *budget;
	const struct text_list *inputs;
	struct text_list shapes; /* "x:1x128": the entry and the sizes of ranges, if no file tells them */
	uint32_t workers;        /* 0: all */
	bool random_by_default;  /* inputs that are not given are random:1 */
	bool real_time;          /* the session's class; else best effort */
};

/* Returns ARGS_OK, or an exit code after messages. Call runner_close in both cases. */
int runner_open(struct runner *runner, const struct runner_options *options);
void runner_close(struct runner *runner);
/* Runs once. poison: first fills the outputs with a pattern, so that what a run does not write can be seen. */
enum erc_status runner_run(struct runner *runner, bool poison);
/* A view of an output with its true dims; data is borrowed from the runner. */
enum erc_status runner_output(const struct runner *runner, uint32_t output, struct array *view);
const char *runner_output_name(const struct runner *runner, uint32_t output);
/* Index of the output, or -1 after messages that list them. */
int runner_find_output(const struct runner *runner, const char *name);
double clock_us(void);

#endif
