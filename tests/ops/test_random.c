/* Operators that draw random numbers: their distributions, and that the numbers are the same in every run, on every
 * target and under every budget, if the seed or the name of the output is. */
#include "tests/ops/compute.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

#define COUNT 100000
#define SHAPE "[100x1000]"

/* The moments of a distribution; the limits are four standard deviations of the moments of COUNT numbers. */
static const struct {
	const char *title, *text;
	double mean, variance, fourth; /* fourth: central moment */
	double low, high;
} rows[] = {
	{"RandomUniform", "y = RandomUniform() {low=-1.0, high=3.0, shape=[100, 1000]}\n", 1, 16.0 / 12, 3.2, -1, 3},
	{"RandomNormal", "y = RandomNormal() {mean=2.0, scale=0.5, shape=[100, 1000]}\n", 2, 0.25, 3 * 0.0625, -1, 5},
	{"RandomUniformLike", "y = RandomUniformLike(x)\n", 0.5, 1.0 / 12, 1.0 / 80, 0, 1},
	{"RandomNormalLike", "y = RandomNormalLike(x)\n", 0, 1, 3, -6, 6},
	{"Bernoulli", "const p:f32" SHAPE " = splat{0.3}\ny = Bernoulli(p)\n", 0.3, 0.21, 0.0777, 0, 1},
	{"Dropout", "const o:f32" SHAPE " = splat{3}\nconst r:f32[] = {0.25}\nconst t:bool[] = {1}\ny = Dropout(o, r, t)\n",
     3, 3, 21, 0, 4},
	{"Multinomial",
     "const l:f32[1x3] = {0, 0.69314718, 1.0986123}\nm = Multinomial(l) {sample_size=100000}\ny = Cast(m) {to=1}\n",
     4.0 / 3, 5.0 / 9, 0.6296296, 0, 2},
};

static float *draw(const char *text, const char *target, const char *budget, size_t *count)
{
	static const char *const budgets[] = {"full", "quarter"};
	float *inputs[INPUTS_MAX] = {NULL};
	char *graph = arena_printf(&test.ctx.arena, "graph \"g\" opset=22\ninput x:f32" SHAPE "\n%soutput y\n", text);
	compile_text(graph, target, budgets, COUNT_OF(budgets));
	float *y = run_compiled(budget, inputs, count);
	for (int i = 0; i < INPUTS_MAX; i++)
		free(inputs[i]);
	return y;
}

static void check_moments(int row, const float *y)
{
	double sum = 0, squares = 0;
	for (int i = 0; i < COUNT; i++) {
		double d = (double)y[i] - rows[row].mean;
		ck_assert_msg((double)y[i] >= rows[row].low && (double)y[i] <= rows[row].high, "%s: %g", rows[row].title,
		              (double)y[i]);
		sum += d, squares += d * d;
	}
	double mean = sum / COUNT, variance = squares / COUNT, v = rows[row].variance;
	printf("%s: mean %+.4f, variance %+.4f off\n", rows[row].title, mean, variance - v);
	ck_assert_msg(fabs(mean) <= 4 * sqrt(v / COUNT), "%s: mean off by %g", rows[row].title, mean);
	ck_assert_msg(fabs(variance - v) <= 4 * sqrt((rows[row].fourth - v * v) / COUNT) + 1e-3, "%s: variance %g",
	              rows[row].title, variance);
}

START_TEST(numbers_have_their_distribution)
{
	size_t count;
	float *y = draw(rows[_i].text, targets[0], NULL, &count);
	ck_assert_uint_eq(count, COUNT);
	check_moments(_i, y);
	free(y);
}
END_TEST

/* Logarithm and cosine differ in the last bits between targets, so those numbers are compared on each target alone. */
START_TEST(numbers_are_the_same_in_every_run)
{
	size_t count;
	float *first = draw(rows[_i].text, targets[0], NULL, &count);
	for (size_t t = 0; t < COUNT_OF(targets); t++) {
		float *all = draw(rows[_i].text, targets[t], "full", &count),
			  *few = draw(rows[_i].text, targets[t], "quarter", &count);
		ck_assert_msg(!memcmp(all, few, COUNT * sizeof *all), "%s on %s: budgets differ", rows[_i].title, targets[t]);
		for (int i = 0; i < COUNT; i++)
			ck_assert_msg(fabsf(all[i] - first[i]) <= 1e-5f, "%s on %s: element %d", rows[_i].title, targets[t], i);
		free(all), free(few);
	}
	free(first);
}
END_TEST

/* Two nodes with one seed draw the same numbers; without a seed, different ones. */
START_TEST(the_seed_decides)
{
	static const struct {
		const char *attrs;
		double equal; /* share of equal numbers */
	} seeds[] = {{"{seed=7.0}", 1}, {"", 0}};
	for (size_t s = 0; s < COUNT_OF(seeds); s++) {
		size_t count;
		double equal = 0;
		const char *text = "a = RandomUniformLike(x) %s\nb = RandomUniformLike(x) %s\ny = Sub(a, b)\n";
		float *y = draw(arena_printf(&test.ctx.arena, text, seeds[s].attrs, seeds[s].attrs), targets[0], NULL, &count);
		for (int i = 0; i < COUNT; i++)
			equal += y[i] == 0;
		ck_assert_double_eq_tol(equal / COUNT, seeds[s].equal, 1e-3);
		free(y);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("random");
	TCase *all = tcase_create("distributions and seeds");
	tcase_add_loop_test(all, numbers_have_their_distribution, 0, COUNT_OF(rows));
	tcase_add_loop_test(all, numbers_are_the_same_in_every_run, 0, COUNT_OF(rows));
	tcase_add_test(all, the_seed_decides);
	return run_in_folder(suite, all);
}
