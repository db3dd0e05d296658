/* Losses over class scores: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. */
#include "compiler/lower/op.h"

static enum ercc_status check_loss(const struct node *node)
{
	const struct shape *x = &node->inputs[0]->shape, *target = &node->inputs[1]->shape;
	const struct value *weight = node_input(node, 2);
	bool fits = x->rank >= 2 && target->rank == x->rank - 1 && x->dims[0] == target->dims[0];
	for (int i = 1; fits && i < target->rank; i++)
		fits = target->dims[i] == x->dims[i + 1];
	if (!fits || (node->inputs[1]->dtype != ERC_I64 && node->inputs[1]->dtype != ERC_I32))
		return node_fail(node, ERCC_MODEL,
		                 "scores %s and classes %s%s; wanted i32 or i64, and the scores' shape without dim 1",
		                 shape_words(node, x), dtype_name(node->inputs[1]->dtype), shape_words(node, target));
	TRY(check_same_dtype(node, 2));
	if (weight && (weight->shape.rank != 1 || weight->shape.dims[0] != x->dims[1]))
		return node_fail(node, ERCC_MODEL, "weights %s for %lld classes", shape_words(node, &weight->shape),
		                 (long long)x->dims[1]);
	return ERCC_OK;
}

/* -log_probability[class] * weight[class]. The class `ignore_index` has weight 0. */
static enum ercc_status emit_loss(struct node *node, struct value *log_probability)
{
	struct value *target = node->inputs[1], *weight = node_input(node, 2), *ignored = NULL, *w = NULL;
	const struct attr *ignore = node_attr(node, "ignore_index");
	const char *reduction = node_attr_text(node, "reduction", "mean");
	enum erc_dtype dtype = node->inputs[0]->dtype;
	if (ignore && ignore->kind == ATTR_INT) {
		ignored = EMIT(node, "Equal(a, b)", target, constant_number(node, target->dtype, (double)ignore->i));
		target = EMIT(node, "Where(b, Mul(a, 0), a)", target, ignored);
	}
	struct value *loss = EMIT(node, "Neg(Squeeze(GatherElements[axis=1, positions=1](a, Unsqueeze(b, {1})), {1}))",
	                          log_probability, target);
	if (weight)
		w = EMIT(node, "Gather(a, b)", weight, target);
	else if (ignored || !strcmp(reduction, "mean"))
		w = EMIT(node, "Expand(a, b)", constant_number(node, dtype, 1),
		         constant_ints(node, node->inputs[1]->shape.dims, node->inputs[1]->shape.rank));
	if (ignored)
		w = EMIT(node, "Where(b, c, a)", w, ignored, constant_number(node, dtype, 0));
	if (w)
		loss = EMIT(node, "Mul(a, b)", loss, w);
	if (!strcmp(reduction, "sum"))
		loss = EMIT(node, "ReduceSum[keepdims=0](a)", loss);
	else if (!strcmp(reduction, "mean"))
		loss = EMIT(node, "Div(ReduceSum[keepdims=0](a), ReduceSum[keepdims=0](b))", loss, w);
	else if (strcmp(reduction, "none"))
		return node_fail(node, ERCC_MODEL, "reduction '%s' is unknown", reduction);
	expand_to(node, 0, loss);
	return ERCC_OK;
}

static enum ercc_status expand_nll(struct node *node)
{
	TRY(check_loss(node));
	return emit_loss(node, node->inputs[0]);
}

static enum ercc_status expand_cross_entropy(struct node *node)
{
	TRY(check_loss(node));
	struct value *log_probability = EMIT(node, "LogSoftmax[axis=1](a)", node->inputs[0]);
	expand_to(node, 1, log_probability);
	return emit_loss(node, log_probability);
}

const struct op ops_loss[] = {
	{"NegativeLogLikelihoodLoss", 12, 2, 3, 1, TYPES_FLOAT, .expand = expand_nll,
     .attrs = "ignore_index=int reduction=text"},
	{"SoftmaxCrossEntropyLoss", 12, 2, 3, 2, TYPES_FLOAT, .expand = expand_cross_entropy,
     .attrs = "ignore_index=int reduction=text"},
	{0},
};
