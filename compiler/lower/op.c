/* Finds rows of the operator table. Also holds what infer functions share. */
#include "compiler/lower/op.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

const struct op *op_find(const char *domain, const char *name, int64_t opset)
{
	const struct op *best = NULL;
	for (const struct family *family = families; family->name; family++)
		for (const struct op *op = family->ops; op->name; op++) {
			if (strcmp(op->name, name) || strcmp(op->domain ? op->domain : "", domain))
				continue;
			if (op->since <= opset && (!best || op->since > best->since))
				best = op;
		}
	return best;
}

void node_set_row(struct node *node, const char *domain, int64_t opset)
{
	node->domain = domain;
	node->op = op_find(domain, node->op_type, opset);
	assert(node->op);
}

enum ercc_status node_resolve(struct node *node)
{
	node->op = op_find(node->domain, node->op_type, node->opset);
	if (!node->op)
		return node_fail(node, ERCC_UNSUPPORTED,
		                 op_find(node->domain, node->op_type, INT64_MAX) ? "supported from a later opset on only"
		                                                                 : "operator not supported");
	int inputs = node->input_count;
	while (inputs > 0 && !node->inputs[inputs - 1] && node->op->input_max != VARIADIC)
		inputs--;
	node->input_count = inputs;
	int hole = -1;
	int needed = node->op->input_max == VARIADIC ? inputs : node->op->input_min;
	for (int i = 0; i < needed && i < inputs; i++)
		if (!node->inputs[i] && hole < 0)
			hole = i;
	if (hole >= 0)
		return node_fail(node, ERCC_MODEL, "input %d is left out, but needed", hole);
	if (inputs < node->op->input_min)
		return node_fail(node, ERCC_MODEL, "%d inputs given, at least %d needed", inputs, node->op->input_min);
	int most = node->op->input_max, most_outputs = node->op->output_max;
	if (most != VARIADIC && inputs > most)
		return node_fail(node, ERCC_MODEL, "input '%s' is one too many; at most %d are allowed",
		                 node->inputs[most] ? node->inputs[most]->name : "", most);
	if (node->output_count < 1)
		return node_fail(node, ERCC_MODEL, "it has no outputs");
	if (most_outputs != VARIADIC && node->output_count > most_outputs)
		return node_fail(node, ERCC_UNSUPPORTED, "output '%s' is one too many; %d supported",
		                 node->outputs[most_outputs] ? node->outputs[most_outputs]->name : "", most_outputs);
	return check_attrs(node);
}

const struct ercc_operator *ercc_operator_row(uint32_t index)
{
	static _Thread_local struct ercc_operator row;
	static _Thread_local char dtypes[256];
	for (const struct family *family = families; family->name; family++)
		for (const struct op *op = family->ops; op->name; op++) {
			if (op_is_own(op))
				continue;
			if (index--)
				continue;
			dtypes[0] = 0;
			for (int dtype = 1; dtype < ERC_DTYPE_COUNT; dtype++)
				if (op->types >> dtype & 1) {
					strcat(dtypes, dtypes[0] ? " " : "");
					strcat(dtypes, dtype_name(dtype));
				}
			row = (struct ercc_operator){op->domain ? op->domain : "",
			                             op->name,
			                             (uint32_t)op->since,
			                             family->name,
			                             dtypes,
			                             op->expand  ? "expanded"
			                             : op->expr  ? "pointwise"
			                             : op->lower ? "kernel"
			                                         : "shape"};
			return &row;
		}
	return NULL;
}

enum ercc_status node_fail(const struct node *node, enum ercc_status status, const char *format, ...)
{
	struct context *ctx = node->graph->ctx;
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return fail(ctx, status, "node '%s' (%s%s%s, opset %lld): %s", node->name, node->domain, *node->domain ? "." : "",
	            node->op_type, (long long)node->opset, text);
}

const char *shape_words(const struct node *node, const struct shape *shape)
{
	return shape_text(&node->graph->ctx->arena, shape);
}

enum ercc_status set_output(struct node *node, int slot, enum erc_dtype dtype, const struct shape *shape)
{
	struct value *value = node_output(node, slot);
	if (!value)
		return ERCC_OK;
	if (shape_elements(shape) < 0)
		return node_fail(node, ERCC_UNSUPPORTED, "output %d would have shape %s: too large or not known", slot,
		                 shape_text(&node->graph->ctx->arena, shape));
	value->dtype = dtype;
	value->shape = *shape;
	return ERCC_OK;
}

enum ercc_status constant_input(const struct node *node, int slot, const char *what, const struct tensor **out)
{
	const struct value *value = node_input(node, slot);
	if (!value)
		return node_fail(node, ERCC_MODEL, "input %d (%s) is missing", slot, what);
	if (!value->constant) {
		enum ercc_status status =
			node_fail(node, ERCC_UNSUPPORTED, "%s ('%s') is known at run time only", what, value->name);
		note(node->graph->ctx, "if '%s' depends on an input, give its value with --const NAME=VALUE", value->name);
		return status;
	}
	*out = tensor_expand(&node->graph->ctx->arena, value->constant);
	return ERCC_OK;
}

enum ercc_status int_list(const struct node *node, const char *name, int slot, int64_t *values, int limit, int *count)
{
	const struct attr *attr = node_attr(node, name);
	*count = -1;
	if (slot >= 0 && node_input(node, slot)) {
		const struct tensor *tensor;
		TRY(constant_input(node, slot, name, &tensor));
		int64_t elements = shape_elements(&tensor->shape);
		if (elements > limit || tensor->shape.rank > 1 || !dtype_is_integer(tensor->dtype))
			return node_fail(node, ERCC_MODEL, "%s must be up to %d integers, found %s%s", name, limit,
			                 dtype_name(tensor->dtype), shape_text(&node->graph->ctx->arena, &tensor->shape));
		*count = (int)elements;
		for (int i = 0; i < *count; i++)
			values[i] = tensor_int(tensor, i);
	} else if (attr) {
		if (attr->count > limit)
			return node_fail(node, ERCC_MODEL, "%s has %lld elements, at most %d are allowed", name,
			                 (long long)attr->count, limit);
		*count = (int)attr->count;
		for (int i = 0; i < *count; i++)
			values[i] = attr->ints[i];
	}
	return ERCC_OK;
}

enum ercc_status check_precision(const struct node *node, const char *name)
{
	int64_t dtype = node_attr_int(node, name, 0);
	bool wide = dtype == ERC_F64 && node->inputs[0]->dtype == ERC_F64;
	if (dtype == 0 || dtype == ERC_F32 || dtype == ERC_F16 || dtype == ERC_BF16 || wide)
		return ERCC_OK;
	return node_fail(node, ERCC_UNSUPPORTED, "%s %lld; it is computed in f32", name, (long long)dtype);
}

enum ercc_status check_same_dtype(const struct node *node, int slot)
{
	const struct value *value = node_input(node, slot);
	if (value && value->dtype != node->inputs[0]->dtype)
		return node_fail(node, ERCC_MODEL, "input %d is %s, but input 0 is %s", slot, dtype_name(value->dtype),
		                 dtype_name(node->inputs[0]->dtype));
	return ERCC_OK;
}

bool is_mixed(const struct node *node)
{
	const struct value *a = node_input(node, 0), *b = node_input(node, 1);
	return (a && a->dtype == ERC_F64) || (b && b->dtype == ERC_F64);
}

enum ercc_status check_axis(const struct node *node, int64_t axis, int rank, int *out)
{
	if (axis < -rank || axis >= rank)
		return node_fail(node, ERCC_MODEL, "axis %lld is outside rank %d", (long long)axis, rank);
	*out = (int)(axis < 0 ? axis + rank : axis);
	return ERCC_OK;
}

enum ercc_status check_axes(const struct node *node, const int64_t *axes, int count, int rank)
{
	bool seen[MAX_RANK] = {false};
	int axis = 0;
	for (int i = 0; i < count; i++) {
		TRY(check_axis(node, axes[i], rank, &axis));
		if (seen[axis])
			return node_fail(node, ERCC_MODEL, "axis %d is given twice", axis);
		seen[axis] = true;
	}
	return ERCC_OK;
}

enum ercc_status broadcast_shapes(const struct node *node, const struct shape *a, const struct shape *b,
                                  struct shape *out)
{
	struct shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
	for (int i = 0; i < result.rank; i++) {
		int ia = i - (result.rank - a->rank), ib = i - (result.rank - b->rank);
		int64_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
		uint16_t sa = ia < 0 ? 0 : a->sizes[ia], sb = ib < 0 ? 0 : b->sizes[ib];
		if (sa || sb) { /* both dims have the same size, or one has a size and the other is 1 */
			bool same = sa && sb && graph_size(node->graph, sa) == graph_size(node->graph, sb);
			if (!same && (sa ? sb || db != 1 : da != 1))
				return node_fail(node, ERCC_UNSUPPORTED,
				                 "whether %s and %s broadcast is known at run time only: "
				                 "no rule says that dim %d is the same",
				                 shape_text(&node->graph->ctx->arena, a), shape_text(&node->graph->ctx->arena, b), i);
			result.dims[i] = !same ? (sa ? da : db) : da < db ? da : db;
			result.sizes[i] = sa ? sa : sb;
			continue;
		}
		if (da != db && da != 1 && db != 1)
			return node_fail(node, ERCC_MODEL, "shapes %s and %s do not broadcast",
			                 shape_text(&node->graph->ctx->arena, a), shape_text(&node->graph->ctx->arena, b));
		result.dims[i] = da == 1 ? db : da;
	}
	*out = result;
	return ERCC_OK;
}
