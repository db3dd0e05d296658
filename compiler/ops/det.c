/* Det: determinants of small square matrices. */
#include "compiler/lower/lower_rows.h"

#define N_MAX 32

static enum ercc_status infer_det(struct node *node)
{
	struct shape out = node->inputs[0]->shape;
	int rank = out.rank;
	if (rank < 2 || out.dims[rank - 1] != out.dims[rank - 2])
		return node_fail(node, ERCC_MODEL, "needs square matrices, found %s", shape_words(node, &out));
	if (out.dims[rank - 1] < 1 || out.dims[rank - 1] > N_MAX)
		return node_fail(node, ERCC_UNSUPPORTED, "matrices of %lld rows; 1 to %d are supported",
		                 (long long)out.dims[rank - 1], N_MAX);
	out.rank -= 2;
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

static enum ercc_status lower_det(struct lowering *lowering, struct node *node)
{
	int64_t n = node->inputs[0]->shape.dims[node->inputs[0]->shape.rank - 1];
	struct launch *launch = lower_rows(lowering, node, &det_template, shape_elements(&node->outputs[0]->shape));
	launch_set(launch, DET_N, n);
	launch_define(launch, "N_MAX", arena_printf(&lowering->ctx->arena, "%d", N_MAX));
	launch->flops = (uint64_t)shape_elements(&node->outputs[0]->shape) * (uint64_t)(n * n * n) * 40;
	launch->reduction_key = REDUCTION_DET;
	return ERCC_OK;
}

const struct op ops_det[] = {
	{"Det", 11, 1, 1, 1, TYPE(F32), infer_det, lower_det, .layout = NULL},
	{0},
};
