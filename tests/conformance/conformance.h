/* The parts of the conformance runner: which cases there are, running one, reporting all. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include "tools/erc/command.h"

/* ABSENT: needs a kernel that is not on the target. */
enum result {
	RESULT_PASS,
	RESULT_PINNED,
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
	char *expected; /* light model: its one output */
	char *op;       /* "Relu" */
	enum result result;
	char *reason; /* what the case said first when it did not pass */
};

/* How a case runs and what is near enough. */
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
/* Compiles to `artifact` (a path that it may write), runs and compares; *reason is the caller's to free. */
enum result case_run(const struct test_case *test, const struct limits *limits, const char *artifact, char **reason);

/* summary.c */
/* Tables by category and operator, the unsupported ones by reason (all of them to `path`). */
void summary_print(const struct cases *cases, const char *path);
/* The absent ones by kernel, a line each; returns how many there are. */
size_t summary_absent(const struct cases *cases);

#endif
