/* Writes the tiny models that the golden tests of the command compile: `tiny_models FOLDER`. */
#include <errno.h>
#include <stdlib.h>

#include "tools/dev/onnx_builder.h"

static const char *out_folder;

/* A model from x to y, f32 [first x 3] both; a first of -1 is the symbolic dimension "batch". */
static onnx_model *model_of(struct arena *arena, int64_t first)
{
	const int64_t dims[] = {first, 3};
	onnx_model *model = build_model(arena, 8, 17);
	build_input(arena, model->graph, build_info(arena, "x", ERC_F32, 2, dims, "batch"));
	build_output(arena, model->graph, build_info(arena, "y", ERC_F32, 2, dims, "batch"));
	return model;
}

static onnx_model *relu_add(struct arena *arena, int64_t first)
{
	onnx_model *model = model_of(arena, first);
	build_node(arena, model->graph, "Relu", "first", "x", "a");
	build_node(arena, model->graph, "Add", "second", "a,x", "y");
	return model;
}

static onnx_model *unknown(struct arena *arena)
{
	onnx_model *model = model_of(arena, 2);
	build_node(arena, model->graph, "Frobnicate", "one", "x", "a");
	build_node(arena, model->graph, "Relu", "two", "a", "b");
	build_node(arena, model->graph, "Transmogrify", "three", "b", "y");
	return model;
}

/* The elements of x [2x3] that are not zero, and their indices. */
static onnx_model *nonzero(struct arena *arena)
{
	onnx_model *model = build_model(arena, 8, 17);
	build_input(arena, model->graph, build_info(arena, "x", ERC_F32, 2, (int64_t[]){2, 3}, NULL));
	build_output(arena, model->graph, build_info(arena, "at", ERC_I64, 2, (int64_t[]){2, -1}, "n"));
	build_output(arena, model->graph, build_info(arena, "y", ERC_F32, 1, (int64_t[]){-1}, "n"));
	build_node(arena, model->graph, "NonZero", "find", "x", "at");
	build_node(arena, model->graph, "Transpose", "turn", "at", "rows");
	build_node(arena, model->graph, "GatherND", "take", "x,rows", "y");
	return model;
}

/* Of an IR version and an opset that do not exist. */
static onnx_model *newer(struct arena *arena)
{
	onnx_model *model = relu_add(arena, 2);
	model->ir_version = 1000;
	model->opset_import[0]->version = 1000;
	return model;
}

/* A loop of 4000 iterations in another one. */
static onnx_model *nested_loops(struct arena *arena)
{
	static const int64_t turns = 4000;
	static const uint8_t yes = 1;
	onnx_model *model = model_of(arena, 2);
	onnx_graph *around = model->graph, *bodies[2];
	build_initializer(arena, around, build_tensor(arena, "turns", ERC_I64, 0, NULL, &turns, sizeof turns));
	build_initializer(arena, around, build_tensor(arena, "yes", ERC_BOOL, 0, NULL, &yes, sizeof yes));
	for (int i = 0; i < 2; i++) {
		char *state = arena_printf(arena, "s%d", i), *result = arena_printf(arena, "r%d", i);
		onnx_graph *body = bodies[i] = build_graph(arena, "body");
		onnx_node *loop = build_node(arena, around, "Loop", i ? "inner" : "outer", i ? "turns,yes,s0" : "turns,yes,x",
		                             i ? "r0" : "y");
		build_graph_attr(arena, loop, "body", body);
		build_input(arena, body, build_info(arena, arena_printf(arena, "i%d", i), ERC_I64, 0, NULL, NULL));
		build_input(arena, body, build_info(arena, arena_printf(arena, "c%d", i), ERC_BOOL, 0, NULL, NULL));
		build_input(arena, body, build_info(arena, state, ERC_F32, -1, NULL, NULL));
		build_output(arena, body, build_info(arena, "yes", ERC_BOOL, 0, NULL, NULL));
		build_output(arena, body, build_info(arena, result, ERC_F32, -1, NULL, NULL));
		around = body;
	}
	build_node(arena, bodies[1], "Add", "add", "s1,s1", "r1");
	return model;
}

/* x + bias, where bias is an input with a default. */
static onnx_model *with_default(struct arena *arena)
{
	static const float bias[] = {1, 2, 3};
	onnx_model *model = model_of(arena, -1);
	build_input(arena, model->graph, build_info(arena, "bias", ERC_F32, 1, (int64_t[]){3}, NULL));
	build_initializer(arena, model->graph, build_tensor(arena, "bias", ERC_F32, 1, (int64_t[]){3}, bias, sizeof bias));
	build_node(arena, model->graph, "Add", "add", "x,bias", "y");
	return model;
}

/* The tensors of a sequence, one after another, and whether an optional one is given. */
static onnx_model *with_sequence(struct arena *arena)
{
	onnx_model *model = build_model(arena, 8, 17);
	onnx_value_info *rows = build_info(arena, "rows", ERC_F32, 2, (int64_t[]){-1, 3}, "n"),
					*extra = build_info(arena, "extra", ERC_F32, 1, (int64_t[]){3}, NULL);
	build_type_around(arena, rows, false);
	build_type_around(arena, extra, true);
	build_input(arena, model->graph, rows);
	build_input(arena, model->graph, extra);
	build_output(arena, model->graph, build_info(arena, "y", ERC_F32, -1, NULL, NULL));
	build_output(arena, model->graph, build_info(arena, "given", ERC_BOOL, 0, NULL, NULL));
	onnx_node *join = build_node(arena, model->graph, "ConcatFromSequence", "join", "rows", "y");
	build_int(arena, join, "axis", 0);
	build_node(arena, model->graph, "OptionalHasElement", "has", "extra", "given");
	return model;
}

/* x times a matrix of 2^32 zeros, which the model makes of two numbers. */
static onnx_model *vast(struct arena *arena)
{
	static const int64_t shape[] = {65536, 65536};
	onnx_model *model = build_model(arena, 8, 17);
	build_input(arena, model->graph, build_info(arena, "x", ERC_F32, 2, (int64_t[]){1, 65536}, NULL));
	build_output(arena, model->graph, build_info(arena, "y", ERC_F32, 2, (int64_t[]){1, 65536}, NULL));
	build_initializer(arena, model->graph,
	                  build_tensor(arena, "shape", ERC_I64, 1, (int64_t[]){2}, shape, sizeof shape));
	build_node(arena, model->graph, "ConstantOfShape", "fill", "shape", "w");
	build_node(arena, model->graph, "MatMul", "product", "x,w", "y");
	return model;
}

static bool write_model(struct arena *arena, const char *name, const onnx_model *model)
{
	size_t bytes;
	const void *data = build_pack(arena, model, &bytes);
	FILE *file = fopen(arena_printf(arena, "%s/%s.onnx", out_folder, name), "wb");
	bool written = file && fwrite(data, 1, bytes, file) == bytes;
	return file && fclose(file) == 0 && written;
}

int main(int argc, char **argv)
{
	jmp_buf out_of_memory;
	struct arena arena = {.out_of_memory = &out_of_memory};
	if (argc != 2 || setjmp(out_of_memory)) {
		fprintf(stderr, "usage: tiny_models FOLDER\n");
		return 2;
	}
	out_folder = argv[1];
	const struct {
		const char *name;
		const onnx_model *model;
	} models[] = {
		{"relu_add", relu_add(&arena, 2)},
		{"symbolic", relu_add(&arena, -1)},
		{"huge", relu_add(&arena, INT64_C(1) << 61)},
		{"newer", newer(&arena)},
		{"nested_loops", nested_loops(&arena)},
		{"with_default", with_default(&arena)},
		{"with_sequence", with_sequence(&arena)},
		{"vast", vast(&arena)},
		{"nonzero", nonzero(&arena)},
		{"unknown", unknown(&arena)},
	};
	bool written = true;
	for (size_t i = 0; written && i < COUNT_OF(models); i++)
		written = write_model(&arena, models[i].name, models[i].model);
	if (!written)
		fprintf(stderr, "tiny_models: %s: %s\n", out_folder, strerror(errno));
	arena_release(&arena);
	return !written;
}
