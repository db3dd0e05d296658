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

/* Values 5, 6, 7 of a [2 x 3] tensor. */
static inline Erc__Onnx__SparseTensorProto *build_sparse(const char *name, const int64_t *indices, int rows,
                                                         int columns)
{
	static const float values[] = {5, 6, 7};
	Erc__Onnx__SparseTensorProto *sparse = build_message(arena, &erc__onnx__sparse_tensor_proto__descriptor);
	sparse->values = build_tensor(arena, name, ERC_F32, 1, (int64_t[]){rows}, values, 4 * (size_t)rows);
	sparse->indices = build_tensor(arena, "", ERC_I64, columns ? 2 : 1, (int64_t[]){rows, columns}, indices,
	                               8 * (size_t)(rows * (columns ? columns : 1)));
	BUILD_PUSH(arena, sparse, dims, 2);
	BUILD_PUSH(arena, sparse, dims, 3);
	return sparse;
}

#define assert_refused(status, words) \
	do { \
		struct graph *graph_; \
		assert_fails(read_model(&graph_), (status), (words)); \
	} while (0)

#endif
