/* Writes the tiny models that the golden tests of the command compile: `tiny_models FOLDER`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"

#define F32 1
#define DIMS_MAX 8

static char out_folder[4096];

static void *make(size_t bytes)
{
	void *memory = calloc(1, bytes);
	if (memory)
		return memory;
	fprintf(stderr, "tiny_models: out of memory\n");
	exit(1);
}

/* A value of type f32; a dim is a number or, where it is none, a name. */
static Erc__Onnx__ValueInfoProto *value(char *name, int rank, char **dims)
{
	Erc__Onnx__ValueInfoProto *info = make(sizeof *info);
	Erc__Onnx__TypeProto *type = make(sizeof *type);
	Erc__Onnx__TypeProto__Tensor *tensor = make(sizeof *tensor);
	Erc__Onnx__TensorShapeProto *shape = make(sizeof *shape);
	erc__onnx__value_info_proto__init(info);
	erc__onnx__type_proto__init(type);
	erc__onnx__type_proto__tensor__init(tensor);
	erc__onnx__tensor_shape_proto__init(shape);
	shape->n_dim = (size_t)rank;
	shape->dim = make(DIMS_MAX * sizeof *shape->dim);
	for (int i = 0; i < rank; i++) {
		Erc__Onnx__TensorShapeProto__Dimension *dim = shape->dim[i] = make(sizeof *dim);
		char *end;
		erc__onnx__tensor_shape_proto__dimension__init(dim);
		long long number = strtoll(dims[i], &end, 10);
		dim->has_dim_value = !*end;
		dim->dim_value = number;
		dim->dim_param = *end ? dims[i] : NULL;
	}
	tensor->has_elem_type = 1;
	tensor->elem_type = F32;
	tensor->shape = shape;
	type->tensor_type = tensor;
	info->name = name;
	info->type = type;
	return info;
}

static Erc__Onnx__NodeProto *node(char *op, char *name, int input_count, char **inputs, char *output)
{
	Erc__Onnx__NodeProto *made = make(sizeof *made);
	erc__onnx__node_proto__init(made);
	made->op_type = op;
	made->name = name;
	made->n_input = (size_t)input_count;
	made->input = inputs;
	made->n_output = 1;
	made->output = make(sizeof *made->output);
	made->output[0] = output;
	return made;
}

static void write_model(const char *file_name, Erc__Onnx__GraphProto *graph)
{
	Erc__Onnx__ModelProto model = ERC__ONNX__MODEL_PROTO__INIT;
	Erc__Onnx__OperatorSetIdProto opset = ERC__ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = {&opset};
	opset.has_version = 1;
	opset.version = 17;
	opset.domain = "";
	model.has_ir_version = 1;
	model.ir_version = 8;
	model.producer_name = "tiny_models";
	model.n_opset_import = 1;
	model.opset_import = opsets;
	model.graph = graph;
	size_t bytes = erc__onnx__model_proto__get_packed_size(&model);
	uint8_t *packed = make(bytes);
	erc__onnx__model_proto__pack(&model, packed);
	char path[4200];
	snprintf(path, sizeof path, "%s/%s", out_folder, file_name);
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(packed, 1, bytes, file) != bytes || fclose(file)) {
		perror(path);
		exit(1);
	}
	free(packed);
}

/* The graph of one model: nodes, one input, one output. */
static void write_chain(const char *file_name, int node_count, Erc__Onnx__NodeProto **nodes,
                        Erc__Onnx__ValueInfoProto *input, Erc__Onnx__ValueInfoProto *output)
{
	Erc__Onnx__GraphProto graph = ERC__ONNX__GRAPH_PROTO__INIT;
	graph.name = "tiny";
	graph.n_node = (size_t)node_count;
	graph.node = nodes;
	graph.n_input = 1;
	graph.input = &input;
	graph.n_output = 1;
	graph.output = &output;
	write_model(file_name, &graph);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: tiny_models FOLDER\n");
		return 2;
	}
	snprintf(out_folder, sizeof out_folder, "%s", argv[1]);
	char *fixed[] = {"2", "3"}, *symbolic[] = {"batch", "3"}, *huge[] = {"2147483647", "2147483647", "2147483647"};
	char *x[] = {"x"}, *a[] = {"a"}, *b[] = {"b"}, *ax[] = {"a", "x"};

	Erc__Onnx__NodeProto *add[] = {node("Relu", "first", 1, x, "a"), node("Add", "second", 2, ax, "y")};
	write_chain("relu_add.onnx", 2, add, value("x", 2, fixed), value("y", 2, fixed));
	write_chain("symbolic.onnx", 2, add, value("x", 2, symbolic), value("y", 2, symbolic));
	write_chain("huge.onnx", 2, add, value("x", 3, huge), value("y", 3, huge));

	Erc__Onnx__NodeProto *unknown[] = {
		node("Frobnicate", "one", 1, x, "a"),
		node("Relu", "two", 1, a, "b"),
		node("Transmogrify", "three", 1, b, "y"),
	};
	write_chain("unknown.onnx", 3, unknown, value("x", 2, fixed), value("y", 2, fixed));
	return 0;
}
