/* A small model in memory, which tests of the ONNX reader change and read. */
#ifndef ONNX_MODEL_H
#define ONNX_MODEL_H

#include "tools/dev/onnx_builder.h"
#include "tests/unit/graph_fixture.h"

static struct arena *arena;
static onnx_model *model;
static onnx_graph *top;

/* x:f32[2x3] -> Relu -> y */
static inline void start(void)
{
	fixture_start();
	arena = &test.ctx.arena;
	model = build_model(arena, 8, 17);
	top = model->graph;
	build_input(arena, top, build_info(arena, "x", ERC_F32, 2, (int64_t[]){2, 3}, NULL));
	build_node(arena, top, "Relu", "relu", "x", "y");
	build_output(arena, top, build_info(arena, "y", ERC_F32, 2, (int64_t[]){2, 3}, NULL));
}

static inline enum ercc_status read_model(struct graph **out)
{
	size_t bytes;
	void *data = build_pack(arena, model, &bytes);
	return onnx_read_model_bytes(&test.ctx, data, bytes, NULL, out);
}

static inline struct graph *must_read(void)
{
	struct graph *graph;
	assert_ok(read_model(&graph));
	assert_ok(graph_verify(graph, "import"));
	return graph;
}

#define assert_refused(status, words) \
	do { \
		struct graph *graph_; \
		assert_fails(read_model(&graph_), (status), (words)); \
	} while (0)

#endif
