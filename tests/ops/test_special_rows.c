/* NaN, infinities and ties in what is computed along a line: reductions, positions, sorting, running sums, softmax and
 * pooling. A NaN counts as numpy counts it: a maximum or a sum with one is NaN; it is found as the maximum and as the
 * minimum; it is sorted behind all numbers. */
#include <float.h>

#include "compiler/core/expr.h"
#include "tests/ops/compute.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

#define LINES 32
#define COUNT 37 /* numbers of a line */
#define TOP 5
#define WINDOWS 19 /* of 3 numbers, 2 apart, with a padding of 1 */

/* ---- the lines ---- */

static double line_number(int line, int i)
{
	static const int at[] = {0, 1, 15, 16, 36};
	static const double special[] = {NAN, INFINITY, -INFINITY};
	double plain = (i * 7 % COUNT - 18.5) / 8; /* all differ, and are small */
	if (line < 15)
		return i == at[line % 5] ? special[line / 5] : plain;
	switch (line) {
	case 15: return i == 3 || i == 30 ? NAN : plain;
	case 16: return i == 3 ? INFINITY : i == 30 ? -INFINITY : plain;
	case 17: return i == 3 ? INFINITY : i == 30 ? NAN : plain;
	case 18: return i == 3 ? NAN : i == 30 ? -INFINITY : plain;
	case 19: return -INFINITY;
	case 20: return INFINITY;
	case 21: return NAN;
	case 22: return i < 20 ? NAN : -INFINITY;
	case 23: return 0.5;
	case 24: return i % 2 ? 0.0 : -0.0;
	case 25: return i % 5 ? -INFINITY : plain;
	default: return plain * (line - 30);
	}
}

/* ---- wanted values, of one line x of `count` numbers ---- */

struct wanted {
	double first[COUNT], second[COUNT]; /* of both outputs */
};

/* The better one of two in a search for the maximum (sign 1) or the minimum (-1). */
static bool is_better(double a, double b, int sign)
{
	return isnan(b) ? false : isnan(a) ? true : sign * a > sign * b;
}
static int best_of(const double *x, int count, int sign, bool last)
{
	int best = 0;
	for (int i = 1; i < count; i++)
		if (is_better(x[i], x[best], sign) || (last && !is_better(x[best], x[i], sign)))
			best = i;
	return best;
}
static double total(const double *x, double (*of)(double))
{
	double sum = 0;
	for (int i = 0; i < COUNT; i++)
		sum += of(x[i]);
	return sum;
}
static double itself(double x)
{
	return x;
}
static double square(double x)
{
	return x * x;
}

static void want_max(const double *x, struct wanted *w)
{
	w->first[0] = x[best_of(x, COUNT, 1, false)];
}
static void want_min(const double *x, struct wanted *w)
{
	w->first[0] = x[best_of(x, COUNT, -1, false)];
}
static void want_sum(const double *x, struct wanted *w)
{
	w->first[0] = total(x, itself);
}
static void want_mean(const double *x, struct wanted *w)
{
	w->first[0] = total(x, itself) / COUNT;
}
static void want_squares(const double *x, struct wanted *w)
{
	w->first[0] = total(x, square);
}
static void want_size(const double *x, struct wanted *w)
{
	w->first[0] = total(x, fabs);
}
static void want_length(const double *x, struct wanted *w)
{
	w->first[0] = sqrt(total(x, square));
}
static void want_product(const double *x, struct wanted *w)
{
	w->first[0] = 1;
	for (int i = 0; i < COUNT; i++)
		w->first[0] *= x[i];
}
static void want_log_sum(const double *x, struct wanted *w)
{
	w->first[0] = log(total(x, square));
}
static void want_log_sum_exp(const double *x, struct wanted *w)
{
	w->first[0] = log(total(x, exp));
}
static void want_first_max(const double *x, struct wanted *w)
{
	w->first[0] = best_of(x, COUNT, 1, false);
}
static void want_last_max(const double *x, struct wanted *w)
{
	w->first[0] = best_of(x, COUNT, 1, true);
}
static void want_first_min(const double *x, struct wanted *w)
{
	w->first[0] = best_of(x, COUNT, -1, false);
}
static void want_last_min(const double *x, struct wanted *w)
{
	w->first[0] = best_of(x, COUNT, -1, true);
}

/* NaNs are behind all numbers; of equal ones the first position is first. */
static void want_sorted(const double *x, struct wanted *w, int sign)
{
	bool taken[COUNT] = {false};
	for (int k = 0; k < TOP; k++) {
		int best = -1;
		for (int i = 0; i < COUNT; i++) {
			bool before = best < 0 || (sign > 0         ? is_better(x[i], x[best], 1)
			                           : isnan(x[best]) ? !isnan(x[i])
			                                            : x[i] < x[best]);
			if (!taken[i] && before)
				best = i;
		}
		taken[best] = true;
		w->first[k] = x[best], w->second[k] = best;
	}
}
static void want_largest(const double *x, struct wanted *w)
{
	want_sorted(x, w, 1);
}
static void want_smallest(const double *x, struct wanted *w)
{
	want_sorted(x, w, -1);
}

static void want_softmax(const double *x, struct wanted *w)
{
	double top = x[best_of(x, COUNT, 1, false)], sum = 0;
	for (int i = 0; i < COUNT; i++)
		sum += exp(x[i] - top);
	for (int i = 0; i < COUNT; i++)
		w->first[i] = exp(x[i] - top) / sum;
}
static void want_log_softmax(const double *x, struct wanted *w)
{
	double top = x[best_of(x, COUNT, 1, false)], sum = 0;
	for (int i = 0; i < COUNT; i++)
		sum += exp(x[i] - top);
	for (int i = 0; i < COUNT; i++)
		w->first[i] = x[i] - top - log(sum);
}
static void want_hardmax(const double *x, struct wanted *w)
{
	for (int i = 0; i < COUNT; i++)
		w->first[i] = i == best_of(x, COUNT, 1, false);
}
static void want_running_sum(const double *x, struct wanted *w)
{
	double sum = 0;
	for (int i = 0; i < COUNT; i++)
		w->first[i] = sum += x[i];
}
static void want_running_product(const double *x, struct wanted *w)
{
	double product = 1;
	for (int i = 0; i < COUNT; i++)
		w->first[i] = product *= x[i];
}

static void want_pooled(const double *x, struct wanted *w)
{
	for (int i = 0; i < WINDOWS; i++) {
		int start = i ? 2 * i - 1 : 0, end = 2 * i + 1 < COUNT ? 2 * i + 1 : COUNT - 1;
		int best = start + best_of(x + start, end - start + 1, 1, false);
		w->first[i] = x[best], w->second[i] = best;
	}
}
static void want_averages(const double *x, struct wanted *w)
{
	for (int i = 0; i < WINDOWS; i++) {
		int start = i ? 2 * i - 1 : 0, end = 2 * i + 1 < COUNT ? 2 * i + 1 : COUNT - 1;
		w->first[i] = 0;
		for (int k = start; k <= end; k++)
			w->first[i] += x[k] / (end - start + 1);
	}
}

/* ---- operators ---- */

/* SECOND: there is a second output, of positions. POOLS: the input is a tensor [1, lines, numbers of a line]. OF_F32:
 * the operator takes no other dtype. */
static const struct op {
	const char *text; /* of x, whose lines are along the axis */
	void (*wanted)(const double *x, struct wanted *w);
	int count; /* numbers of each line's result */
	enum { SECOND = 1, POOLS = 2, OF_F32 = 4 } is;
} ops[] = {
	{"ReduceMax(x, axis)", want_max, 1, 0},
	{"ReduceMin(x, axis)", want_min, 1, 0},
	{"ReduceSum(x, axis)", want_sum, 1, 0},
	{"ReduceMean(x, axis)", want_mean, 1, 0},
	{"ReduceSumSquare(x, axis)", want_squares, 1, 0},
	{"ReduceL1(x, axis)", want_size, 1, 0},
	{"ReduceL2(x, axis)", want_length, 1, 0},
	{"ReduceProd(x, axis)", want_product, 1, 0},
	{"ReduceLogSum(squares, axis)", want_log_sum, 1, 0},
	{"ReduceLogSumExp(x, axis)", want_log_sum_exp, 1, 0},
	{"ArgMax(x) {axis=AXIS}", want_first_max, 1, 0},
	{"ArgMax(x) {axis=AXIS, select_last_index=1}", want_last_max, 1, 0},
	{"ArgMin(x) {axis=AXIS}", want_first_min, 1, 0},
	{"ArgMin(x) {axis=AXIS, select_last_index=1}", want_last_min, 1, 0},
	{"TopK(x, k) {axis=AXIS}", want_largest, TOP, SECOND},
	{"TopK(x, k) {axis=AXIS, largest=0}", want_smallest, TOP, SECOND},
	{"Softmax(x) {axis=AXIS}", want_softmax, COUNT, OF_F32},
	{"LogSoftmax(x) {axis=AXIS}", want_log_softmax, COUNT, OF_F32},
	{"Hardmax(x) {axis=AXIS}", want_hardmax, COUNT, 0},
	{"CumSum(x, axis)", want_running_sum, COUNT, 0},
	{"CumProd(x, axis)", want_running_product, COUNT, 0},
	{"MaxPool(planes) {kernel_shape=[3], strides=[2], pads=[1, 1]}", want_pooled, WINDOWS, POOLS},
	{"MaxPool(blocked) {kernel_shape=[3], strides=[2], pads=[1, 1]}", want_pooled, WINDOWS, POOLS},
	{"MaxPool(planes) {kernel_shape=[3], strides=[2], pads=[1, 1]}", want_pooled, WINDOWS, SECOND | POOLS},
	{"AveragePool(planes) {kernel_shape=[3], strides=[2], pads=[1, 1]}", want_averages, WINDOWS, POOLS},
	{"AveragePool(blocked) {kernel_shape=[3], strides=[2], pads=[1, 1]}", want_averages, WINDOWS, POOLS},
	{"GlobalMaxPool(planes)", want_max, 1, POOLS},
	{"GlobalAveragePool(planes)", want_mean, 1, POOLS},
};

/* ---- models ---- */

enum form { LAST, FIRST, CONSTANT, FORMS }; /* lines along the last dim, along the first, or of a constant */
static const char *const form_names[FORMS] = {"along the last dim", "along the first dim", "of a constant"};

static double element_at(enum form form, int at)
{
	return form == FIRST ? line_number(at % LINES, at / LINES) : line_number(at / COUNT, at % COUNT);
}

static bool is_used(const struct op *op, enum erc_dtype dtype, enum form form)
{
	return (dtype == ERC_F32 || !(op->is & (POOLS | OF_F32))) && (form == LAST || !(op->is & POOLS));
}

/* The operator's text with its axis in place of the word AXIS. */
static void print_op(struct text *text, const struct op *op, int number, enum form form)
{
	const char *word = strstr(op->text, "AXIS");
	int length = word ? (int)(word - op->text) : (int)strlen(op->text);
	text_printf(text, op->is & SECOND ? "y%d, z%d = " : "y%d = ", number, number);
	text_printf(text, "%.*s", length, op->text);
	if (word)
		text_printf(text, "%d%s", form != FIRST, word + 4);
	text_printf(text, op->is & SECOND ? "\noutput y%d\noutput z%d\n" : "\noutput y%d\n", number, number);
}

static const char *model_of(enum erc_dtype dtype, enum form form)
{
	struct text text = {.arena = &test.ctx.arena};
	int rows = form == FIRST ? COUNT : LINES, columns = form == FIRST ? LINES : COUNT;
	text_printf(&text, "graph \"rows\" opset=26\n%s x:%s[%dx%d]", form == CONSTANT ? "const" : "input",
	            dtype_name(dtype), rows, columns);
	for (int i = 0; form == CONSTANT && i < LINES * COUNT; i++)
		text_printf(&text, "%s%a", i ? ", " : " = {", element_at(form, i));
	text_printf(&text, "%s\nconst axis:i64[1] = {%d}\nconst k:i64[1] = {%d}\nsquares = Mul(x, x)\n",
	            form == CONSTANT ? "}" : "", form != FIRST, TOP);
	if (form == LAST && dtype == ERC_F32) { /* a convolution's output is blocked */
		text_printf(&text, "const shape:i64[3] = {1, %d, %d}\nplanes = Reshape(x, shape)\nconst ones:f32[%dx1x1] = {1",
		            LINES, COUNT, LINES);
		for (int i = 1; i < LINES; i++)
			text_printf(&text, ", 1");
		text_printf(&text, "}\nblocked = Conv(planes, ones) {group=%d}\n", LINES);
	}
	for (size_t i = 0; i < COUNT_OF(ops); i++)
		if (is_used(&ops[i], dtype, form))
			print_op(&text, &ops[i], (int)i, form);
	return text.data;
}

/* ---- comparing ---- */

static bool is_right(double found, double wanted, double within)
{
	if (isnan(wanted) || isnan(found))
		return isnan(wanted) && isnan(found);
	return found == wanted || (!isinf(wanted) && fabs(found - wanted) <= within * (1 + fabs(wanted)));
}

/* Returns the number of wrong elements, and prints the first one. */
static int compare(const struct op *op, enum erc_dtype dtype, enum form form, const char *where, bool second,
                   const struct output *output)
{
	int wrong = 0, elements = LINES * op->count;
	bool positions = second || !strncmp(op->text, "Arg", 3);
	struct tensor got = {.dtype = positions ? ERC_I64 : dtype,
	                     .shape = shape_of(1, (int64_t[]){elements}),
	                     .data = output->data};
	ck_assert_uint_eq(output->bytes, tensor_bytes(&got));
	for (int i = 0; i < elements; i++) {
		struct wanted wanted;
		int line = form == FIRST ? i % LINES : i / op->count, at = form == FIRST ? i / LINES : i % op->count;
		double x[COUNT];
		for (int k = 0; k < COUNT; k++)
			x[k] = line_number(line, k);
		op->wanted(x, &wanted);
		double found = positions ? (double)tensor_int(&got, i) : tensor_float(&got, i);
		found -= second && op->is & POOLS ? line * COUNT : 0;
		double want = second ? wanted.second[at] : wanted.first[at];
		if (!is_right(found, want, dtype == ERC_F64 ? 1e-13 : 1e-5) && !wrong++)
			fprintf(stderr, "%s of %s, %s: output %d, line %d, element %d: found %.9g, wanted %.9g\n", op->text,
			        dtype_name(dtype), where, second, line, at, found, want);
	}
	return wrong;
}

/* Returns the number of wrong elements. */
static int run_form(enum erc_dtype dtype, enum form form, const char *target)
{
	struct output outputs[2 * COUNT_OF(ops)];
	char data[LINES * COUNT * sizeof(double)];
	int output_count = 0, wrong = 0, used = 0, at = 0;
	for (int i = 0; i < LINES * COUNT; i++)
		element_write(data, dtype, i, (union expr_value){.f = element_at(form, i)});
	const struct tensor input = {.dtype = dtype, .shape = shape_of(1, (int64_t[]){LINES * COUNT}), .data = data};
	for (size_t i = 0; i < COUNT_OF(ops); i++) {
		used += is_used(&ops[i], dtype, form);
		output_count += is_used(&ops[i], dtype, form) ? 1 + (ops[i].is & SECOND) : 0;
	}
	compile_text(model_of(dtype, form), target, NULL, 0);
	if (!run_on((const struct tensor *[]){&input}, form != CONSTANT, outputs, output_count)) {
		printf("skipped: special lines: this machine does not run %s\n", target);
		return 0;
	}
	const char *where = arena_printf(&test.ctx.arena, "%s on %s", form_names[form], target);
	for (size_t i = 0; i < COUNT_OF(ops); i++)
		for (int second = 0; is_used(&ops[i], dtype, form) && second <= (int)(ops[i].is & SECOND); second++) {
			wrong += compare(&ops[i], dtype, form, where, second, &outputs[at]);
			free(outputs[at++].data);
		}
	printf("special lines: %s, %s: %d operators, %d lines, %d wrong\n", dtype_name(dtype), where, used, LINES, wrong);
	return wrong;
}

START_TEST(lines_with_special_numbers)
{
	int wrong = 0;
	for (size_t t = 0; t < COUNT_OF(targets); t++)
		wrong += run_form(_i / FORMS ? ERC_F64 : ERC_F32, (enum form)(_i % FORMS), targets[t]);
	ck_assert_int_eq(wrong, 0);
}
END_TEST

int main(void)
{
	TCase *all = tcase_create("special lines");
	tcase_add_loop_test(all, lines_with_special_numbers, 0, 2 * FORMS);
	return run_in_folder(suite_create("special_rows"), all);
}
