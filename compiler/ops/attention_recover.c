/* Finds scaled dot-product attention in the forms that exporters write. The patterns contain no transpositions: the
 * kernel follows strides, so passes/absorb.c removes transpositions from the plan later. */
#include "compiler/ops/attention_core.h"

enum { ADDED = 1, SEEN = 2, HIDDEN = 4, ZERO_EMPTY = 8 };

static const struct rule rules[] = {
	{"weights", "w=Softmax(<masked>)", 0},
	{"weights", "Where(IsNaN(w=Softmax(<masked>)), 0, w)", ZERO_EMPTY},
	{"masked", "Add(<scores>, m)", ADDED},
	{"masked", "Where(m, <scores>, #f)", SEEN},
	{"masked", "Where(m, #f, <scores>)", HIDDEN},
	{"masked", "<scores>", 0},
	{"scores", "Div(MatMul(<queries>, <keys>), #a)", 0},
	{"scores", "Mul(MatMul(<queries>, <keys>), #b)", 0},
	{"scores", "MatMul(<queries>, <keys>)", 0},
	{"queries", "Div(q, #c)", 0},
	{"queries", "Mul(q, #d)", 0},
	{"queries", "q", 0},
	{"keys", "Div(k, #e)", 0},
	{"keys", "Mul(k, #g)", 0},
	{"keys", "t=Transpose(Div(k, #e))", 0},
	{"keys", "t=Transpose(Mul(k, #g))", 0},
	{"keys", "k", 0},
	{0},
};

static bool is_f32_matrix(const struct value *value)
{
	return value->dtype == ERC_F32 && shape_run_time_dim(&value->shape) < 0 && value->shape.rank >= 2 &&
	       value->shape.rank <= 4;
}

/* Whether the matched values fit the kernel: f32 matrices, scores of shape [..., queries, keys], a mask that broadcasts
 * to them without making them larger, and attention weights that have no other users. */
static bool fits(const struct match *match, const struct node *root)
{
	const struct value *q = matched(match, 'q'), *k = matched(match, 'k'), *v = matched(match, 'v'),
					   *m = matched(match, 'm'), *w = matched(match, 'w');
	int users = match->flags & ZERO_EMPTY ? 2 : 1;
	if (!is_f32_matrix(q) || !is_f32_matrix(k) || !is_f32_matrix(v) || value_count_uses(w) != users)
		return false;
	if (m && (m->shape.rank > 4 || shape_run_time_dim(&m->shape) >= 0 ||
	          m->dtype != (match->flags & ADDED ? ERC_F32 : ERC_BOOL)))
		return false;
	const struct shape *scores = &w->shape, *out = &root->outputs[0]->shape;
	int64_t size = q->shape.dims[q->shape.rank - 1], v_size = v->shape.dims[v->shape.rank - 1];
	return shape_known(out) && out->rank >= 2 && out->rank <= 4 && shape_elements(out) > 0 &&
	       size <= ATTENTION_SIZE_LIMIT && v_size <= ATTENTION_SIZE_LIMIT &&
	       scores->dims[scores->rank - 2] == q->shape.dims[q->shape.rank - 2] &&
	       scores->dims[scores->rank - 1] == v->shape.dims[v->shape.rank - 2];
}

/* Repeats the transposition of `like` on keys that the model scales before it transposes them. */
static enum ercc_status transpose_keys(struct node *root, struct value *keys, const struct node *like,
                                       struct value **out)
{
	*out = EMIT(root, "Transpose(a)", keys);
	node_set_attrs((*out)->producer, like->attrs, like->attr_count);
	return (*out)->producer->op->infer((*out)->producer);
}

static enum ercc_status recover_attention(struct node *node, const struct match *match, bool *done)
{
	struct value *k = matched(match, 'k'), *t = matched(match, 't'), *out;
	if (!fits(match, node))
		return ERCC_OK;
	double scale = matched_number(match, 'b', 1) * matched_number(match, 'd', 1) * matched_number(match, 'g', 1) /
	               matched_number(match, 'a', 1) / matched_number(match, 'c', 1) / matched_number(match, 'e', 1);
	int mask = match->flags & ADDED    ? ATTENTION_ADDED
	           : match->flags & SEEN   ? ATTENTION_SEEN
	           : match->flags & HIDDEN ? ATTENTION_HIDDEN
	                                   : ATTENTION_NO_MASK;
	if (t)
		TRY(transpose_keys(node, k, t->producer, &k));
	const char *attrs = TEXT(node, "transposed=1, scale=%.9e, mask=%d, fill=%.9e, zero_empty=%d", scale, mask,
	                         matched_number(match, 'f', 0), (match->flags & ZERO_EMPTY) != 0);
	out = EMIT(node, TEXT(node, mask ? "erc.Attention[%s](a, b, c, d)" : "erc.Attention[%s](a, b, c)", attrs),
	           matched(match, 'q'), k, matched(match, 'v'), matched(match, 'm'));
	TRY(out->producer->op->infer(out->producer));
	graph_replace_uses(node->graph, node->outputs[0], out);
	*done = true;
	return ERCC_OK;
}

const struct recovery attention_recoveries[] = {
	{"MatMul(<weights>, v)", rules, recover_attention},
	{0},
};
