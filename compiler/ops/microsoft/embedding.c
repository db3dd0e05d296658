/* Normalisations of the domain com.microsoft: of a sum with a skip connection, without means, of embeddings. */
#include "compiler/ops/microsoft/microsoft.h"

static enum ercc_status check_last(const struct node *node, int slot, const struct shape *x)
{
	const struct value *value = node_input(node, slot);
	if (value && (value->shape.rank != 1 || !x->rank || value->shape.dims[0] != x->dims[x->rank - 1]))
		return node_fail(node, ERCC_MODEL, "input %d %s is not one number for each in the last dim of %s", slot,
		                 shape_words(node, &value->shape), shape_words(node, x));
	return value ? check_same_dtype(node, slot) : ERCC_OK;
}

/* 1 / sqrt(mean of squares + epsilon), along the dims from `axis` on; x has the shape of the first input. */
static struct value *inverse_rms(struct node *node, struct value *x, int axis, double epsilon)
{
	const struct value *like = node->inputs[0];
	int64_t axes[MAX_RANK];
	for (int d = axis; d < like->shape.rank; d++)
		axes[d - axis] = d;
	return EMIT(node, "Reciprocal(Sqrt(Add(ReduceMean(Mul(a, a), b), c)))", x,
	            constant_ints(node, axes, like->shape.rank - axis), constant_number(node, like->dtype, epsilon));
}

static enum ercc_status expand_simplified(struct node *node)
{
	struct value *x = node->inputs[0];
	double epsilon = node_attr_float(node, "epsilon", 1e-5f);
	int axis;
	TRY(check_precision(node, "stash_type"));
	TRY(check_axis(node, node_attr_int(node, "axis", -1), x->shape.rank, &axis));
	const char *text = TEXT(node, "RMSNormalization[axis=%d, epsilon=%.9e](a, b)", axis, epsilon);
	expand_to(node, 0, EMIT(node, text, x, node->inputs[1]));
	if (node_output(node, 1))
		expand_to(node, 1, inverse_rms(node, x, axis, epsilon));
	return ERCC_OK;
}

/* The sum of the input, the skip connection and the bias, normalised. */
static enum ercc_status expand_skip(struct node *node)
{
	bool is_simplified = strlen(node->op_type) > strlen("SkipLayerNormalization");
	struct value *x = node->inputs[0], *gamma = node->inputs[2], *beta = is_simplified ? NULL : node_input(node, 3);
	int bias = is_simplified ? 3 : 4;
	const double epsilon = node_attr_float(node, "epsilon", 1e-12f);
	struct shape both;
	TRY(broadcast_shapes(node, &x->shape, &node->inputs[1]->shape, &both));
	if (!shape_equal(&both, &x->shape) || x->shape.rank < 2)
		return node_fail(node, ERCC_MODEL, "the skip connection %s does not go with %s",
		                 shape_words(node, &node->inputs[1]->shape), shape_words(node, &x->shape));
	TRY(check_same_dtype(node, 1));
	for (int slot = 2; slot <= bias; slot++)
		TRY(check_last(node, slot, &x->shape));
	struct value *sum = EMIT(node, "Add(a, b)", x, node->inputs[1]), *y;
	if (node_input(node, bias))
		sum = EMIT(node, "Add(a, b)", sum, node->inputs[bias]);
	if (is_simplified) {
		y = EMIT(node, TEXT(node, "RMSNormalization[epsilon=%.9e](a, b)", epsilon), sum, gamma);
		if (node_output(node, 1))
			return node_fail(node, ERCC_UNSUPPORTED, "output 1, the mean, does not exist here");
		if (node_output(node, 2))
			expand_to(node, 2, inverse_rms(node, sum, x->shape.rank - 1, epsilon));
	} else {
		const char *text =
			beta ? "LayerNormalization[epsilon=%.9e](a, b, c)" : "LayerNormalization[epsilon=%.9e](a, b)";
		y = EMIT(node, TEXT(node, text, epsilon), sum, gamma, beta);
		for (int slot = 1; slot < 3; slot++)
			if (node_output(node, slot))
				expand_to(node, slot, emitted_output(y, slot));
	}
	expand_to(node, 0, y);
	expand_to(node, 3, sum);
	return ERCC_OK;
}

/* ---- EmbedLayerNormalization ---- */

enum { IDS, SEGMENT_IDS, WORDS, POSITIONS, SEGMENTS, GAMMA, BETA, MASK, POSITION_IDS };

static enum ercc_status check_embedding(const struct node *node)
{
	static const int needed[] = {WORDS, POSITIONS, GAMMA, BETA};
	for (size_t i = 0; i < COUNT_OF(needed); i++)
		if (!node_input(node, needed[i]))
			return node_fail(node, ERCC_MODEL, "input %d is left out, but needed", needed[i]);
	const struct shape *ids = &node->inputs[IDS]->shape, *words = &node->inputs[WORDS]->shape;
	static const int tables[] = {WORDS, POSITIONS, SEGMENTS}, lists[] = {SEGMENT_IDS, MASK};
	if (ids->rank != 2)
		return node_fail(node, ERCC_MODEL, "the ids are %s; wanted [batch, length]", shape_words(node, ids));
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		const struct value *table = node_input(node, tables[i]);
		if (table && (table->shape.rank != 2 || words->rank != 2 || table->shape.dims[1] != words->dims[1]))
			return node_fail(node, ERCC_MODEL, "input %d %s does not go with embeddings %s", tables[i],
			                 shape_words(node, &table->shape), shape_words(node, words));
	}
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		const struct value *list = node_input(node, lists[i]);
		if (list && !shape_equal(&list->shape, ids))
			return node_fail(node, ERCC_MODEL, "input %d %s differs from the ids %s", lists[i],
			                 shape_words(node, &list->shape), shape_words(node, ids));
	}
	if (!node_input(node, SEGMENT_IDS) != !node_input(node, SEGMENTS))
		return node_fail(node, ERCC_MODEL, "segment ids and their embeddings are given one without the other");
	if (!node_input(node, POSITION_IDS) && ids->dims[1] > node->inputs[POSITIONS]->shape.dims[0])
		return node_fail(node, ERCC_MODEL, "%lld positions, and embeddings for %s", (long long)ids->dims[1],
		                 shape_words(node, &node->inputs[POSITIONS]->shape));
	return ERCC_OK;
}

static enum ercc_status expand_embedding(struct node *node)
{
	struct value *ids = node->inputs[IDS], *mask = node_input(node, MASK), *positions = node_input(node, POSITION_IDS);
	TRY(check_embedding(node));
	struct shape row = shape_of(2, (int64_t[]){1, ids->shape.dims[1]});
	if (!positions)
		positions = constant_range(node, 0, 1, row.dims[1], &row);
	struct value *sum =
		EMIT(node, "Add(Gather(a, b), Gather(c, d))", node->inputs[WORDS], ids, node->inputs[POSITIONS], positions);
	if (node_input(node, SEGMENTS))
		sum = EMIT(node, "Add(a, Gather(b, c))", sum, node->inputs[SEGMENTS], node->inputs[SEGMENT_IDS]);
	const char *text =
		TEXT(node, "LayerNormalization[epsilon=%.9e](a, b, c)", node_attr_float(node, "epsilon", 1e-12f));
	expand_to(node, 0, EMIT(node, text, sum, node->inputs[GAMMA], node->inputs[BETA]));
	if (node_output(node, 1) && mask)
		expand_to(node, 1, EMIT(node, TEXT(node, "ReduceSum[keepdims=0](Cast[to=%d](a), {1})", (int)ERC_I32), mask));
	else if (node_output(node, 1))
		expand_to(node, 1,
		          EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)ERC_I32),
		               constant_range(node, 0, 0, ids->shape.dims[0],
		                              &(struct shape){.rank = 1, .dims = {ids->shape.dims[0]}})));
	expand_to(node, 2, sum);
	return ERCC_OK;
}

const struct op ops_embedding[] = {
	{"SimplifiedLayerNormalization", 1, 2, 2, 2, TYPES_FLOAT, .expand = expand_simplified,
     .attrs = "axis=int epsilon=float stash_type=int"}, /* ONNX Runtime writes it in ONNX's own domain */
	{"SimplifiedLayerNormalization", 1, 2, 2, 2, TYPES_FLOAT, .expand = expand_simplified, .domain = MICROSOFT,
     .attrs = "axis=int epsilon=float stash_type=int"},
	{"SkipLayerNormalization", 1, 3, 5, 4, TYPES_FLOAT, .expand = expand_skip, .domain = MICROSOFT,
     .attrs = "epsilon=float"},
	{"SkipSimplifiedLayerNormalization", 1, 3, 4, 4, TYPES_FLOAT, .expand = expand_skip, .domain = MICROSOFT,
     .attrs = "epsilon=float"},
	{"EmbedLayerNormalization", 1, 1, 9, 3, TYPE(I32) | TYPE(I64), .expand = expand_embedding, .domain = MICROSOFT,
     .attrs = "epsilon=float mask_index_type=int"},
	{0},
};
