/* Models of examples with operands of other element types. */
#ifndef ERC_TURNED_H
#define ERC_TURNED_H

#include "tests/ops/examples.h"
#include "compiler/include/ercc.h"

static char folder[] = "/tmp/erc-types-XXXXXX";
static char model_path[64];

static int bits_of(int type)
{
	enum erc_dtype dtype = (enum erc_dtype)type;
	return type > ERC_I2 ? 6 : (int)dtype_bytes(dtype) * 8 / dtype_packing(dtype); /* float6 is the last */
}

/* A constant of that shape. It has the numbers of `like` where the type can hold them. */
static onnx_tensor *constant_of(int type, const char *name, const struct value *like)
{
	struct arena *arena = &test.ctx.arena;
	int64_t elements = shape_elements(&like->shape);
	size_t bytes = ((size_t)elements * (size_t)bits_of(type) + 7) / 8;
	char *data = arena_alloc(arena, bytes + 8);
	const struct tensor *numbers = like->constant ? tensor_expand(arena, like->constant) : NULL;
	for (int64_t i = 0; numbers && i < elements; i++) {
		union expr_value value = {.f = tensor_float(numbers, i)};
		struct expr expr = {0};
		if (type > ERC_BF16 || type == ERC_STRING || type == ERC_C64 || type == ERC_C128)
			break;
		expr_cast(&expr, expr_operand(&expr, 0, ERC_F64), (enum erc_dtype)type);
		element_write(data, (enum erc_dtype)type, i, expr_evaluate(&expr, &value));
	}
	onnx_tensor *tensor = build_tensor(arena, name, type, like->shape.rank, like->shape.dims, data, bytes);
	if (type != ERC_STRING)
		return tensor;
	tensor->has_raw_data = 0;
	for (int64_t i = 0; i < elements; i++) {
		ProtobufCBinaryData text = {4, (uint8_t *)"text"};
		BUILD_PUSH(arena, tensor, string_data, text);
	}
	return tensor;
}

/* Gives operand `name` another type, as a constant or as an input. */
static void turn_operand(onnx_model *model, const struct value *operand, int type, bool constant)
{
	struct arena *arena = &test.ctx.arena;
	onnx_graph *top = model->graph;
	size_t inputs = 0, initializers = 0;
	for (size_t i = 0; i < top->n_input; i++)
		if (strcmp(top->input[i]->name, operand->name))
			top->input[inputs++] = top->input[i];
	for (size_t i = 0; i < top->n_initializer; i++)
		if (strcmp(top->initializer[i]->name, operand->name))
			top->initializer[initializers++] = top->initializer[i];
	top->n_input = inputs;
	top->n_initializer = initializers;
	if (constant)
		build_initializer(arena, top, constant_of(type, operand->name, operand));
	else
		build_input(arena, top, build_info(arena, operand->name, type, operand->shape.rank, operand->shape.dims, NULL));
}

static enum ercc_status check_model(onnx_model *model)
{
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .cache_dir = "",
	                               .targets = (const char *const[]){"cpu:x86-64-v3"},
	                               .target_count = 1};
	struct ercc_check figures;
	for (size_t i = 0; i < model->graph->n_output; i++)
		model->graph->output[i]->type = NULL;
	write_model_file(model_path, model);
	return ercc_check(model_path, &options, &figures);
}

#endif
