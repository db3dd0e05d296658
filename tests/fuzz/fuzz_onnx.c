/* The ONNX reader on any bytes: read, verify, print, read the text back. A libFuzzer target;
 * tests/reader/test_onnx_corpus.c runs it on the corpus in plain builds. */
#include <stdlib.h>

#include "compiler/core/graph.h"
#include "onnx/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void print_and_parse(struct context *ctx, const struct graph *graph)
{
	char *text;
	size_t bytes;
	struct graph *again;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		return;
	graph_print(graph, out);
	fclose(out);
	/* Text with a digest is refused; all other text must be read. */
	if (graph_parse(ctx, text, &again) == ERCC_OK && graph_verify(again, "parse") != ERCC_OK)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct ercc_options options = {.size = sizeof options};
	jmp_buf out_of_memory;
	struct context ctx = {.options = &options, .arena.out_of_memory = &out_of_memory};
	struct graph *graph;
	if (setjmp(out_of_memory) == 0 && onnx_read_model_bytes(&ctx, data, bytes, NULL, &graph) == ERCC_OK) {
		if (graph_verify(graph, "import") != ERCC_OK)
			abort();
		print_and_parse(&ctx, graph);
	}
	arena_release(&ctx.arena);
	return 0;
}
