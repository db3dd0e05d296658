/* Einsum. Operands are multiplied into one product, one after the other: each pair becomes transpositions and a batch
 * of matrix products. */
#include "compiler/lower/op.h"

#include <ctype.h>

/* An operand with a label for each dim. The dims of an ellipsis have the labels '0' to '7'. */
struct term {
	struct value *value;
	char labels[MAX_RANK + 1];
	int rank;
};

#define NO_SIZE (-1)

struct einsum {
	struct node *node;
	int64_t size[128]; /* of a label; NO_SIZE: not seen yet */
	char out[MAX_RANK + 1];
	int out_rank, ellipsis_rank;
};

static bool contains(const char *labels, int rank, char label)
{
	return memchr(labels, label, (size_t)rank) != NULL;
}

/* ---- reading the equation ---- */

/* Reads the labels of one operand or of the output: up to ',', '-' or the end. Replaces the ellipsis by its labels. */
static enum ercc_status read_labels(const struct einsum *e, const char **at, int ellipsis, char *labels, int *rank)
{
	bool seen = false;
	*rank = 0;
	for (; **at && **at != ',' && **at != '-'; (*at)++) {
		if (**at == ' ')
			continue;
		if (**at == '.' && !strncmp(*at, "...", 3) && !seen) {
			seen = true;
			*at += 2;
			for (int i = e->ellipsis_rank - ellipsis; i < e->ellipsis_rank && *rank < MAX_RANK; i++)
				labels[(*rank)++] = (char)('0' + i);
			continue;
		}
		if (!isalpha((unsigned char)**at) || *rank == MAX_RANK)
			return node_fail(e->node, ERCC_MODEL, "equation: '%c' at '%s' is no label, or one too many", **at, *at);
		labels[(*rank)++] = **at;
	}
	return ERCC_OK;
}

/* The number of dims that the ellipsis of this operand stands for. */
static int ellipsis_dims(const char *text, const struct value *value)
{
	int letters = 0;
	bool dots = false;
	for (; *text && *text != ',' && *text != '-'; text++) {
		letters += isalpha((unsigned char)*text) != 0;
		dots |= *text == '.';
	}
	int rest = value->shape.rank - letters;
	return dots && rest > 0 ? rest : 0;
}

static enum ercc_status take_sizes(struct einsum *e, struct term *term, int slot)
{
	const struct shape *shape = &term->value->shape;
	if (term->rank != shape->rank)
		return node_fail(e->node, ERCC_MODEL, "equation: %d labels for input %d of rank %d", term->rank, slot,
		                 shape->rank);
	for (int i = 0; i < term->rank; i++) {
		int64_t *size = &e->size[(int)term->labels[i]], dim = shape->dims[i];
		if (*size != NO_SIZE && *size != 1 && dim != 1 && *size != dim)
			return node_fail(e->node, ERCC_MODEL, "equation: '%c' is %lld and %lld; sizes of a label must be equal",
			                 term->labels[i], (long long)*size, (long long)dim);
		if (*size == NO_SIZE || dim != 1)
			*size = dim;
	}
	return ERCC_OK;
}

/* The output of an equation without "->": the ellipsis, then the labels that occur once, in alphabetical order. */
static void implicit_output(struct einsum *e, const char *equation)
{
	int count[128] = {0};
	for (const char *at = equation; *at; at++)
		count[(int)(*at & 127)] += isalpha((unsigned char)*at) != 0;
	for (int i = 0; i < e->ellipsis_rank; i++)
		e->out[e->out_rank++] = (char)('0' + i);
	for (int label = 'A'; label <= 'z'; label++)
		if (count[label] == 1 && e->out_rank < MAX_RANK)
			e->out[e->out_rank++] = (char)label;
}

static enum ercc_status read_equation(struct einsum *e, struct term *terms)
{
	struct node *node = e->node;
	const char *equation = node_attr_text(node, "equation", ""), *at = equation;
	for (int i = 0; i < node->input_count; i++, at += *at == ',') {
		int dims = ellipsis_dims(at, node->inputs[i]);
		TRY(check_same_dtype(node, i));
		e->ellipsis_rank = dims > e->ellipsis_rank ? dims : e->ellipsis_rank;
		at += strcspn(at, ",-");
	}
	at = equation;
	for (int i = 0; i < node->input_count; i++) {
		terms[i].value = node->inputs[i];
		TRY(read_labels(e, &at, ellipsis_dims(at, node->inputs[i]), terms[i].labels, &terms[i].rank));
		TRY(take_sizes(e, &terms[i], i));
		if (i + 1 < node->input_count && *at++ != ',')
			return node_fail(node, ERCC_MODEL, "equation '%s' does not fit %d inputs", equation, node->input_count);
	}
	if (!*at) {
		implicit_output(e, equation);
		return ERCC_OK;
	}
	if (strncmp(at, "->", 2))
		return node_fail(node, ERCC_MODEL, "equation '%s' does not fit %d inputs", equation, node->input_count);
	at += 2;
	TRY(read_labels(e, &at, e->ellipsis_rank, e->out, &e->out_rank));
	for (int i = 0; i < e->out_rank; i++)
		if (e->size[(int)e->out[i]] == NO_SIZE || contains(e->out, i, e->out[i]) || *at)
			return node_fail(node, ERCC_MODEL, "equation '%s': its result names '%c' twice, or no input has it",
			                 equation, e->out[i]);
	return ERCC_OK;
}

/* ---- rearranging one operand ---- */

/* Brings the term's dims into the given order. Labels that the term does not have become dims of 1. */
static void arrange(struct einsum *e, struct term *term, const char *labels, int rank)
{
	struct text perm = {.arena = &e->node->graph->ctx->arena};
	int64_t dims[2 * MAX_RANK];
	bool same = true;
	for (int i = 0, k = 0; i < rank; i++) {
		const char *found = memchr(term->labels, labels[i], (size_t)term->rank);
		dims[i] = found ? e->size[(int)labels[i]] : 1;
		if (found) {
			text_printf(&perm, "%d:", (int)(found - term->labels));
			same &= found - term->labels == k++;
		}
	}
	if (!same)
		term->value = EMIT(e->node, TEXT(e->node, "Transpose[perm=%s](a)", perm.data), term->value);
	if (rank != term->rank)
		term->value = EMIT(e->node, "Reshape(a, b)", term->value, constant_ints(e->node, dims, rank));
	memcpy(term->labels, labels, (size_t)rank);
	term->rank = rank;
}

/* Takes the diagonal where a label occurs twice in one operand: the two dims become one, and a gather takes every (size
 * + 1)-th element of it. */
static void take_diagonal(struct einsum *e, struct term *term, int first, int second)
{
	struct text perm = {.arena = &e->node->graph->ctx->arena};
	char label = term->labels[first], labels[MAX_RANK] = {label};
	int64_t size = e->size[(int)label], dims[MAX_RANK] = {size * size};
	int rank = 1;
	text_printf(&perm, "%d:%d:", first, second);
	for (int i = 0; i < term->rank; i++)
		if (i != first && i != second) {
			text_printf(&perm, "%d:", i);
			dims[rank] = e->size[(int)term->labels[i]];
			labels[rank++] = term->labels[i];
		}
	struct shape line = shape_of(1, &size);
	term->value =
		EMIT(e->node, TEXT(e->node, "Gather[axis=0](Reshape(Transpose[perm=%s](a), b), c)", perm.data), term->value,
	         constant_ints(e->node, dims, rank), constant_range(e->node, 0, size + 1, size, &line));
	memcpy(term->labels, labels, (size_t)rank);
	term->rank = rank;
}

/* Expands dims of 1 to the size of their label, and takes diagonals of repeated labels. */
static void normalise(struct einsum *e, struct term *term)
{
	int64_t dims[MAX_RANK];
	bool stretch = false;
	for (int i = 0; i < term->rank; i++) {
		dims[i] = e->size[(int)term->labels[i]];
		stretch |= dims[i] != term->value->shape.dims[i];
	}
	if (stretch)
		term->value = EMIT(e->node, "Expand(a, b)", term->value, constant_ints(e->node, dims, term->rank));
	for (int i = 0; i < term->rank; i++)
		for (int k = i + 1; k < term->rank; k++)
			if (term->labels[i] == term->labels[k]) {
				take_diagonal(e, term, i, k);
				i = k = -1;
				break;
			}
}

/* Sums over the labels that neither the output nor another operand uses. */
static void drop_unneeded(struct einsum *e, struct term *term, const struct term *others, int other_count)
{
	int64_t axes[MAX_RANK];
	int count = 0, kept = 0;
	for (int i = 0; i < term->rank; i++) {
		bool needed = contains(e->out, e->out_rank, term->labels[i]);
		for (int k = 0; k < other_count; k++)
			needed |= contains(others[k].labels, others[k].rank, term->labels[i]);
		if (needed)
			term->labels[kept++] = term->labels[i];
		else
			axes[count++] = i;
	}
	if (count)
		term->value = EMIT(e->node, "ReduceSum[keepdims=0](a, b)", term->value, constant_ints(e->node, axes, count));
	term->rank = kept;
}

/* ---- two operands into one ---- */

/* The labels of two operands, by their part in the matrix product. */
struct split {
	char batch[MAX_RANK], left[MAX_RANK], right[MAX_RANK], summed[MAX_RANK];
	int batches, lefts, rights, sums;
};

static void split_labels(const struct einsum *e, const struct term *a, const struct term *b, const struct term *others,
                         int other_count, struct split *s)
{
	*s = (struct split){.batches = 0};
	for (int i = 0; i < a->rank; i++) {
		char label = a->labels[i];
		bool needed = contains(e->out, e->out_rank, label);
		for (int k = 0; k < other_count; k++)
			needed |= contains(others[k].labels, others[k].rank, label);
		if (!contains(b->labels, b->rank, label))
			s->left[s->lefts++] = label;
		else if (needed)
			s->batch[s->batches++] = label;
		else
			s->summed[s->sums++] = label;
	}
	for (int i = 0; i < b->rank; i++)
		if (!contains(a->labels, a->rank, b->labels[i]))
			s->right[s->rights++] = b->labels[i];
}

static int join_labels(char *to, const char *a, int a_count, const char *b, int b_count, const char *c, int c_count)
{
	memcpy(to, a, (size_t)a_count);
	memcpy(to + a_count, b, (size_t)b_count);
	memcpy(to + a_count + b_count, c, (size_t)c_count);
	return a_count + b_count + c_count;
}

static int64_t product_of(const struct einsum *e, const char *labels, int count)
{
	int64_t product = 1;
	for (int i = 0; i < count; i++)
		product *= e->size[(int)labels[i]];
	return product;
}

/* Multiplies [batch, left, summed] by [batch, summed, right] as matrices. */
static void multiply_matrices(struct einsum *e, struct term *a, struct term *b, const struct split *s)
{
	char labels[3 * MAX_RANK];
	int64_t k = product_of(e, s->summed, s->sums), batch = product_of(e, s->batch, s->batches);
	int64_t m = product_of(e, s->left, s->lefts), n = product_of(e, s->right, s->rights), dims[MAX_RANK];
	arrange(e, a, labels, join_labels(labels, s->batch, s->batches, s->left, s->lefts, s->summed, s->sums));
	arrange(e, b, labels, join_labels(labels, s->batch, s->batches, s->summed, s->sums, s->right, s->rights));
	a->rank = join_labels(a->labels, s->batch, s->batches, s->left, s->lefts, s->right, s->rights);
	for (int i = 0; i < a->rank; i++)
		dims[i] = e->size[(int)a->labels[i]];
	a->value = EMIT(e->node, "Reshape(MatMul(Reshape(a, c), Reshape(b, d)), e)", a->value, b->value,
	                constant_ints(e->node, (int64_t[]){batch, m, k}, 3),
	                constant_ints(e->node, (int64_t[]){batch, k, n}, 3), constant_ints(e->node, dims, a->rank));
}

static enum ercc_status expand_einsum(struct node *node)
{
	struct einsum e = {.node = node};
	struct term *terms = arena_array(&node->graph->ctx->arena, (size_t)node->input_count, sizeof *terms);
	struct split s;
	for (int i = 0; i < (int)COUNT_OF(e.size); i++)
		e.size[i] = NO_SIZE;
	TRY(read_equation(&e, terms));
	for (int i = 0; i < node->input_count; i++)
		normalise(&e, &terms[i]);
	for (int i = 0; i + 1 < node->input_count; i++) {
		struct term *a = &terms[i], *b = &terms[i + 1];
		drop_unneeded(&e, a, b, node->input_count - i - 1);
		split_labels(&e, a, b, b + 1, node->input_count - i - 2, &s);
		if (s.batches + s.lefts + s.rights > MAX_RANK)
			return node_fail(node, ERCC_UNSUPPORTED, "an intermediate product of rank above %d is not supported",
			                 MAX_RANK);
		multiply_matrices(&e, a, b, &s);
		*b = *a;
	}
	struct term *last = &terms[node->input_count - 1];
	drop_unneeded(&e, last, NULL, 0);
	arrange(&e, last, e.out, e.out_rank);
	expand_to(node, 0, last->value);
	return ERCC_OK;
}

const struct op ops_einsum[] = {
	{"Einsum", 12, 1, VARIADIC, 1, TYPES_FLOAT | TYPE(I32) | TYPE(I64) | TYPE(U32) | TYPE(U64), .expand = expand_einsum,
     .conversions = CONVERSIONS({TYPE(I8) | TYPE(U8) | TYPE(I16) | TYPE(U16), ERC_I32, ~0u, 0, NULL, false}),
     .attrs = "equation=text"},
	{0},
};
