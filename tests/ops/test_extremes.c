/* Extreme legal parameters: for each kernel template, each target of the table and each default budget there is a tile
 * shape. No kernel is built for that, so sizes are as large as memory allows. Convolutions with extreme windows are
 * computed, too: the same bits under every budget. EXTREMES=N draws each pattern N times. */
#include "tests/ops/compute.h"
#include "tests/unit/template_cases.h"

#include "compiler/passes/pass.h"
#include "compiler/targets/target.h"

#define DRAWS 6
#define SEEN_MAX 128

/* ---- drawing ---- */

/* Graph texts in which <name:low-high> is a number, drawn so that all magnitudes are equally likely, and <name> is the
 * same number again. */
static const char *const patterns[] = {
	/* convolutions: dilations, strides, kernels, channels, groups */
	"input x:f32[<n:1-3>x<c:1-64>x<l:1-1000000>]\ninput w:f32[<o:1-64>x<c>x<k:1-30000>]\n"
	"y = Conv(x, w) {dilations=[<d:1-30000>],strides=[<s:1-1000000>],auto_pad=\"SAME_UPPER\"}\noutput y\n",
	"input x:f32[1x<c:1-40>x<h:1-1000>x<w:1-1000>]\ninput w:f32[<o:1-64>x<c>x<kh:1-300>x<kw:1-300>]\n"
	"y = Conv(x, w) {dilations=[<dh:1-4096>,<dw:1-4096>],strides=[<sh:1-300>,<sw:1-300>],auto_pad=\"SAME_LOWER\"}\n"
	"output y\n",
	"input x:f32[1x<c:1-200000>x<h:1-9>x<w:1-9>]\ninput w:f32[<o:1-300>x<c>x3x3]\n"
	"y = Conv(x, w) {dilations=[<dh:1-4096>,<dw:1-4096>],auto_pad=\"SAME_UPPER\"}\noutput y\n",
	"input x:f32[1x<c:1-40>x<d:1-90>x<h:1-90>x<w:1-90>]\ninput w:f32[<o:1-64>x<c>x<kd:1-70>x<kh:1-70>x<kw:1-70>]\n"
	"y = Conv(x, w) {dilations=[<dd:1-4096>,<dh:1-4096>,<dw:1-4096>],auto_pad=\"SAME_UPPER\"}\noutput y\n",
	"input x:f32[1x<g:1-100000>x<w:1-1000>]\ninput w:f32[<g>x1x<k:1-3000>]\n"
	"y = Conv(x, w) {group=<g>,dilations=[<d:1-4096>],auto_pad=\"SAME_UPPER\"}\noutput y\n",
	"input x:f32[1x<g:2-300>x<h:1-300>x<w:1-300>]\nconst w:f32[<g>x1x<kh:1-30>x<kw:1-30>] = splat{1}\n"
	"y = Conv(x, w) {group=<g>,dilations=[<d:1-4096>,<e:1-4096>],auto_pad=\"SAME_UPPER\"}\noutput y\n",
	"input x:f32[1x<c:1-64>x<h:1-64>x<w:1-64>]\ninput w:f32[<c>x<o:1-64>x<kh:1-64>x<kw:1-64>]\n"
	"y = ConvTranspose(x, w) {strides=[<s:1-9>,<t:1-9>]}\noutput y\n",
	/* products */
	"input a:f32[<m:1-30000>x<k:1-300000>]\ninput b:f32[<k>x<n:1-3000>]\ny = MatMul(a, b)\noutput y\n",
	"input a:f32[<b:1-100000>x<m:1-30>x<k:1-300>]\ninput b:f32[<b>x<k>x<n:1-30>]\ny = MatMul(a, b)\noutput y\n",
	"input a:i32[<m:1-3000>x<k:1-300000>]\ninput b:i32[<k>x<n:1-300>]\ny = MatMul(a, b)\noutput y\n",
	/* attention: size of heads, numbers of heads, queries and keys */
	"input q:f32[<q:1-30000>x<s:1-4096>]\ninput k:f32[<s>x<k:1-30000>]\ninput v:f32[<k>x<v:1-4096>]\ns = MatMul(q, k)\n"
	"w = Softmax(s) {axis=-1}\ny = MatMul(w, v)\noutput y\n",
	"input q:f32[<b:1-30>x<h:1-300>x<q:1-300>x<s:1-512>]\ninput k:f32[<b>x<h>x<s>x<k:1-3000>]\n"
	"input v:f32[<b>x<h>x<k>x<v:1-512>]\ns = MatMul(q, k)\nw = Softmax(s) {axis=-1}\ny = MatMul(w, v)\noutput y\n",
	"input q:f32[<q:1-300>x512]\ninput k:f32[512x<k:1-3000>]\ninput v:f32[<k>x512]\ns = MatMul(q, k)\n"
	"w = Softmax(s) {axis=-1}\ny = MatMul(w, v)\noutput y\n",
	/* windows */
	"input x:f32[<n:1-3>x<c:1-300>x<h:1-3000>x<w:1-3000>]\n"
	"y = MaxPool(x) {kernel_shape=[<kh:1-100000>,<kw:1-100000>],dilations=[<dh:1-9000>,<dw:1-9000>],"
	"strides=[<sh:1-9>,<sw:1-9>],auto_pad=\"SAME_UPPER\"}\noutput y\n",
	"input x:f32[1x<c:1-300>x<w:1-1000000>]\ny = AveragePool(x) {kernel_shape=[<k:1-1000000>],"
	"auto_pad=\"SAME_UPPER\"}\noutput y\n",
	"input x:f32[1x<c:1-300>x<h:1-1000>x<w:1-1000>]\ny, i = MaxPool(x) {kernel_shape=[<kh:1-3000>,<kw:1-3000>],"
	"auto_pad=\"SAME_UPPER\"}\noutput y\noutput i\n",
	"input x:f32[<n:1-9>x<c:1-100000>x<h:1-30>x<w:1-30>]\ny = LRN(x) {size=<s:1-100001>}\noutput y\n",
	/* along an axis */
	"input x:f32[<a:1-30000>x<b:1-3000000>]\nconst a:i64[1] = {1}\ny = ReduceSum(x, a)\noutput y\n",
	"input x:f32[<a:1-3000000>x<b:1-30000>]\ny = ReduceMean(x) {axes=[0]}\noutput y\n",
	"input x:i32[<a:1-3000>x<b:1-300>x<c:1-3000>]\ny = ReduceMax(x) {axes=[0,2]}\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-3000000>x<c:1-30>]\ny = Softmax(x) {axis=1}\noutput y\n",
	"input x:f32[<a:1-30000>x<b:1-3000000>]\ny = LogSoftmax(x) {axis=-1}\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-3000000>]\ninput s:f32[<b>]\ny = LayerNormalization(x, s)\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-3000000>x<c:1-30>]\ny = ArgMax(x) {axis=1}\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-3000000>x<c:1-30>]\nconst a:i64[] = {1}\ny = CumSum(x, a)\noutput y\n",
	"input x:f32[<a:1-300>x1000000]\nconst k:i64[1] = {<k:1-1000000>}\nv, y = TopK(x, k)\noutput v\noutput y\n",
	"input x:f32[<a:1-3000000>]\nf = Floor(x)\ny = Unique(f)\noutput y\n",
	"input x:f32[<a:1-30000>x<b:1-32>x<b>]\ny = Det(x)\noutput y\n",
	"input x:f32[<a:1-30000>x<b:1-30000>]\nr = RandomUniformLike(x)\ny = Add(x, r)\noutput y\n",
	/* by index */
	"input x:f32[<a:1-3000>x<b:1-300>x<c:1-3000>]\ninput i:i64[<n:1-30000>]\ny = Gather(x, i) {axis=1}\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-30000>]\ninput i:i64[<a>x<n:1-30000>]\ny = GatherElements(x, i) {axis=1}\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-3000>x<c:1-300>]\ninput i:i64[<n:1-30000>x2]\ny = GatherND(x, i)\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-30000>]\ninput i:i64[<a>x<b>]\ninput u:f32[<a>x<b>]\n"
	"y = ScatterElements(x, i, u) {axis=1,reduction=\"add\"}\noutput y\n",
	"input x:f32[<a:1-3000000>x<b:1-300>]\ninput i:i64[<n:1-30000>x1]\ninput u:f32[<n>x<b>]\n"
	"y = ScatterND(x, i, u) {reduction=\"mul\"}\noutput y\n",
	"input x:f32[1x<c:1-30>x<h:1-300>x<w:1-300>]\nconst r:f32[0] = {}\nconst s:f32[4] = {1, 1, <s:1-30>, <t:1-30>}\n"
	"y = Resize(x, r, s) {mode=\"cubic\"}\noutput y\n",
	"input x:f32[1x<c:1-30>x<h:1-3000>x<w:1-3000>]\ninput g:f32[1x<a:1-3000>x<b:1-3000>x2]\ny = GridSample(x, g)\n"
	"output y\n",
	"input x:f32[1x<c:1-300>x<h:1-300>x<w:1-300>]\ninput r:f32[<n:1-3000>x4]\ninput i:i64[<n>]\n"
	"y = RoiAlign(x, r, i) {output_height=<a:1-30>,output_width=<b:1-30>,sampling_ratio=<s:1-300>}\noutput y\n",
	"input b:f32[<n:1-3>x<b:1-100000>x4]\ninput s:f32[<n>x<c:1-30>x<b>]\nconst m:i64[1] = {<m:1-100000>}\n"
	"y = NonMaxSuppression(b, s, m)\noutput y\n",
	"input x:f32[<a:1-3000>x<b:1-30000>]\nr = Relu(x)\ny = NonZero(r)\noutput y\n",
	"input x:f32[<a:1-30000>]\ninput z:f32[<b:1-30000>]\nm = NonZero(x)\nn = NonZero(z)\ny = Add(m, n)\noutput y\n",
	/* a loop whose course is known at run time only */
	"input x:f32[<a:1-3000>x<b:1-30000>]\ns = ReduceSum(x) {keepdims=0}\nm = Cast(s) {to=7}\n"
	"const n:i64[] = {<n:1-300>}\nt = Min(m, n)\n"
	"y, all = Loop(t, _, x) {body=graph {\ninput i:i64[]\ninput go:bool[]\ninput v:f32[<a>x<b>]\n"
	"go2 = Identity(go)\nw = Tanh(v)\noutput go2\noutput w\noutput w\n}}\noutput y\noutput all\n",
	/* element-wise: long rows, many dims without neighbours */
	"input x:f32[<a:1-300000>x<b:1-30000>]\nm = Transpose(x)\ny = Erf(m)\noutput y\n",
	"input x:f32[<a:1-30>x1x<b:1-30>x1x<c:1-30>x1x<d:1-300>]\ninput z:f32[1x<e:1-9>x1x<f:1-9>x1x<g:1-300>x1]\n"
	"y = Pow(x, z)\noutput y\n",
	"input x:f32[<a:1-3000000000>]\ny = Tanh(x)\noutput y\n",
};

struct drawn {
	char name[4];
	long long value;
};

static uint32_t next_random(uint32_t *random)
{
	*random = *random * 1664525 + 1013904223;
	return *random >> 8;
}

static const char *draw(const char *pattern, uint32_t *random)
{
	struct text text = {.arena = &test.ctx.arena};
	struct drawn all[16];
	int count = 0;
	while (*pattern) {
		struct drawn one = {"", 0};
		long long low, high;
		int taken = 0, i = 0;
		if (sscanf(pattern, "<%3[a-z]%n:%lld-%lld>%n", one.name, &taken, &low, &high, &taken) < 1) {
			text_printf(&text, "%c", *pattern++);
			continue;
		}
		for (pattern += taken; i < count && strcmp(all[i].name, one.name);)
			i++;
		if (i == count) {
			double at = next_random(random) / 16777216.0;
			one.value = (long long)((double)low * pow((double)high / (double)low, at) + 0.5);
			ck_assert_int_lt(count, (int)COUNT_OF(all));
			all[count++] = one;
		} else
			pattern++; /* '>' */
		text_printf(&text, "%lld", all[i].value);
	}
	return text.data;
}

/* ---- choosing for every target ---- */

/* What stays refused, and why. */
static struct refusal {
	const char *words;
	int count;
} refusals[] = {
	{"has images of 2^31 elements or more", 0}, /* the GPU's kernel counts them in 32 bits */
	{"are too many", 0},                        /* Col2Im's table of positions has 2^24 */
};

static struct counts {
	int chosen, exceeded, stem_count;
	const char *stems[SEEN_MAX];
} counts;

static void see_stems(const struct plans *plans)
{
	for (size_t n = 0; n < plans->launch_count; n++) {
		const char *stem = plans->launches[n]->template->stem;
		int i = 0;
		while (i < counts.stem_count && strcmp(counts.stems[i], stem))
			i++;
		ck_assert_int_lt(i, SEEN_MAX);
		if (i == counts.stem_count)
			counts.stems[counts.stem_count++] = stem;
	}
}

static bool is_known_refusal(void)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++)
		if (strstr(test.errors, refusals[i].words)) {
			refusals[i].count++;
			return true;
		}
	return false;
}

static void choose_for(const struct target *target, const struct plans *plans, const char *text)
{
	struct target_plan out = {.name = target->name, .level = target->level, .device = target->device};
	struct budget_list budgets;
	forget_messages();
	assert_ok(budgets_parse(&test.ctx, NULL, 0, &budgets));
	out.budget_count = budgets.count;
	assert_ok(budgets_resolve(&test.ctx, &budgets, target->device, target->name, out.budgets));
	if (variants_choose(&test.ctx, target->device, plans, target->column, &out) != ERCC_OK) {
		ck_assert_msg(is_known_refusal(), "%s: %s%s", target->name, test.errors, text);
		return;
	}
	counts.chosen += (int)(plans->launch_count * budgets.count);
	for (uint32_t k = 0; k < budgets.count; k++) {
		char words[64];
		bool exceeds = false;
		snprintf(words, sizeof words, "budget '%s' has", out.budgets[k].name);
		for (size_t n = 0; n < plans->launch_count; n++) {
			const struct variant *variant = &launch_variants(&out, plans->launches[n])[k];
			ck_assert_int_le(variant->local_bytes, target->device->local_bytes);
			exceeds |= variant->local_bytes > device_under(target->device, &out.budgets[k]).local_bytes;
		}
		counts.exceeded += exceeds;
		ck_assert_msg(exceeds == (strstr(test.notes, words) != NULL), "%s: %s: %s", target->name, words, test.notes);
	}
}

START_TEST(every_target_and_budget_has_a_tile)
{
	const char *given = getenv("EXTREMES");
	uint32_t random = 1;
	int draws = given ? atoi(given) : DRAWS, models = 0;
	for (size_t i = 0; i < COUNT_OF(patterns); i++)
		for (int n = 0; n < draws; n++, models++) {
			const char *text = draw(patterns[i], &random);
			struct plans *plans = plans_new(&test.ctx);
			struct graph *graph;
			write_model(model_path, text);
			assert_ok(onnx_read_model(&test.ctx, model_path, &graph));
			forget_messages();
			if (run_passes(graph, NULL, plans) == ERCC_OK) {
				plans_measure(plans);
				see_stems(plans);
				for (const struct target *target = targets; target->name; target++)
					choose_for(target, plans, text);
			} else
				ck_assert_msg(is_known_refusal(), "%s%s", test.errors, text);
			arena_release(&test.ctx.arena);
		}
	printf("%d models: %d tile shapes chosen, %d times beyond a budget's share of local memory\n", models,
	       counts.chosen, counts.exceeded);
	for (size_t i = 0; i < COUNT_OF(refusals); i++)
		printf("refused %d times: %s\n", refusals[i].count, refusals[i].words);
	for (size_t i = 0; i < COUNT_OF(template_cases); i++) {
		int k = 0;
		while (k < counts.stem_count && strcmp(counts.stems[k], template_cases[i].stem))
			k++;
		ck_assert_msg(k < counts.stem_count, "no launch of kernel %s", template_cases[i].stem);
	}
}
END_TEST

/* ---- convolutions with extreme windows, computed ---- */

/* One dim: input, kernel, stride, dilation, padding at both ends. */
struct extent {
	long in, kernel, stride, dilation, pad;
};
static const struct {
	long channels, out_channels, groups;
	struct extent h, w;
} convs[] = {
	{20, 7, 1, {1, 1, 1, 1, 0}, {50, 3, 1, 1024, 1024}},       {20, 7, 1, {1, 1, 1, 1, 0}, {4200, 3, 1, 4096, 4096}},
	{3, 33, 1, {5, 3, 1, 1024, 1024}, {7, 3, 1, 4096, 4096}},  {17, 5, 1, {1, 1, 1, 1, 0}, {300, 5000, 1, 1, 2500}},
	{6, 4, 2, {9, 3, 2, 3, 4}, {3000, 2, 1000, 30000, 15000}}, {40, 40, 1, {9, 3, 1, 12, 12}, {11, 3, 1, 12, 12}},
	{1, 1, 1, {70, 65, 3, 1, 32}, {70, 65, 5, 1, 32}},         {18, 3, 1, {6, 3, 500, 7, 9}, {9, 5, 700, 2, 4}},
};

static long out_of(const struct extent *e)
{
	return (e->in + 2 * e->pad - (e->kernel - 1) * e->dilation - 1) / e->stride + 1;
}

/* Whether position k of the window of output o is inside; *at is its place. */
static bool inside(const struct extent *e, long o, long k, long *at)
{
	*at = o * e->stride - e->pad + k * e->dilation;
	return *at >= 0 && *at < e->in;
}

static double conv_at(int number, const float *x, const float *w, long channel, long oh, long ow)
{
	const struct extent *h = &convs[number].h, *v = &convs[number].w;
	long ic = convs[number].channels / convs[number].groups, r, c;
	long group = channel / (convs[number].out_channels / convs[number].groups);
	double sum = 0;
	for (long i = 0; i < ic; i++)
		for (long kh = 0; kh < h->kernel; kh++)
			for (long kw = 0; inside(h, oh, kh, &r) && kw < v->kernel; kw++)
				if (inside(v, ow, kw, &c))
					sum += (double)x[((group * ic + i) * h->in + r) * v->in + c] *
					       (double)w[((channel * ic + i) * h->kernel + kh) * v->kernel + kw];
	return sum;
}

static void check_conv(int number, const float *x, const float *w, const float *y)
{
	long high = out_of(&convs[number].h), wide = out_of(&convs[number].w);
	for (long i = 0; i < convs[number].out_channels * high * wide; i++) {
		double wanted = conv_at(number, x, w, i / (high * wide), i / wide % high, i % wide);
		ck_assert_msg(fabs((double)y[i] - wanted) <= 1e-4 * (1 + fabs(wanted)), "conv %d: element %ld is %g, wanted %g",
		              number, i, (double)y[i], wanted);
	}
}

static const char *conv_text(int number)
{
	const struct extent *h = &convs[number].h, *w = &convs[number].w;
	return arena_printf(&test.ctx.arena,
	                    "input x:f32[1x%ldx%ldx%ld]\ninput w:f32[%ldx%ldx%ldx%ld]\n"
	                    "y = Conv(x, w) {group=%ld,dilations=[%ld,%ld],strides=[%ld,%ld],pads=[%ld,%ld,%ld,%ld]}\n"
	                    "output y\n",
	                    convs[number].channels, h->in, w->in, convs[number].out_channels,
	                    convs[number].channels / convs[number].groups, h->kernel, w->kernel, convs[number].groups,
	                    h->dilation, w->dilation, h->stride, w->stride, h->pad, w->pad, h->pad, w->pad);
}

START_TEST(extreme_windows_have_the_same_bits_under_every_budget)
{
	static const char *const names[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_75"},
							 *const budgets[] = {"full,half,quarter,name=tiny,share=0.003",
	                                             "name=own,units=1,local=16KiB"},
							 *const of_them[] = {"full", "half", "quarter", "tiny", "own"};
	for (size_t t = 0; t < COUNT_OF(names); t++) {
		float *first = NULL;
		compile_text(conv_text(_i), names[t], budgets, COUNT_OF(budgets));
		for (size_t b = 0; b < COUNT_OF(of_them); b++) {
			float *inputs[INPUTS_MAX] = {NULL};
			size_t count;
			float *y = run_compiled(of_them[b], inputs, &count);
			if (!first)
				check_conv(_i, inputs[0], inputs[1], y);
			else
				ck_assert_msg(!memcmp(first, y, count * sizeof *y), "%s: other bits under '%s'", names[t], of_them[b]);
			for (int i = 0; i < INPUTS_MAX; i++)
				free(inputs[i]);
			if (first)
				free(y);
			else
				first = y;
		}
		free(first);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("extremes");
	TCase *all = tcase_create("extremes");
	tcase_add_test(all, every_target_and_budget_has_a_tile);
	tcase_add_loop_test(all, extreme_windows_have_the_same_bits_under_every_budget, 0, (int)COUNT_OF(convs));
	return run_in_folder(suite, all);
}
