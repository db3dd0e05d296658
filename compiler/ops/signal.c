/* Fourier transforms as products with constant matrices, window functions, and the matrix of the mel scale. */
#include "compiler/lower/op.h"

#include <math.h>

/* Maximum length of a transform, because its matrix grows with the square of the length. */
#define LENGTH_MAX 8192

/* A matrix [from * parts, to * outs] that computes a Fourier transform of length n: a vector of `from` numbers times
 * the matrix is the sum over k of x[k] e^(sign 2 pi i k t / n), times `scale`. parts: 1 if the input is real, 2 if
 * complex. outs: 1 if only the real part is wanted, else 2. hermitian: the input is the first half of a spectrum whose
 * other half mirrors it. */
struct transform {
	int64_t from, to, n;
	int parts, outs;
	double sign, scale;
	bool hermitian;
};

static struct value *transform_matrix(struct node *node, const struct transform *t)
{
	struct shape shape = shape_of(2, (int64_t[]){t->from * t->parts, t->to * t->outs});
	double *data = arena_array(&node->graph->ctx->arena, (size_t)shape_elements(&shape), sizeof *data);
	for (int64_t k = 0; k < t->from && k < t->n; k++)
		for (int64_t m = 0; m < t->to; m++) {
			bool twice = t->hermitian && k > 0 && 2 * k < t->n, beyond = t->hermitian && 2 * k > t->n;
			double angle = t->sign * 2 * M_PI * (double)(k * m % t->n) / (double)t->n;
			double f = beyond ? 0 : twice ? 2 * t->scale : t->scale;
			double *real = data + k * t->parts * t->to * t->outs + m * t->outs, *imaginary = real + t->to * t->outs;
			real[0] = f * cos(angle);
			if (t->outs == 2)
				real[1] = f * sin(angle);
			if (t->parts == 2)
				imaginary[0] = -f * sin(angle);
			if (t->parts == 2 && t->outs == 2)
				imaginary[1] = f * cos(angle);
		}
	return constant_floats(node, node->inputs[0]->dtype, data, &shape);
}

/* x [..., from, parts] -> [..., to, outs], transformed along `axis`. Transpositions move that axis next to the last dim
 * and back. */
static struct value *emit_transform(struct node *node, struct value *x, const struct shape *in, int axis,
                                    const struct transform *t, struct shape *out)
{
	int rank = in->rank, last = rank - 2;
	struct text perm = {.arena = &node->graph->ctx->arena};
	struct shape flat = *in, wide;
	for (int i = 0; i < rank; i++)
		text_printf(&perm, "%d:", i == axis ? last : i == last ? axis : i);
	flat.dims[axis] = in->dims[last];
	wide = flat;
	flat.dims[last] = t->from * t->parts;
	flat.rank--;
	wide.dims[last] = t->to;
	wide.dims[last + 1] = t->outs;
	*out = *in;
	out->dims[axis] = t->to;
	out->dims[rank - 1] = t->outs;
	return EMIT(node,
	            TEXT(node, "Transpose[perm=%s](Reshape(MatMul(Reshape(Transpose[perm=%s](a), b), c), d))", perm.data,
	                 perm.data),
	            x, constant_ints(node, flat.dims, flat.rank), transform_matrix(node, t),
	            constant_ints(node, wide.dims, rank));
}

/* Reads one integer from a constant input; `otherwise` if the input is left out. */
static enum ercc_status one_int(const struct node *node, int slot, const char *what, int64_t otherwise, int64_t *out)
{
	const struct tensor *tensor;
	*out = otherwise;
	if (!node_input(node, slot))
		return ERCC_OK;
	TRY(constant_input(node, slot, what, &tensor));
	if (shape_elements(&tensor->shape) != 1 || !dtype_is_integer(tensor->dtype))
		return node_fail(node, ERCC_MODEL, "%s must be one integer, found %s%s", what, dtype_name(tensor->dtype),
		                 shape_words(node, &tensor->shape));
	*out = tensor_int(tensor, 0);
	return ERCC_OK;
}

static enum ercc_status expand_dft(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	bool inverse = node_attr_int(node, "inverse", 0) != 0, onesided = node_attr_int(node, "onesided", 0) != 0;
	int64_t given, n;
	int axis;
	struct shape out;
	TRY(one_int(node, 2, "axis", node_attr_int(node, "axis", node->op->since >= 20 ? -2 : 1), &given));
	TRY(check_axis(node, given, in->rank, &axis));
	if (in->rank < 2 || axis == in->rank - 1 || in->dims[in->rank - 1] < 1 || in->dims[in->rank - 1] > 2)
		return node_fail(node, ERCC_MODEL,
		                 "input %s along axis %d: the last dim holds one number or two, and is not transformed",
		                 shape_words(node, in), axis);
	struct transform t = {.from = in->dims[axis],
	                      .parts = (int)in->dims[in->rank - 1],
	                      .outs = 2,
	                      .sign = inverse ? 1 : -1};
	TRY(one_int(node, 1, "dft_length", inverse && onesided ? 2 * (t.from - 1) : t.from, &n));
	if (n < 1 || n > LENGTH_MAX || t.from > LENGTH_MAX)
		return node_fail(node, ERCC_UNSUPPORTED, "a transform of %lld numbers of length %lld; up to %d are supported",
		                 (long long)t.from, (long long)n, LENGTH_MAX);
	t.n = n;
	t.hermitian = inverse && onesided;
	t.outs = t.hermitian ? 1 : 2;
	t.to = onesided && !inverse ? n / 2 + 1 : n;
	t.scale = inverse ? 1.0 / (double)n : 1;
	expand_to(node, 0, emit_transform(node, node->inputs[0], in, axis, &t, &out));
	return ERCC_OK;
}

/* Gathers frames of the signal, multiplies them by the window, and transforms them. */
static enum ercc_status expand_stft(struct node *node)
{
	struct value *x = node->inputs[0], *window = node_input(node, 2);
	const struct shape *in = &x->shape;
	int64_t step, length;
	struct shape framed, out;
	TRY(one_int(node, 1, "frame_step", 0, &step));
	TRY(one_int(node, 3, "frame_length", window && window->shape.rank == 1 ? window->shape.dims[0] : 0, &length));
	TRY(check_same_dtype(node, 2));
	if ((in->rank != 3 && in->rank != 2) || (in->rank == 3 && (in->dims[2] < 1 || in->dims[2] > 2)))
		return node_fail(node, ERCC_MODEL, "a signal of shape %s; wanted [batch, n] or [batch, n, 1 or 2]",
		                 shape_words(node, in));
	if (step < 1 || length < 1 || length > in->dims[1] || length > LENGTH_MAX ||
	    (window && (window->shape.rank != 1 || window->shape.dims[0] != length)))
		return node_fail(node, ERCC_MODEL, "frames of %lld every %lld do not fit a signal of %lld and window %s",
		                 (long long)length, (long long)step, (long long)in->dims[1],
		                 window ? shape_words(node, &window->shape) : "none");
	int64_t frames = (in->dims[1] - length) / step + 1, parts = in->rank == 3 ? in->dims[2] : 1;
	framed = shape_of(4, (int64_t[]){in->dims[0], frames, length, parts});
	struct shape grid = shape_of(2, (int64_t[]){frames, length});
	int64_t *at = arena_array(&node->graph->ctx->arena, (size_t)(frames * length), sizeof *at);
	for (int64_t i = 0; i < frames * length; i++)
		at[i] = i / length * step + i % length;
	struct value *indices = graph_constant(node->graph, graph_unique_name(node->graph, node->name),
	                                       tensor_new(&node->graph->ctx->arena, ERC_I64, &grid, at));
	x = EMIT(node, "Reshape(Gather[axis=1](a, b), c)", x, indices, constant_ints(node, framed.dims, 4));
	if (window)
		x = EMIT(node, "Mul(a, Reshape(b, c))", x, window, constant_ints(node, (int64_t[]){length, 1}, 2));
	bool onesided = node_attr_int(node, "onesided", 1) != 0;
	struct transform t = {.from = length,
	                      .to = onesided ? length / 2 + 1 : length,
	                      .n = length,
	                      .parts = (int)parts,
	                      .outs = 2,
	                      .sign = -1,
	                      .scale = 1};
	expand_to(node, 0, emit_transform(node, x, &framed, 2, &t, &out));
	return ERCC_OK;
}

/* ---- windows: a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n); a row of the table gives a0, a1, a2 ---- */

struct window_rule {
	double factors[3];
};

static enum ercc_status infer_window(struct node *node)
{
	int64_t size, to = node_attr_int(node, "output_datatype", ERC_F32);
	const double *a = node->op->window->factors;
	TRY(one_int(node, 0, "size", 0, &size));
	if (size < 0 || size > 1 << 24)
		return node_fail(node, ERCC_MODEL, "a window of %lld is negative or too long", (long long)size);
	if (to != ERC_F32 && to != ERC_F64)
		return node_fail(node, ERCC_UNSUPPORTED, "output dtype %s (%lld) is not supported",
		                 to >= 0 && to < ERC_DTYPE_COUNT ? dtype_name((enum erc_dtype)to) : "unknown", (long long)to);
	double n = node_attr_int(node, "periodic", 1) ? (double)size : (double)(size - 1);
	struct shape shape = shape_of(1, &size);
	double *data = arena_array(&node->graph->ctx->arena, (size_t)size, sizeof *data);
	for (int64_t i = 0; i < size; i++) {
		double angle = 2 * M_PI * (double)i / (n > 0 ? n : 1), y = a[0] - a[1] * cos(angle) + a[2] * cos(2 * angle);
		if (to == ERC_F32)
			((float *)data)[i] = (float)y;
		else
			data[i] = y;
	}
	TRY(set_output(node, 0, (enum erc_dtype)to, &shape));
	node->outputs[0]->constant = tensor_new(&node->graph->ctx->arena, (enum erc_dtype)to, &shape, data);
	return ERCC_OK;
}

/* ---- MelWeightMatrix: triangles between points that are equally far apart on the mel scale ---- */

struct mel {
	int64_t bands, length, rate; /* length: of the transform */
	double edges[2];
};

static enum ercc_status read_mel(const struct node *node, struct mel *mel)
{
	static const char *const names[] = {"num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz",
	                                    "upper_edge_hertz"};
	int64_t *const numbers[] = {&mel->bands, &mel->length, &mel->rate};
	const struct tensor *tensor;
	for (int i = 0; i < 3; i++)
		TRY(one_int(node, i, names[i], 0, numbers[i]));
	for (int i = 3; i < 5; i++) {
		TRY(constant_input(node, i, names[i], &tensor));
		if (shape_elements(&tensor->shape) != 1 || !dtype_is_float(tensor->dtype))
			return node_fail(node, ERCC_MODEL, "%s must be one float", names[i]);
		mel->edges[i - 3] = tensor_float(tensor, 0);
	}
	if (mel->bands < 1 || mel->bands > 1 << 16 || mel->length < 1 || mel->length > 1 << 20 || mel->rate < 1 ||
	    !(mel->edges[0] >= 0) || !(mel->edges[1] >= mel->edges[0]) || !(mel->edges[1] * 2 <= (double)mel->rate))
		return node_fail(node, ERCC_MODEL,
		                 "%lld bands of a transform of %lld at %lld Hz, from %g to %g Hz: not possible",
		                 (long long)mel->bands, (long long)mel->length, (long long)mel->rate, mel->edges[0],
		                 mel->edges[1]);
	return ERCC_OK;
}

/* The bin of the spectrum at point i. Band b rises from point b to b + 1 and falls to b + 2. */
static int64_t mel_bin(const struct mel *mel, int64_t i)
{
	double low = 2595 * log1p(mel->edges[0] / 700) / log(10), high = 2595 * log1p(mel->edges[1] / 700) / log(10);
	double at = (double)i * ((high - low) / (double)(mel->bands + 2)) + low;
	return (int64_t)floor((double)(mel->length + 1) * (700 * expm1(at / 2595 * log(10))) / (double)mel->rate);
}

static enum ercc_status infer_mel(struct node *node)
{
	int64_t to = node_attr_int(node, "output_datatype", ERC_F32);
	struct mel mel;
	TRY(read_mel(node, &mel));
	if (to < 1 || to >= ERC_DTYPE_COUNT || !(TYPES_NUMBER >> to & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "output dtype %lld is not supported", (long long)to);
	enum erc_dtype dtype = (enum erc_dtype)to;
	struct shape shape = shape_of(2, (int64_t[]){mel.length / 2 + 1, mel.bands});
	TRY(set_output(node, 0, dtype, &shape));
	if (shape_elements(&shape) > 1 << 24)
		return node_fail(node, ERCC_UNSUPPORTED, "a matrix of shape %s is too large", shape_words(node, &shape));
	void *data = arena_array(&node->graph->ctx->arena, (size_t)shape_elements(&shape), dtype_bytes(dtype));
	for (int64_t b = 0; b < mel.bands; b++) {
		int64_t first = mel_bin(&mel, b), top = mel_bin(&mel, b + 1), end = mel_bin(&mel, b + 2);
		for (int64_t k = first; k < (end > top ? end : top + 1) && k < shape.dims[0]; k++) {
			double rise = (double)(k - first) / (double)(top - first), fall = (double)(end - k) / (double)(end - top);
			element_write(data, dtype, k * mel.bands + b, expr_number(dtype, k == top ? 1 : k < top ? rise : fall));
		}
	}
	node->outputs[0]->constant = tensor_new(&node->graph->ctx->arena, dtype, &shape, data);
	return ERCC_OK;
}

#define WINDOW(name, ...) \
	{ \
		name, 17, 1, 1, 1, TYPE(I32) | TYPE(I64), infer_window, .attrs = "output_datatype=int periodic=int", \
																.window = RULE(window_rule, {__VA_ARGS__}) \
	}

const struct op ops_signal[] = {
	{"DFT", 17, 1, 2, 1, TYPES_FLOAT, .expand = expand_dft, .attrs = "axis=int inverse=int onesided=int"},
	{"DFT", 20, 1, 3, 1, TYPES_FLOAT, .expand = expand_dft, .attrs = "inverse=int onesided=int"},
	{"STFT", 17, 2, 4, 1, TYPES_FLOAT, .rows = "n*->n*", .expand = expand_stft, .attrs = "onesided=int"},
	{"MelWeightMatrix", 17, 5, 5, 1, TYPE(I32) | TYPE(I64), infer_mel, .own_types = 24, .attrs = "output_datatype=int"},
	WINDOW("HannWindow", 0.5, 0.5, 0),
	WINDOW("HammingWindow", 0.54347826086956519, 0.45652173913043481, 0),
	WINDOW("BlackmanWindow", 0.42, 0.5, 0.08),
	{0},
};
