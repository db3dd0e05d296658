/* Operators that treat rows, images or regions one by one. They compute all rows up to the bound, then the true number
 * limits the result. */
#include "compiler/ops/sizes.h"

#include <stdlib.h>

#include "compiler/lower/inserted.h"

struct node *emit_same(struct node *node, struct value *const *inputs, int count)
{
	struct graph *graph = node->graph;
	struct value **outputs = arena_array(&graph->ctx->arena, (size_t)node->output_count, sizeof *outputs);
	for (int i = 0; i < node->output_count; i++)
		outputs[i] = node->outputs[i] ? graph_value(graph, graph_unique_name(graph, node->outputs[i]->name)) : NULL;
	struct node *same =
		graph_add_node(graph, node, node->op_type, node->name, inputs, count, outputs, node->output_count);
	same->domain = node->domain;
	same->opset = node->opset;
	same->op = node->op;
	node_set_attrs(same, node->attrs, node->attr_count);
	return same;
}

/* ---- rows with `rows` (op.h says how it is written) ---- */

/* The label of a dim: a letter, or DIM + its number where '+' stands for it. 0: it must be known. */
#define DIM 0x80

/* Reads an attribute's name and default: "axis=-1". Returns the axis. */
static int64_t read_axis(const struct node *node, const char **at)
{
	char name[32];
	int length = 0;
	while ((*at)[length] != '=' && length + 1 < (int)sizeof name)
		length++;
	memcpy(name, *at, (size_t)length);
	name[length] = 0;
	int64_t otherwise = strtol(*at + length + 1, (char **)(uintptr_t)at, 10);
	return node_attr_int(node, name, otherwise);
}

/* Reads one part of the text: the labels of an operand with this rank. *at is then behind it. */
static void read_part(const struct node *node, const char **at, int rank, uint8_t *labels)
{
	int dim = 0;
	memset(labels, 0, MAX_RANK);
	for (; **at && **at != ',' && strncmp(*at, "->", 2);) {
		char kind = *(*at)++;
		uint8_t label = kind >= 'a' && kind <= 'z' ? (uint8_t)kind : 0;
		if (kind == '#')
			label = (uint8_t)(DIM + read_axis(node, at));
		if (kind != '+' && kind != '*') {
			if (dim < rank)
				labels[dim++] = label;
			continue;
		}
		for (int d = dim; d < rank && kind == '+'; d++)
			labels[d] = (uint8_t)(DIM + d);
		kind = **at;
		if (kind != '!' && kind != '<')
			continue;
		++*at;
		int64_t axis = read_axis(node, at);
		axis += axis < 0 ? rank : 0;
		for (int d = dim; d < rank; d++)
			if (kind == '!' ? d == axis : d >= axis)
				labels[d] = 0;
	}
	*at += **at == ',';
}

#define SLOTS_MAX 16
struct labels {
	uint8_t inputs[SLOTS_MAX][MAX_RANK];
	const char *outputs; /* the rest of the text */
};

static enum ercc_status read_labels(const struct node *node, const char *rows, struct labels *labels)
{
	const char *at = rows;
	*labels = (struct labels){.outputs = NULL};
	for (int i = 0; i < node->input_count && i < SLOTS_MAX; i++) {
		const struct value *in = node->inputs[i];
		const struct shape *shape = in ? &in->shape : &(struct shape){.rank = 0};
		if (strncmp(at, "->", 2))
			read_part(node, &at, shape->rank, labels->inputs[i]);
		for (int d = 0; d < shape->rank; d++)
			if (shape->sizes[d] && !labels->inputs[i][d])
				return node_fail(node, ERCC_UNSUPPORTED,
				                 "input '%s' is %s%s: dim %d is known at run time only, which is not supported here",
				                 in->name, dtype_name(in->dtype), shape_words(node, shape), d);
	}
	labels->outputs = strstr(at, "->") + 2;
	return ERCC_OK;
}

/* The inputs' dims with this label. Returns whether one of them has a run-time size. */
static bool find_label(const struct node *node, const struct labels *labels, uint8_t label, struct places *places)
{
	bool any = false;
	places->count = 0;
	for (int i = 0; i < node->input_count && i < SLOTS_MAX; i++)
		for (int d = 0; node->inputs[i] && d < node->inputs[i]->shape.rank && places->count < PLACES_MAX; d++)
			if (labels->inputs[i][d] == label) {
				any |= node->inputs[i]->shape.sizes[d] != 0;
				places->items[places->count].slot = i;
				places->items[places->count++].dim = d;
			}
	return any;
}

/* Indices after the true size become 0, which is in every dim. */
static void fill_indices(struct node *node, struct value **inputs)
{
	for (int i = 1; i < node->input_count && i < SLOTS_MAX; i++) {
		const struct value *in = node->inputs[i];
		for (int d = 0; in && dtype_is_integer(in->dtype) && d < in->shape.rank; d++)
			if (in->shape.sizes[d])
				inputs[i] = emit_filled(node, inputs[i], in, d, constant_number(node, in->dtype, 0));
	}
}

enum ercc_status expand_rows(struct node *node, const char *rows)
{
	struct value *inputs[SLOTS_MAX] = {NULL}, *sizes[256] = {NULL};
	int64_t bounds[256] = {0};
	struct labels labels;
	struct places places;
	if (node->input_count > SLOTS_MAX)
		return node_fail(node, ERCC_UNSUPPORTED, "%d inputs; at most %d", node->input_count, SLOTS_MAX);
	TRY(read_labels(node, rows, &labels));
	for (int i = 0; i < node->input_count; i++)
		inputs[i] = node->inputs[i];
	fill_indices(node, inputs);
	for (int label = 1; label < 256; label++)
		if (find_label(node, &labels, (uint8_t)label, &places))
			TRY(emit_agreed(node, &places, inputs, &bounds[label], &sizes[label]));
	struct node *same = emit_same(node, inputs, node->input_count);
	const char *at = labels.outputs;
	for (int i = 0; i < node->output_count; i++) {
		uint8_t of[MAX_RANK];
		read_part(node, &at, strcspn(at, ",") && strchr("+", *at) ? node->inputs[0]->shape.rank : MAX_RANK, of);
		if (!node->outputs[i])
			continue;
		struct value *y = same->outputs[i];
		for (int d = 0; d < MAX_RANK; d++)
			if (of[d] && sizes[of[d]])
				y = emit_limited(node, y, d, bounds[of[d]], sizes[of[d]]);
		expand_to(node, i, y);
	}
	return ERCC_OK;
}

/* ---- MatMul, Gemm: run-time sizes of rows, columns, or the summed dim, which is filled with zeros ---- */

/* The matrix at its bounds. summed: the dim that the product sums. */
static struct value *emit_matrix(struct node *node, struct value *in, int summed)
{
	struct value *x = in;
	for (int i = 0; i < in->shape.rank; i++)
		if (in->shape.sizes[i])
			x = i == summed ? emit_filled(node, x, in, i, constant_number(node, in->dtype, 0))
			                : emit_bounded(node, x, i);
	return x;
}

enum ercc_status expand_sized_product(struct node *node)
{
	struct value *a = node->inputs[0], *b = node->inputs[1], *c = node_input(node, 2);
	bool ta = node_attr_int(node, "transA", 0) != 0, tb = node_attr_int(node, "transB", 0) != 0;
	int ranks[] = {a->shape.rank, b->shape.rank}, rank = ranks[0] > ranks[1] ? ranks[0] : ranks[1];
	if (ranks[0] < 2 || ranks[1] < 2 || (c && shape_run_time_dim(&c->shape) >= 0))
		return node_fail(node, ERCC_UNSUPPORTED, "dims known at run time only, of a vector or of C, are not supported");
	struct value *inputs[] = {emit_matrix(node, a, ranks[0] - 1 - ta), emit_matrix(node, b, ranks[1] - 2 + tb), c};
	struct value *sizes[MAX_RANK + 1] = {NULL};
	int64_t bounds[MAX_RANK + 1] = {0};
	for (int i = 0; i <= rank; i++) { /* of the result, then the summed dim */
		struct places places = {.count = 0};
		bool any = false;
		for (int k = 0; k < 2; k++) {
			const struct shape *shape = &node->inputs[k]->shape;
			int kept = k ? ranks[1] - 1 - tb : ranks[0] - 2 + ta, summed = k ? ranks[1] - 2 + tb : ranks[0] - 1 - ta;
			int dim = i == rank ? summed : i == rank - 2 + k ? kept : i < rank - 2 ? i - (rank - ranks[k]) : -1;
			if (dim < 0 || (i < rank - 2 && !shape->sizes[dim] && shape->dims[dim] == 1))
				continue;
			any |= shape->sizes[dim] != 0;
			places.items[places.count].slot = k;
			places.items[places.count++].dim = dim;
		}
		if (any)
			TRY(emit_agreed(node, &places, inputs, &bounds[i], &sizes[i]));
	}
	struct node *same = emit_same(node, inputs, node->input_count);
	struct value *out = same->outputs[0];
	for (int i = 0; i < rank; i++)
		if (sizes[i])
			out = emit_limited(node, out, i, bounds[i], sizes[i]);
	expand_to(node, 0, out);
	return ERCC_OK;
}
