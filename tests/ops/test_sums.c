/* Sums of 2^24 numbers, and what is made of such sums: each is within 1e-6 of the exact value, where a running sum in
 * f32 is 1 % and more off. */
#include "tests/ops/compute.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

#define COUNT (1 << 24)

/* What the numbers are: all equal, or all different. */
enum numbers { EQUAL, VARIED };

static float number_at(enum numbers numbers, size_t i)
{
	return numbers == EQUAL ? 0.1f : 0.1f + (float)((i * 2654435761u >> 9) % 65536) / 65536;
}

/* Exact values of the input, in f64. */
struct facts {
	const float *x;
	double sum, squares, exponentials, variance;
};

/* The wanted element i, of as many as the output has. */
typedef double (*wanted_fn)(const struct facts *facts, size_t i);

static double want_sum(const struct facts *f, size_t i)
{
	(void)i;
	return f->sum;
}
static double want_mean(const struct facts *f, size_t i)
{
	(void)i;
	return f->sum / COUNT;
}
static double want_squares(const struct facts *f, size_t i)
{
	(void)i;
	return f->squares;
}
static double want_length(const struct facts *f, size_t i)
{
	(void)i;
	return sqrt(f->squares);
}
static double want_sum_of_sixteenth(const struct facts *f, size_t i)
{
	double sum = 0;
	for (; i < COUNT; i += 16)
		sum += (double)f->x[i];
	return sum;
}
static double want_log_sum(const struct facts *f, size_t i)
{
	(void)i;
	return log(f->sum);
}
static double want_log_sum_exp(const struct facts *f, size_t i)
{
	(void)i;
	return log(f->exponentials);
}
static double want_softmax(const struct facts *f, size_t i)
{
	return exp((double)f->x[i]) / f->exponentials;
}
static double want_log_softmax(const struct facts *f, size_t i)
{
	return (double)f->x[i] - log(f->exponentials);
}
static double want_normal(const struct facts *f, size_t i)
{
	return ((double)f->x[i] - f->sum / COUNT) / sqrt(f->variance + 1e-5);
}
static double want_mean_variance(const struct facts *f, size_t i)
{
	return ((double)f->x[i] - f->sum / COUNT) / sqrt(f->variance);
}
static double want_root_mean_square(const struct facts *f, size_t i)
{
	return (double)f->x[i] / sqrt(f->squares / COUNT + 1e-5);
}
static double want_unit_length(const struct facts *f, size_t i)
{
	return (double)f->x[i] / sqrt(f->squares);
}
static double want_running_sum(const struct facts *f, size_t i)
{
	static double sum;
	sum = i ? sum + (double)f->x[i] : (double)f->x[0];
	return sum;
}

#define VECTOR "input x:f32[16777216]\n"
#define COLUMN "input x:f32[16777216x1]\n"
#define LANES "input x:f32[1048576x16]\n"
#define ROW "input x:f32[1x16777216]\n"
#define IMAGE "input x:f32[1x1x4096x4096]\n"
#define ONE "const one:f32[1] = {1}\nconst zero:f32[1] = {0}\n"

static const struct {
	const char *name, *input, *text; /* y of x */
	wanted_fn wanted;
	int since;   /* opset */
	bool varied; /* equal numbers have no variance */
} sums[] = {
	{"ReduceSum", VECTOR, "y = ReduceSum(x)", want_sum, 13, false},
	{"ReduceSum of two dims", IMAGE, "y = ReduceSum(x) {keepdims=0}", want_sum, 13, false},
	{"ReduceMean", VECTOR, "y = ReduceMean(x)", want_mean, 13, false},
	{"ReduceMean of the first dim", COLUMN, "y = ReduceMean(x) {axes=[0]}", want_mean, 13, false},
	{"ReduceSum of rows", LANES, "const axis:i64[1] = {0}\ny = ReduceSum(x, axis)", want_sum_of_sixteenth, 13, false},
	{"ReduceSumSquare", VECTOR, "y = ReduceSumSquare(x)", want_squares, 13, false},
	{"ReduceL1", VECTOR, "y = ReduceL1(x)", want_sum, 13, false},
	{"ReduceL2", VECTOR, "y = ReduceL2(x)", want_length, 13, false},
	{"ReduceLogSum", VECTOR, "y = ReduceLogSum(x)", want_log_sum, 13, false},
	{"ReduceLogSumExp", VECTOR, "y = ReduceLogSumExp(x)", want_log_sum_exp, 13, false},
	{"GlobalAveragePool", IMAGE, "y = GlobalAveragePool(x)", want_mean, 13, false},
	{"GlobalLpPool", IMAGE, "y = GlobalLpPool(x)", want_length, 13, false},
	{"AveragePool", IMAGE, "y = AveragePool(x) {kernel_shape=[4096, 4096]}", want_mean, 13, false},
	{"Softmax", ROW, "y = Softmax(x)", want_softmax, 13, false},
	{"Softmax of the first dim", COLUMN, "y = Softmax(x) {axis=0}", want_softmax, 13, false},
	{"LogSoftmax", ROW, "y = LogSoftmax(x)", want_log_softmax, 13, false},
	{"CumSum", VECTOR, "const axis:i64[1] = {0}\ny = CumSum(x, axis)", want_running_sum, 13, false},
	{"LpNormalization", ROW, "y = LpNormalization(x)", want_unit_length, 13, false},
	{"InstanceNormalization", IMAGE, ONE "y = InstanceNormalization(x, one, zero)", want_normal, 17, true},
	{"MeanVarianceNormalization", IMAGE, "y = MeanVarianceNormalization(x)", want_mean_variance, 17, true},
	{"LayerNormalization", IMAGE, ONE "y = LayerNormalization(x, one, zero) {axis=1}", want_normal, 17, true},
	{"GroupNormalization", IMAGE, ONE "y = GroupNormalization(x, one, zero) {num_groups=1}", want_normal, 21, true},
	{"RMSNormalization", IMAGE, ONE "y = RMSNormalization(x, one) {axis=1}", want_root_mean_square, 23, true},
};

static struct facts facts_of(enum numbers numbers)
{
	float *x = malloc(COUNT * sizeof *x);
	struct facts f = {.x = x};
	long double sum = 0, squares = 0, exponentials = 0;
	ck_assert_ptr_nonnull(x);
	for (size_t i = 0; i < COUNT; i++) {
		x[i] = number_at(numbers, i);
		sum += (long double)x[i];
		squares += (long double)x[i] * (long double)x[i];
		exponentials += exp((double)x[i]);
	}
	f.sum = (double)sum, f.squares = (double)squares, f.exponentials = (double)exponentials;
	f.variance = (double)(squares / COUNT - sum / COUNT * sum / COUNT);
	return f;
}

/* Returns the greatest error, relative to the wanted value, or to 1 if it has both signs. Negative: not run here. */
static double worst_error(size_t at, const char *target, const struct facts *facts)
{
	struct output output;
	const struct tensor input = {.dtype = ERC_F32, .shape = shape_of(1, (int64_t[]){COUNT}), .data = facts->x};
	char text[512];
	double worst = 0;
	snprintf(text, sizeof text, "graph \"sums\" opset=%d\n%s%s\noutput y\n", sums[at].since, sums[at].input,
	         sums[at].text);
	compile_text(text, target, NULL, 0);
	if (!run_on((const struct tensor *[]){&input}, 1, &output, 1))
		return -1;
	for (size_t i = 0; i < output.bytes / sizeof(float); i++) {
		double wanted = sums[at].wanted(facts, i), found = (double)((const float *)output.data)[i];
		double error = fabs(found - wanted) / (sums[at].varied ? 1 : fabs(wanted));
		worst = error <= worst ? worst : error; /* NaN is worst */
	}
	free(output.data);
	return worst;
}

START_TEST(sums_are_exact)
{
	struct facts facts = facts_of((enum numbers)_i);
	int wrong = 0, checked = 0;
	for (size_t t = 0; t < COUNT_OF(targets); t++)
		for (size_t k = 0; k < COUNT_OF(sums); k++) {
			if (sums[k].varied && _i == EQUAL)
				continue;
			double worst = worst_error(k, targets[t], &facts);
			if (worst == -1) {
				printf("skipped: sums: this machine does not run %s\n", targets[t]);
				break;
			}
			checked++;
			if (!(worst <= 1e-6) && ++wrong)
				fprintf(stderr, "%s of 2^24 %s numbers on %s: off by %.3g\n", sums[k].name, _i ? "varied" : "equal",
				        targets[t], worst);
		}
	printf("sums: %s numbers: %d operators on targets, %d wrong\n", _i ? "varied" : "equal", checked, wrong);
	ck_assert_int_eq(wrong, 0);
	free((void *)(uintptr_t)facts.x);
}
END_TEST

/* A sum that the compiler folds has the bits of the one that runs. */
START_TEST(folded_sums_are_the_same)
{
	static const char *const ops[] = {"ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2"};
	static const int counts[] = {1, 7, 63, 64, 65, 1000, 4096};
	int checked = 0;
	for (size_t c = 0; c < COUNT_OF(counts); c++) {
		struct text text = {.arena = &test.ctx.arena};
		float x[4096];
		struct output outputs[2 * COUNT_OF(ops)];
		text_printf(&text, "graph \"folded\" opset=13\ninput x:f32[%d]\nconst k:f32[%d] = {", counts[c], counts[c]);
		for (int i = 0; i < counts[c]; i++)
			text_printf(&text, "%s%a", i ? ", " : "", (double)(x[i] = number_at(VARIED, (size_t)i)));
		text_printf(&text, "}\n");
		for (size_t i = 0; i < COUNT_OF(ops); i++)
			text_printf(&text, "y%zu = %s(x)\noutput y%zu\nz%zu = %s(k)\noutput z%zu\n", i, ops[i], i, i, ops[i], i);
		compile_text(text.data, targets[0], NULL, 0);
		const struct tensor input = {.dtype = ERC_F32, .shape = shape_of(1, (int64_t[]){counts[c]}), .data = x};
		ck_assert(run_on((const struct tensor *[]){&input}, 1, outputs, 2 * COUNT_OF(ops)));
		for (size_t i = 0; i < COUNT_OF(ops); i++, checked++)
			ck_assert_msg(!memcmp(outputs[2 * i].data, outputs[2 * i + 1].data, sizeof(float)),
			              "%s of %d: %.9g at run time, %.9g folded", ops[i], counts[c],
			              (double)*(float *)outputs[2 * i].data, (double)*(float *)outputs[2 * i + 1].data);
		for (size_t i = 0; i < COUNT_OF(outputs); i++)
			free(outputs[i].data);
	}
	printf("sums: %d folded ones have the bits of those at run time\n", checked);
}
END_TEST

int main(void)
{
	TCase *all = tcase_create("sums");
	tcase_add_loop_test(all, sums_are_exact, EQUAL, VARIED + 1);
	tcase_add_test(all, folded_sums_are_the_same);
	return run_in_folder(suite_create("sums"), all);
}
