/* Gemm, MatMul and Det. Products of f32 use the convolution kernel: the rows of A are one row of pixels. */
#include "compiler/kernels/dense/conv.h"
#include "compiler/ops/contract.h"
#include "compiler/ops/sizes.h"

#include <math.h>

struct product {
	struct value *a, *b, *c; /* c may be NULL */
	int64_t batch, m, n, k;
	bool transpose_b;
	float alpha, beta;
};

static enum ercc_status infer_gemm(struct node *node)
{
	const struct shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
	int ta = node_attr_int(node, "transA", 0) != 0, tb = node_attr_int(node, "transB", 0) != 0;
	TRY(check_same_dtype(node, 1));
	TRY(check_same_dtype(node, 2));
	if (a->rank != 2 || b->rank != 2)
		return node_fail(node, ERCC_MODEL, "A and B must be matrices, found %s and %s",
		                 shape_text(&node->graph->ctx->arena, a), shape_text(&node->graph->ctx->arena, b));
	if (a->dims[!ta] != b->dims[tb])
		return node_fail(node, ERCC_MODEL, "inner dims differ: %lld and %lld", (long long)a->dims[!ta],
		                 (long long)b->dims[tb]);
	struct shape out = shape_of(2, (int64_t[]){a->dims[ta], b->dims[!tb]}), both;
	if (node_input(node, 2)) {
		TRY(broadcast_shapes(node, &node->inputs[2]->shape, &out, &both));
		if (!shape_equal(&both, &out))
			return node_fail(node, ERCC_MODEL, "C %s does not broadcast to %s",
			                 shape_text(&node->graph->ctx->arena, &node->inputs[2]->shape),
			                 shape_text(&node->graph->ctx->arena, &out));
		if (node->opset < 7 && !node_attr_int(node, "broadcast", 0) && !shape_equal(&node->inputs[2]->shape, &out))
			return node_fail(node, ERCC_MODEL, "C is %s, not %s, and broadcast is not set",
			                 shape_words(node, &node->inputs[2]->shape), shape_words(node, &out));
	}
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* Packs B as [batch][n padded to 32, in blocks of 16][k padded to 16][16]. A constant is packed at compile time, other
 * matrices are copied at run time. b_strides: strides of batch, k and n in the source, in elements. */
static struct buffer *pack_matrix(struct lowering *lowering, struct node *node, struct value *b, int64_t batch,
                                  int64_t k, int64_t n, const int64_t *b_strides)
{
	int64_t blocks = graph_quotient(node->graph, n, 32) * 2, block = graph_quotient(node->graph, k, 16) * 16 * 16;
	if (b->constant) {
		const char *form = arena_printf(&lowering->ctx->arena, "matrix %lld %lld %lld %lld %lld", (long long)batch,
		                                (long long)k, (long long)n, (long long)b_strides[0], (long long)b_strides[1]);
		const char *source = lower_source(lowering, b, form);
		struct buffer *packed = plan_find_packed(lowering->plan, source, batch * blocks * block * 4, b->name);
		if (packed)
			return packed;
		float *data = arena_elements(&lowering->ctx->arena, (size_t)(batch * blocks * block), sizeof(float));
		const float *from = tensor_expand(&lowering->ctx->arena, b->constant)->data;
		for (int64_t i = 0; i < batch; i++)
			for (int64_t r = 0; r < k; r++)
				for (int64_t c = 0; c < n; c++)
					data[(i * blocks + c / 16) * block + r * 16 + c % 16] =
						from[i * b_strides[0] + r * b_strides[1] + c * b_strides[2]];
		return plan_packed(lowering->plan, source, data, batch * blocks * block * 4, b->name);
	}
	struct buffer *packed = plan_buffer(lowering->plan, BUFFER_ARENA, batch * blocks * block * 4, b->name);
	int64_t full = n / 16, rest = n % 16;
	if (lowering->ctx->has_ranges) { /* the last block is a ragged one, even if it is whole */
		full = graph_quotient(node->graph, n, 16) - 1;
		rest = n - 16 * full;
	}
	for (int part = 0; part < 2; part++) { /* whole blocks, then the ragged one */
		if (!lowering->ctx->has_ranges && (part ? !rest : !full))
			continue;
		struct shape space = shape_of(4, (int64_t[]){batch, part ? 1 : full, k, part ? rest : 16});
		struct launch *launch = lower_pointwise_launch(lowering, node, &space);
		struct operand *from = launch_operand(launch, lower_buffer(lowering, b), ERC_F32, false);
		struct operand *to = launch_operand(launch, packed, ERC_F32, true);
		from->offset = part * full * 16 * b_strides[2] * 4;
		to->offset = part * full * block * 4;
		int64_t read[] = {b_strides[0], 16 * b_strides[2], b_strides[1], b_strides[2]},
				write[] = {blocks * block, block, 16, 1};
		memcpy(from->strides, read, sizeof read);
		memcpy(to->strides, write, sizeof write);
		expr_operand(&launch->expr, 0, ERC_F32);
	}
	return packed;
}

/* Packs B once for all products of a region that read it in the same form. */
static struct buffer *pack_b(struct lowering *lowering, struct node *node, struct value *b, int64_t batch, int64_t k,
                             int64_t n, const int64_t *b_strides)
{
	const char *key =
		arena_printf(&lowering->ctx->arena, "%p %p %lld %lld %lld %lld", (void *)b, (void *)lowering->plan->region,
	                 (long long)batch, (long long)k, (long long)n, (long long)b_strides[1]);
	struct buffer *packed = map_get(&lowering->packed, key);
	if (!packed) {
		packed = pack_matrix(lowering, node, b, batch, k, n, b_strides);
		map_set(&lowering->packed, key, packed);
	}
	return packed;
}

/* Adds one launch: `batch` images of m pixels with k channels. a_strides: of batch and row, in elements; k is
 * contiguous. */
static struct launch *add_product(struct lowering *lowering, struct node *node, struct buffer *a,
                                  const int64_t *a_strides, struct buffer *b, bool b_batched, int64_t batch, int64_t m,
                                  int64_t n, int64_t k)
{
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &conv_template, node->name);
	int64_t p[CONV_LAUNCH_PARAM_COUNT] = {0};
	launch_operand(launch, a, ERC_F32, false);
	launch_operand(launch, b, ERC_F32, false);
	launch->input_count = 2;
	expr_operand(&launch->expr, 0, ERC_F32);
	for (int i = CONV_KD; i <= CONV_SH; i++)
		p[i] = 1;
	p[CONV_ID] = p[CONV_IH] = p[CONV_OD] = p[CONV_OH] = p[CONV_SW] = 1;
	p[CONV_IW] = p[CONV_OW] = m;
	p[CONV_IN_BLOCKS] = graph_quotient(node->graph, k, 16);
	p[CONV_LAST_K] = k - (p[CONV_IN_BLOCKS] - 1) * 16;
	p[CONV_CG] = 16;
	p[CONV_IN_IMAGE] = a_strides[0];
	p[CONV_IN_PLANE] = 16;
	p[CONV_IN_PIXEL] = a_strides[1];
	p[CONV_IN_ROW] = m * a_strides[1];
	p[CONV_W_BLOCK] = p[CONV_IN_BLOCKS] * 16 * 16;
	p[CONV_W_IMAGE] = b_batched ? graph_quotient(node->graph, n, 32) * 2 * p[CONV_W_BLOCK] : 0;
	p[CONV_OUT_IMAGE] = m * n;
	p[CONV_OUT_BLOCK] = 16;
	p[CONV_OUT_PIXEL] = n;
	p[CONV_OUT_LANE] = 1;
	p[CONV_OC] = p[CONV_OC_STORED] = n;
	p[CONV_GROUPS] = 1;
	p[CONV_IMAGES] = batch;
	p[CONV_MATMUL] = 1;
	launch_set_all(launch, p, CONV_LAUNCH_PARAM_COUNT);
	launch->reduction_key = REDUCTION_PRODUCT;
	launch->flops = 2 * (uint64_t)batch * (uint64_t)m * (uint64_t)n * (uint64_t)k;
	return launch;
}

/* A with contiguous rows: A itself, or a transposed copy. */
static struct buffer *rows_of_a(struct lowering *lowering, struct node *node, bool transposed, int64_t m, int64_t k)
{
	struct value *a = node->inputs[0];
	if (!transposed)
		return lower_buffer(lowering, a);
	struct buffer *copy = plan_buffer(lowering->plan, BUFFER_ARENA, m * k * 4, a->name);
	struct shape space = shape_of(2, (int64_t[]){m, k});
	struct launch *launch = lower_pointwise_launch(lowering, node, &space);
	struct operand *from = launch_operand(launch, lower_buffer(lowering, a), ERC_F32, false);
	from->strides[0] = 1, from->strides[1] = m;
	struct operand *to = launch_operand(launch, copy, ERC_F32, true);
	to->strides[0] = k, to->strides[1] = 1;
	expr_operand(&launch->expr, 0, ERC_F32);
	return copy;
}

/* out = alpha AB + beta C, as a pointwise launch after the product. The fusion pass makes it the product's epilogue. */
static enum ercc_status scale_and_add(struct lowering *lowering, struct node *node, struct buffer *product, float alpha,
                                      struct value *c, float beta)
{
	struct value *out = node->outputs[0];
	struct launch *launch = lower_pointwise_launch(lowering, node, &out->shape);
	struct operand *from = launch_operand(launch, product, ERC_F32, false);
	broadcast_strides(&out->shape, &out->shape, from->strides);
	int result = expr_operand(&launch->expr, 0, ERC_F32);
	if (alpha != 1)
		result = expr_apply(&launch->expr, PRIM_mul, result, expr_const(&launch->expr, ERC_F32, alpha, 0), -1);
	if (c) {
		struct operand *add = launch_operand(launch, lower_buffer(lowering, c), ERC_F32, false);
		broadcast_strides(&c->shape, &out->shape, add->strides);
		int term = expr_operand(&launch->expr, 1, ERC_F32);
		if (beta != 1)
			term = expr_apply(&launch->expr, PRIM_mul, term, expr_const(&launch->expr, ERC_F32, beta, 0), -1);
		expr_apply(&launch->expr, PRIM_add, result, term, -1);
	}
	struct operand *to = launch_operand(launch, lower_buffer(lowering, out), ERC_F32, true);
	broadcast_strides(&out->shape, &out->shape, to->strides);
	return ERCC_OK;
}

/* C, if it counts: with beta 0 it is not read, so that a NaN in it is lost. */
static struct value *gemm_c(const struct node *node)
{
	return node_attr_float(node, "beta", 1) != 0 ? node_input(node, 2) : NULL;
}

static enum ercc_status lower_gemm(struct lowering *lowering, struct node *node)
{
	const struct shape *a = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;
	int ta = node_attr_int(node, "transA", 0) != 0, tb = node_attr_int(node, "transB", 0) != 0;
	float alpha = node_attr_float(node, "alpha", 1), beta = node_attr_float(node, "beta", 1);
	int64_t m = out->dims[0], n = out->dims[1], k = a->dims[!ta];
	if (k == 0) { /* empty sums: zeros, plus C */
		struct buffer *zeros =
			plan_weights(lowering->plan, arena_array(&lowering->ctx->arena, (size_t)(m * n), 4), m * n * 4, node->name);
		return scale_and_add(lowering, node, zeros, alpha, gemm_c(node), beta);
	}
	int64_t b_strides[] = {0, tb ? 1 : n, tb ? k : 1}, a_strides[] = {0, k};
	struct buffer *b = pack_b(lowering, node, node->inputs[1], 1, k, n, b_strides);
	struct buffer *rows = rows_of_a(lowering, node, ta, m, k);
	bool plain = alpha == 1 && !gemm_c(node);
	struct launch *launch = add_product(lowering, node, rows, a_strides, b, false, 1, m, n, k);
	struct buffer *product = plain ? lower_buffer(lowering, node->outputs[0])
	                               : plan_buffer(lowering->plan, BUFFER_ARENA, m * n * 4, node->name);
	launch_operand(launch, product, ERC_F32, true);
	launch->space = *out;
	return plain ? ERCC_OK : scale_and_add(lowering, node, product, alpha, gemm_c(node), beta);
}

/* ---- MatMul: numpy's rules, leading dims broadcast ---- */

static void matrix_shapes(const struct node *node, struct shape *a, struct shape *b)
{
	*a = node->inputs[0]->shape;
	*b = node->inputs[1]->shape;
	if (a->rank == 1)
		*a = shape_of(2, (int64_t[]){1, a->dims[0]});
	if (b->rank == 1)
		*b = shape_of(2, (int64_t[]){b->dims[0], 1});
}

static enum ercc_status infer_matmul(struct node *node)
{
	struct shape a, b, out;
	if (node->inputs[0]->shape.rank == 0 || node->inputs[1]->shape.rank == 0)
		return node_fail(node, ERCC_MODEL, "a scalar cannot be multiplied as a matrix");
	TRY(check_same_dtype(node, 1));
	matrix_shapes(node, &a, &b);
	int64_t m = a.dims[a.rank - 2], k = a.dims[a.rank - 1], n = b.dims[b.rank - 1];
	if (k != b.dims[b.rank - 2])
		return node_fail(node, ERCC_MODEL, "inner dims differ: %lld and %lld", (long long)k,
		                 (long long)b.dims[b.rank - 2]);
	a.rank -= 2;
	b.rank -= 2;
	TRY(broadcast_shapes(node, &a, &b, &out));
	if (out.rank + 2 > MAX_RANK)
		return node_fail(node, ERCC_UNSUPPORTED, "a result of rank above %d is not supported", MAX_RANK);
	if (node->inputs[0]->shape.rank > 1)
		out.dims[out.rank++] = m;
	if (node->inputs[1]->shape.rank > 1)
		out.dims[out.rank++] = n;
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* Copies the matrices of `value` so that every batch element has its own. Returns NULL where the copy fails. */
static struct value *repeat_matrices(struct lowering *lowering, struct node *node, struct value *value,
                                     const struct shape *matrices, const struct shape *batch)
{
	struct value *full = arena_new(&lowering->ctx->arena, struct value);
	int64_t from[MAX_RANK], to[MAX_RANK];
	*full = (struct value){.name = value->name, .dtype = value->dtype, .shape = *batch};
	for (int i = 2; i > 0; i--)
		full->shape.dims[full->shape.rank++] = matrices->dims[matrices->rank - i];
	broadcast_strides(matrices, &full->shape, from);
	broadcast_strides(&full->shape, &full->shape, to);
	return lower_copy(lowering, node, value, 0, from, full, 0, to, &full->shape) == ERCC_OK ? full : NULL;
}

static enum ercc_status lower_matmul(struct lowering *lowering, struct node *node)
{
	struct shape a, b, batch;
	struct value *left = node->inputs[0], *right = node->inputs[1];
	matrix_shapes(node, &a, &b);
	int64_t m = a.dims[a.rank - 2], k = a.dims[a.rank - 1], n = b.dims[b.rank - 1];
	if (k == 0)
		return lower_fill(lowering, node, node->outputs[0], 0, 0);
	struct shape a_batch = a, b_batch = b;
	a_batch.rank -= 2;
	b_batch.rank -= 2;
	TRY(broadcast_shapes(node, &a_batch, &b_batch, &batch));
	int64_t images = shape_elements(&batch), a_images = shape_elements(&a_batch), b_images = shape_elements(&b_batch);
	if (b_images == 1 && a_images == images) { /* B is one matrix: all rows of A become one image */
		m *= images;
		images = 1;
	}
	if (images > 1 && a_images != 1 && a_images != images) { /* the leading dims broadcast in part only */
		left = repeat_matrices(lowering, node, left, &a, &batch);
		a_images = images;
	}
	if (images > 1 && b_images != 1 && b_images != images) {
		right = repeat_matrices(lowering, node, right, &b, &batch);
		b_images = images;
	}
	int64_t b_strides[] = {k * n, n, 1}, a_strides[] = {a_images > 1 ? m * k : 0, k};
	struct buffer *packed = pack_b(lowering, node, right, b_images > 1 ? images : 1, k, n, b_strides);
	struct launch *launch =
		add_product(lowering, node, lower_buffer(lowering, left), a_strides, packed, b_images > 1, images, m, n, k);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), ERC_F32, true);
	launch->space = node->outputs[0]->shape;
	return ERCC_OK;
}

/* ---- products of other dtypes than f32 ---- */

static bool is_expanded_product(const struct node *node)
{
	return has_sizes(node) || node->inputs[0]->dtype != ERC_F32;
}

static enum ercc_status expand_matmul(struct node *node)
{
	struct shape a, b, batch, leading[2], whole[2];
	struct strided kept = {0}, gone = {0};
	int64_t strides[2][MAX_RANK];
	if (has_sizes(node))
		return expand_sized_product(node);
	TRY(infer_matmul(node));
	matrix_shapes(node, &a, &b);
	int64_t m = a.dims[a.rank - 2], k = a.dims[a.rank - 1], n = b.dims[b.rank - 1];
	leading[0] = whole[0] = a, leading[1] = whole[1] = b;
	leading[0].rank -= 2, leading[1].rank -= 2;
	TRY(broadcast_shapes(node, &leading[0], &leading[1], &batch));
	for (int i = 0; i < 2; i++) {
		struct shape space = batch;
		for (int d = 2; d > 0; d--)
			space.dims[space.rank++] = whole[i].dims[whole[i].rank - d];
		broadcast_strides(&whole[i], &space, strides[i]);
	}
	for (int i = 0; i < batch.rank; i++)
		add_dim(&kept, batch.dims[i], strides[0][i], strides[1][i]);
	add_dim(&kept, m, k, 0);
	add_dim(&kept, n, 0, 1);
	add_dim(&gone, k, 1, n);
	expand_to(node, 0,
	          emit_contraction(node, node->inputs[0], node->inputs[1], &kept, &gone, &node->outputs[0]->shape));
	return ERCC_OK;
}

/* x * factor. A factor of integers must be an integer. */
static enum ercc_status emit_scaled(struct node *node, const char *name, struct value **x)
{
	double factor = (double)node_attr_float(node, name, 1);
	if (!dtype_is_float(node->inputs[0]->dtype) && (factor != floor(factor) || fabs(factor) > INT32_MAX))
		return node_fail(node, ERCC_UNSUPPORTED, "%s is %g; for %s it must be an integer of at most 31 bits", name,
		                 factor, dtype_name(node->inputs[0]->dtype));
	if (factor != 1)
		*x = EMIT(node, "Mul(a, b)", *x, constant_number(node, node->inputs[0]->dtype, factor));
	return ERCC_OK;
}

static enum ercc_status expand_gemm(struct node *node)
{
	int ta = node_attr_int(node, "transA", 0) != 0, tb = node_attr_int(node, "transB", 0) != 0;
	struct strided kept = {0}, gone = {0};
	struct value *c = gemm_c(node), *y;
	if (has_sizes(node))
		return expand_sized_product(node);
	TRY(infer_gemm(node));
	const struct shape *out = &node->outputs[0]->shape;
	int64_t m = out->dims[0], n = out->dims[1], k = node->inputs[0]->shape.dims[!ta];
	add_dim(&kept, m, ta ? 1 : k, 0);
	add_dim(&kept, n, 0, tb ? k : 1);
	add_dim(&gone, k, ta ? m : 1, tb ? 1 : n);
	y = emit_contraction(node, node->inputs[0], node->inputs[1], &kept, &gone, out);
	TRY(emit_scaled(node, "alpha", &y));
	if (c) {
		TRY(emit_scaled(node, "beta", &c));
		y = EMIT(node, "Add(a, b)", y, c);
	}
	expand_to(node, 0, y);
	return ERCC_OK;
}

/* ---- Det ---- */

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
	launch_define(launch, "T", dtype_name(node->inputs[0]->dtype));
	launch_define(launch, "N_MAX", arena_printf(&lowering->ctx->arena, "%d", N_MAX));
	launch->flops = (uint64_t)shape_elements(&node->outputs[0]->shape) * (uint64_t)(n * n * n) * 40;
	launch->reduction_key = REDUCTION_DET;
	return ERCC_OK;
}

#define TYPES_PRODUCT (TYPES_FLOAT | TYPE(I32) | TYPE(I64) | TYPE(U32) | TYPE(U64))

const struct op ops_gemm[] = {
	{"Gemm", 6, 2, 3, 1, TYPES_PRODUCT, infer_gemm, lower_gemm, .expand = expand_gemm, .expands = is_expanded_product,
     .sizes = true, .attrs = "alpha=float beta=float transA=int transB=int broadcast=int@1-6"},
	{"MatMul", 1, 2, 2, 1, TYPES_PRODUCT, infer_matmul, lower_matmul, .expand = expand_matmul,
     .expands = is_expanded_product, .sizes = true},
	{"Det", 11, 1, 1, 1, TYPES_FLOAT, infer_det, lower_det, .rows = "n*->n*", .layout = NULL},
	{0},
};
