/* The parts of the conformance runner: which cases there are, running one, reporting all. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include "tools/erc/command.h"

/* PINNED: runs only when inputs are given as constants. RANDOM: draws random numbers, so its outputs are judged by what
 * they may be, not compared. ABSENT: needs a kernel that the target does not have. */
enum result {
	RESULT_PASS,
	RESULT_PINNED,
	RESULT_RANDOM,
	RESULT_UNSUPPORTED,
	RESULT_ABSENT,
	RESULT_WRONG,
	RESULT_CRASH,
	RESULT_HANG,
	RESULT_COUNT
};
extern const char *const result_words[RESULT_COUNT];

struct test_case {
	char *category; /* "node" */
	char *name;     /* "test_relu" */
	char *model;    /* path of the model */
	char *folder;   /* holds test_data_set_N; NULL: a light model, one generated input */
	char *expected; /* light model: file of its one output */
	char *op;       /* "Relu" */
	enum result result;
	char *reason; /* the case's first message if it did not pass */
};

/* How a case runs, and the limits of errors. */
struct limits {
	const char *target;
	const char *device; /* NULL: cpu */
	double rtol, atol;
	uint32_t workers;
};

struct cases {
	struct test_case *items;
	size_t count;
};

/* cases.c */
/* Finds the cases below `root` (the suite's data folder); sorted by category and name. */
void cases_find(struct cases *cases, const char *root);
void case_free(struct test_case *test);
void cases_free(struct cases *cases);

/* case.c */
/* Compiles to `artifact` (a path that it may write), runs and compares; the caller frees *reason. */
enum result case_run(const struct test_case *test, const struct limits *limits, const char *artifact, char **reason);

/* lists.c */
/* The tensors of some inputs or outputs, one after another. */
struct list {
	struct array *items;
	int count;
	bool is_nothing; /* what was read last is an optional that holds nothing */
};
/* Adds the tensors in a file; kind: 0, ERCC_SEQUENCE, ERCC_OPTIONAL. Returns NULL, or what is wrong. */
const char *list_read(struct list *list, const char *path, int kind);
void list_free(struct list *list);
/* Adds what --length and --shape have to say of the input, so that it can hold that list. */
void list_options(const struct ercc_value_info *input, const struct list *list, struct text_list *lengths,
                  struct text_list *shapes);
/* The model's input, and the place in it, of an artifact's input; false if there is none. */
bool list_find(const struct ercc_model_info *info, const char *name, uint32_t *input, int *item);

/* judge.c */
/* Whether the case draws random numbers. */
bool is_random(const struct test_case *test);
/* Returns NULL if the output is within the limits of its type, else what is wrong, which the caller frees. */
char *judge_output(const struct test_case *test, const struct limits *limits, uint32_t index,
                   const struct array *actual, const struct array *expected);

/* summary.c */
/* Prints tables by category and operator, and the most frequent reasons of unsupported cases; writes all reasons to
 * `path`. */
void summary_print(const struct cases *cases, const char *path);
/* Prints the absent cases by kernel, one line each; returns their number. */
size_t summary_absent(const struct cases *cases);

#endif
