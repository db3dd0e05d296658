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

/* Of an IR version and opset that nobody knows. */
static onnx_model *newer(struct arena *arena)
{
	onnx_model *model = relu_add(arena, 2);
	model->ir_version = 1000;
	model->opset_import[0]->version = 1000;
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
	bool written = write_model(&arena, "relu_add", relu_add(&arena, 2)) &&
	               write_model(&arena, "symbolic", relu_add(&arena, -1)) &&
	               write_model(&arena, "huge", relu_add(&arena, INT64_C(1) << 61)) &&
	               write_model(&arena, "newer", newer(&arena)) &&
	               write_model(&arena, "nonzero", nonzero(&arena)) && write_model(&arena, "unknown", unknown(&arena));
	if (!written)
		fprintf(stderr, "tiny_models: %s: %s\n", out_folder, strerror(errno));
	arena_release(&arena);
	return !written;
}
