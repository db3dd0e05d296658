/* A compilation context for tests: messages are kept; running out of memory ends the test. */
#ifndef ERC_GRAPH_FIXTURE_H
#define ERC_GRAPH_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#undef fail /* an old macro of Check; ours is a function */

#include "compiler/core/graph.h"
#include "onnx/onnx.h"
#include "tests/suite.h"

static struct fixture {
	struct context ctx;
	struct ercc_options options;
	char errors[8192]; /* all of them, one per line */
	char notes[2048];
} test;

static inline void keep_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done,
                                uint32_t total)
{
	(void)user, (void)done, (void)total;
	char *to = kind == ERCC_MESSAGE_ERROR ? test.errors : test.notes;
	size_t room = kind == ERCC_MESSAGE_ERROR ? sizeof test.errors : sizeof test.notes;
	size_t used = strlen(to);
	snprintf(to + used, room - used, "%s\n", message);
}

static inline void fixture_start(void)
{
	memset(&test, 0, sizeof test);
	test.options.size = sizeof test.options;
	test.options.message = keep_message;
	test.ctx.options = &test.options;
}

static inline void fixture_stop(void)
{
	arena_release(&test.ctx.arena);
}

static inline void forget_messages(void)
{
	test.errors[0] = test.notes[0] = '\0';
	test.ctx.error_count = 0;
}

/* Asserts that the call fails with this status, and that an error contains these words. */
#define assert_fails(call, expected, words) \
	do { \
		forget_messages(); \
		enum ercc_status status_ = (call); \
		ck_assert_msg(status_ == (expected), "%s: %s: %s", #call, ercc_status_text(status_), test.errors); \
		ck_assert_msg(strstr(test.errors, (words)), "expected '%s' in: %s", (words), test.errors); \
	} while (0)

#define assert_ok(call) \
	do { \
		enum ercc_status status_ = (call); \
		ck_assert_msg(status_ == ERCC_OK, "%s: %s: %s", #call, ercc_status_text(status_), test.errors); \
	} while (0)

/* The graph as text; the caller frees it. */
static __attribute__((noinline, unused)) char *text_of(const struct graph *graph)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	ck_assert_ptr_nonnull(out);
	graph_print(graph, out);
	fclose(out);
	return text;
}

/* Asserts that the graph prints as `expected`, without the first line (graph ...). */
static inline void assert_text(const struct graph *graph, const char *expected)
{
	char *text = text_of(graph);
	ck_assert_str_eq(strchr(text, '\n') + 1, expected);
	free(text);
}

#endif
