/* What mutations of ONNX models share: seeded numbers, odd names and numbers, and a random part of a model. */
#ifndef ERC_MUTATION_H
#define ERC_MUTATION_H

#include "tests/unit/model_file.h"

/* A change of a model. Returns false, with nothing changed, where the model has no such part. */
struct mutation {
	const char *name;
	bool (*apply)(onnx_model *model);
};

typedef Erc__Onnx__TypeProto__Tensor onnx_tensor_type;
typedef Erc__Onnx__TensorShapeProto onnx_shape;
typedef Erc__Onnx__TensorShapeProto__Dimension onnx_dim;

static uint64_t state;

static inline uint32_t any(size_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return below ? (uint32_t)((state >> 33) % below) : 0;
}

#define ANY_OF(table) ((table)[any(COUNT_OF(table))])

/* Unpacked lists have no room for more, so each of these copies the list. */
#define PUSH(message, field, item) \
	do { \
		__typeof__((message)->field[0]) pushed_ = (item); \
		(message)->field = copy_list((message)->field, (message)->n_##field, 1, sizeof *(message)->field); \
		(message)->field[(message)->n_##field++] = pushed_; \
	} while (0)
#define REMOVE(message, field, at) \
	do { \
		size_t removed_ = (at); \
		(message)->field = copy_list((message)->field, (message)->n_##field, 0, sizeof *(message)->field); \
		for ((message)->n_##field--; removed_ < (message)->n_##field; removed_++) \
			(message)->field[removed_] = (message)->field[removed_ + 1]; \
	} while (0)
#define SWAP(list, a, b) \
	do { \
		size_t a_ = (a), b_ = (b); \
		__typeof__((list)[0]) swapped_ = (list)[a_]; \
		(list)[a_] = (list)[b_]; \
		(list)[b_] = swapped_; \
	} while (0)

static inline void *copy_list(const void *items, size_t count, size_t more, size_t bytes)
{
	void *copy = arena_array(&test.ctx.arena, count + more, bytes);
	return count ? memcpy(copy, items, count * bytes) : copy;
}

/* A message and all that is in it. */
static inline void *copy_message(const void *message)
{
	const ProtobufCMessage *base = message;
	size_t bytes;
	void *data = build_pack(&test.ctx.arena, message, &bytes);
	return protobuf_c_message_unpack(base->descriptor, NULL, bytes, data); /* ends with the process */
}

/* ---- odd values ---- */

static const int64_t odd_numbers[] = {
	0,
	1,
	-1,
	2,
	3,
	-2,
	7,
	64,
	255,
	4096,
	INT32_MAX,
	INT32_MIN,
	INT64_MAX,
	INT64_MIN,
	1 << 20,
	INT64_C(1) << 31,
	INT64_C(1) << 40,
	INT64_C(1) << 62,
	-(INT64_C(1) << 62),
	1000003,
};

static inline char *repeated(char c, size_t count)
{
	char *text = arena_alloc(&test.ctx.arena, count + 1);
	return memset(text, c, count);
}

static inline char *odd_text(void)
{
	static char *const texts[] = {
		"",
		"%s%n%x%s%s%n",
		"a\nb",
		"\x1b[31mred\x1b[0m",
		"\x01\x02\x7f",
		"na\xc3\xafve \xe2\x9c\x93",
		"\xff\xfe",
		"a/b",
		"../..",
		"'; \"x\" \\",
		"erc",
		"Add",
		" ",
		"a,b=c",
		"x:0",
		"\t",
		"<x>",
		"-1",
	};
	uint32_t which = any(COUNT_OF(texts) + 2);
	return which < COUNT_OF(texts) ? texts[which] : repeated('x', which == COUNT_OF(texts) ? 2000 : 3000);
}

/* ---- parts of a model ---- */

#define GRAPHS_MAX 64

struct graphs {
	onnx_graph *items[GRAPHS_MAX];
	size_t count;
};

static inline void collect_graphs(struct graphs *graphs, onnx_graph *graph)
{
	if (graphs->count == GRAPHS_MAX)
		return;
	graphs->items[graphs->count++] = graph;
	for (size_t i = 0; i < graph->n_node; i++)
		for (size_t k = 0; k < graph->node[i]->n_attribute; k++)
			if (graph->node[i]->attribute[k]->g)
				collect_graphs(graphs, graph->node[i]->attribute[k]->g);
}

/* The model's graph, or one nested in it. */
static inline onnx_graph *any_graph(onnx_model *model)
{
	struct graphs graphs = {0};
	collect_graphs(&graphs, model->graph);
	return graphs.items[any(graphs.count)];
}

/* A node of a graph or of a function. NULL: there is none. */
static inline onnx_node *any_node(onnx_model *model)
{
	if (model->n_functions && any(3) == 0) {
		const onnx_function *function = model->functions[any(model->n_functions)];
		return function->n_node ? function->node[any(function->n_node)] : NULL;
	}
	const onnx_graph *graph = any_graph(model);
	return graph->n_node ? graph->node[any(graph->n_node)] : NULL;
}

static inline char *name_of(char *name)
{
	return name ? name : "";
}

/* The name of a value somewhere in the model. */
static inline char *any_value(onnx_model *model)
{
	const onnx_graph *graph = any_graph(model);
	for (int tries = 0; tries < 8; tries++) {
		const onnx_node *node = graph->n_node ? graph->node[any(graph->n_node)] : NULL;
		uint32_t what = any(4);
		if (what == 0 && graph->n_input)
			return name_of(graph->input[any(graph->n_input)]->name);
		if (what == 1 && graph->n_initializer)
			return name_of(graph->initializer[any(graph->n_initializer)]->name);
		if (what == 2 && node && node->n_output)
			return node->output[any(node->n_output)];
		if (what == 3 && node && node->n_input)
			return node->input[any(node->n_input)];
	}
	return "nothing";
}

static inline onnx_attr *any_attr(onnx_model *model)
{
	for (int tries = 0; tries < 8; tries++) {
		onnx_node *node = any_node(model);
		if (node && node->n_attribute)
			return node->attribute[any(node->n_attribute)];
	}
	return NULL;
}

/* An initializer, or the tensor of an attribute. */
static inline onnx_tensor *any_tensor(onnx_model *model)
{
	for (int tries = 0; tries < 8; tries++) {
		const onnx_graph *graph = any_graph(model);
		const onnx_attr *attr = any(2) ? any_attr(model) : NULL;
		if (attr && attr->t)
			return attr->t;
		if (graph->n_initializer)
			return graph->initializer[any(graph->n_initializer)];
	}
	return NULL;
}

/* A declared input or output. */
static inline onnx_value_info *any_info(onnx_model *model)
{
	const onnx_graph *graph = any_graph(model);
	if (graph->n_input && any(3))
		return graph->input[any(graph->n_input)];
	return graph->n_output ? graph->output[any(graph->n_output)] : NULL;
}

static inline onnx_tensor_type *any_tensor_type(onnx_model *model)
{
	const onnx_value_info *info = any_info(model);
	return info && info->type ? info->type->tensor_type : NULL;
}

#endif
