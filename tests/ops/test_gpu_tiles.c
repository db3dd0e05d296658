/* GPU kernels in the tile shapes that their choosers offer, emulated. The results are compared with those of the CPU
 * target, which has other kernels. All shapes of a launch give the same bits, and a chain gives the bits of the launch
 * that is not cut. Each case takes some of the shapes, and the next case takes others, so that every shape of the
 * convolution is tested; GPU_TILES=all takes all. */
#include "tests/ops/gpu_tiles.h"

#include "compiler/kernels/dense/conv.h"

#define EMULATED "emulated:sm_90"
#define SHAPES_TAKEN 5 /* approximate number, because each is a kernel to build */
#define PREEMPTED_RUNS 10

static void assert_near(const char *name, const float *a, const float *b, size_t count)
{
	double error = 0, all = 0;
	for (size_t i = 0; i < count; i++) {
		error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
		all += (double)b[i] * (double)b[i];
	}
	ck_assert_msg(sqrt(error) <= 1e-6 * sqrt(all), "%s: relative L2 error %g", name, sqrt(error / all));
}

/* Runs `count` shapes; *first_out is the output of the very first one. */
static void run_shapes(const char *name, struct job *job, const struct shapes *shapes, int first, int count,
                       const float *want, float **first_out)
{
	assert_ok(artifact_write(&test.ctx, &job->artifact, artifact_path));
	for (int k = 0; k < count; k++) {
		float *inputs[INPUTS_MAX] = {0};
		size_t values;
		float *out = run_compiled(job->plan.budgets[k].name, inputs, &values);
		const int64_t *shape = shapes->items[first + k];
		if (!*first_out) {
			*first_out = out;
			assert_near(name, out, want, values);
		}
		ck_assert_msg(!memcmp(out, *first_out, values * sizeof *out),
		              "%s: other bits with tile %lld %lld %lld %lld %lld", name, (long long)shape[0],
		              (long long)shape[1], (long long)shape[2], (long long)shape[3], (long long)shape[4]);
		for (int i = 0; i < INPUTS_MAX; i++)
			free(inputs[i]);
		if (out != *first_out)
			free(out);
	}
}

/* ---- chains ---- */

/* Puts the original launch in place of its chain. */
static void join_chain(struct job *job)
{
	struct plan *plan = job->plans->items[0];
	job->plans->launch_count = 0;
	for (struct launch *launch = plan->first; launch; launch = launch->next) {
		if (launch->template == &conv_parts_template) {
			plan_remove_launch(plan, launch);
			continue;
		}
		if (launch->template == &conv_template) {
			launch_set(launch, CONV_PARTS, 0);
			job->launch = launch;
		}
		launch->index = (int)job->plans->launch_count;
		job->plans->launches[job->plans->launch_count++] = launch;
	}
}

static void pause_at_random(erc_session *session, erc_request *request, uint32_t *random)
{
	enum erc_status status;
	do {
		*random = *random * 1664525 + 1013904223;
		ck_assert_int_eq(erc_session_set_units(session, *random >> 16 & 1), ERC_OK);
		usleep(*random >> 20 & 127);
		status = erc_request_wait(request, 0);
	} while (status == ERC_TIMEOUT);
	ck_assert_int_eq(status, ERC_OK);
}

/* Runs whose units leave and return at random moments give the same bits as an undisturbed run. */
static void run_preempted(const char *name, const float *want)
{
	struct erc_runtime_options two = {.size = sizeof two, .units = 2};
	struct erc_session_stats stats = {.size = sizeof stats};
	struct erc_tensor_info info;
	float *inputs[INPUTS_MAX] = {0};
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	uint32_t random = 1;
	size_t n = 0;
	ck_assert_int_eq(erc_runtime_create(&two, &runtime), ERC_OK);
	ck_assert_int_eq(erc_model_load(runtime, artifact_path, NULL, &model), ERC_OK);
	ck_assert_int_eq(erc_session_create(model, NULL, &session), ERC_OK);
	ck_assert_int_eq(erc_request_create(session, &request), ERC_OK);
	for (uint32_t i = 0; i < erc_model_input_count(model, 0); i++) {
		ck_assert_int_eq(erc_model_input_info(model, 0, i, &info), ERC_OK);
		inputs[i] = malloc(info.bytes);
		for (size_t k = 0; k < info.bytes / sizeof(float); k++)
			inputs[i][k] = value_at(n++);
		ck_assert_int_eq(erc_request_bind_input(request, i, inputs[i], info.bytes), ERC_OK);
	}
	ck_assert_int_eq(erc_model_output_info(model, 0, 0, &info), ERC_OK);
	float *out = malloc(info.bytes);
	ck_assert_int_eq(erc_request_bind_output(request, 0, out, info.bytes), ERC_OK);
	for (int run = 0; run < PREEMPTED_RUNS; run++) {
		memset(out, 0xff, info.bytes);
		ck_assert_int_eq(erc_request_submit(request), ERC_OK);
		pause_at_random(session, request, &random);
		ck_assert_msg(!memcmp(out, want, info.bytes), "%s: other bits in preempted run %d", name, run);
	}
	ck_assert_int_eq(erc_session_stats(session, &stats), ERC_OK);
	ck_assert_msg(stats.preemptions > 0, "%s: no run was preempted", name);
	ck_assert_int_eq(erc_request_destroy(request), ERC_OK);
	ck_assert_int_eq(erc_session_destroy(session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
	for (int i = 0; i < INPUTS_MAX; i++)
		free(inputs[i]);
	free(out);
}

/* ---- cases ---- */

static const struct {
	const char *name, *stem, *text;
} cases[] = {
	{"product", "conv", "input a:f32[37x53]\ninput b:f32[53x45]\ny = MatMul(a, b) \"p\"\noutput y\n"},
	{"product of whole vectors", "conv",
     "input a:f32[70x64]\ninput b:f32[64x72]\nm = MatMul(a, b) \"p\"\ny = Relu(m) \"r\"\noutput y\n"},
	{"one row", "conv",
     "input a:f32[1x40]\ninput b:f32[40x101]\ninput c:f32[101]\ny = Gemm(a, b, c) \"p\"\noutput y\n"},
	{"batched product", "conv", "input a:f32[3x5x20]\ninput b:f32[3x20x36]\ny = MatMul(a, b) \"p\"\noutput y\n"},
	{"one pixel, one channel", "conv", "input x:f32[1x1x1x1]\ninput w:f32[1x1x1x1]\ny = Conv(x, w) \"c\"\noutput y\n"},
	{"window with bias, residual and activation", "conv",
     "input x:f32[2x20x9x11]\ninput w:f32[37x20x3x3]\ninput b:f32[37]\ninput s:f32[2x37x9x11]\n"
     "c = Conv(x, w, b) {pads=[1, 1, 1, 1]} \"c\"\na = Add(c, s) \"a\"\ny = Relu(a) \"r\"\noutput y\n"},
	{"lanes that are no vectors, strides, dilations", "conv",
     "input x:f32[1x10x13x12]\ninput w:f32[33x10x3x2]\ny = Conv(x, w) {strides=[2, 1], dilations=[2, 3], pads=[2, 0, "
     "1, 3]} \"c\"\noutput y\n"},
	{"first convolution of a network", "conv",
     "input x:f32[1x3x23x21]\ninput w:f32[17x3x7x7]\ny = Conv(x, w) {strides=[2, 2], pads=[3, 3, 3, 3]} \"c\"\noutput "
     "y\n"},
	{"groups", "conv",
     "input x:f32[2x12x7x6]\ninput w:f32[15x4x3x3]\ny = Conv(x, w) {group=3, pads=[1, 1, 1, 1]} \"c\"\noutput y\n"},
	{"groups of whole blocks", "conv",
     "input x:f32[1x6x8x9]\ninput w:f32[32x3x3x3]\ny = Conv(x, w) {group=2} \"c\"\noutput y\n"},
	{"one dimension", "conv",
     "input x:f32[2x12x50]\ninput w:f32[24x12x5]\ny = Conv(x, w) {strides=[3], pads=[2, 1]} \"c\"\noutput y\n"},
	{"three dimensions", "conv",
     "input x:f32[1x16x5x6x7]\ninput w:f32[18x16x3x2x3]\ny = Conv(x, w) {strides=[1, 2, 1], pads=[1, 0, 2, 1, 1, 0]} "
     "\"c\"\noutput y\n"},
	{"strides without a window", "conv",
     "input x:f32[1x32x9x9]\ninput w:f32[64x32x1x1]\ny = Conv(x, w) {strides=[2, 2]} \"c\"\noutput y\n"},
	{"cut sums, window with bias, residual and activation", "conv",
     "input x:f32[2x132x5x7]\ninput w:f32[37x132x3x3]\ninput b:f32[37]\ninput s:f32[2x37x5x7]\n"
     "c = Conv(x, w, b) {pads=[1, 1, 1, 1]} \"c\"\na = Add(c, s) \"a\"\ny = Relu(a) \"r\"\noutput y\n"},
	{"cut sums, lanes that are no vectors, strides, dilations", "conv",
     "input x:f32[1x173x9x8]\ninput w:f32[33x173x3x2]\ny = Conv(x, w) {strides=[2, 1], dilations=[2, 3], pads=[2, 0, "
     "1, 3]} \"c\"\noutput y\n"},
	{"cut sums, groups in plain layout", "conv",
     "input x:f32[2x240x3x4]\ninput w:f32[10x120x3x3]\ninput b:f32[10]\nc = Conv(x, w, b) {group=2, pads=[1, 1, 1, 1]} "
     "\"c\"\n"
     "y = Sigmoid(c) \"s\"\noutput y\n"},
	{"cut sums, groups of whole blocks", "conv",
     "input x:f32[1x244x3x5]\ninput w:f32[32x122x3x3]\ny = Conv(x, w) {group=2, pads=[0, 1, 1, 0]} \"c\"\noutput y\n"},
	{"cut sums, three dimensions", "conv",
     "input x:f32[1x70x3x4x5]\ninput w:f32[18x70x2x3x3]\ny = Conv(x, w) {strides=[1, 2, 1], pads=[1, 0, 2, 1, 1, 0]} "
     "\"c\"\noutput y\n"},
	{"cut sums, one row", "conv",
     "input a:f32[1x1101]\ninput b:f32[1101x101]\ninput c:f32[101]\ninput s:f32[1x101]\np = Gemm(a, b, c) \"p\"\n"
     "y = Add(s, p) \"a\"\noutput y\n"},
	{"cut sums, some rows of whole vectors", "conv",
     "input a:f32[7x1536]\ninput b:f32[1536x72]\ninput s:f32[1]\nm = MatMul(a, b) \"p\"\ny = Mul(m, s) \"m\"\noutput "
     "y\n"},
	{"cut sums, matrices", "conv",
     "input a:f32[3x19x1030]\ninput b:f32[3x1030x36]\nm = MatMul(a, b) \"p\"\ny = Tanh(m) \"t\"\noutput y\n"},
	{"chain, window with bias, residual and activation", "conv",
     "input x:f32[2x180x5x7]\ninput w:f32[37x180x3x3]\ninput b:f32[37]\ninput s:f32[2x37x5x7]\n"
     "c = Conv(x, w, b) {pads=[1, 1, 1, 1]} \"c\"\na = Add(c, s) \"a\"\ny = Relu(a) \"r\"\noutput y\n"},
	{"chain, lanes that are no vectors, strides, dilations", "conv",
     "input x:f32[1x173x9x8]\ninput w:f32[33x173x3x2]\ny = Conv(x, w) {strides=[2, 1], dilations=[2, 3], pads=[2, 0, "
     "1, 3]} \"c\"\noutput y\n"},
	{"chain, a few channels in large windows", "conv",
     "input x:f32[2x3x23x21]\ninput w:f32[17x3x19x20]\ny = Conv(x, w) {pads=[1, 0, 2, 3]} \"c\"\noutput y\n"},
	{"chain, groups in plain layout", "conv",
     "input x:f32[2x240x3x4]\ninput w:f32[10x120x3x3]\ninput b:f32[10]\nc = Conv(x, w, b) {group=2, pads=[1, 1, 1, 1]} "
     "\"c\"\n"
     "y = Sigmoid(c) \"s\"\noutput y\n"},
	{"chain, groups of whole blocks", "conv",
     "input x:f32[1x244x3x5]\ninput w:f32[32x122x3x3]\ny = Conv(x, w) {group=2, pads=[0, 1, 1, 0]} \"c\"\noutput y\n"},
	{"chain, three dimensions", "conv",
     "input x:f32[1x70x3x4x5]\ninput w:f32[18x70x2x3x3]\ny = Conv(x, w) {strides=[1, 2, 1], pads=[1, 0, 2, 1, 1, 0]} "
     "\"c\"\noutput y\n"},
	{"chain, one row", "conv",
     "input a:f32[1x2101]\ninput b:f32[2101x101]\ninput c:f32[101]\ninput s:f32[1x101]\np = Gemm(a, b, c) \"p\"\n"
     "y = Add(s, p) \"a\"\noutput y\n"},
	{"chain, rows of whole vectors, behind others", "conv",
     "input a:f32[37x1600]\ninput b:f32[1600x72]\ninput s:f32[1]\ninput c:f32[3x72]\nm = MatMul(a, b) \"p\"\nn = "
     "Mul(m, s) \"m\"\n"
     "y = Concat(c, n) {axis=0} \"y\"\noutput y\n"},
	{"chain, matrices", "conv",
     "input a:f32[3x19x1030]\ninput b:f32[3x1030x36]\nm = MatMul(a, b) \"p\"\ny = Tanh(m) \"t\"\noutput y\n"},
	{"attention", "attention",
     "input q:f32[2x3x37x20]\ninput k:f32[2x3x41x20]\ninput v:f32[2x3x41x24]\nt = Transpose(k) {perm=[0, 1, 3, 2]} "
     "\"t\"\n"
     "s = MatMul(q, t) \"s\"\nw = Softmax(s) {axis=-1} \"w\"\ny = MatMul(w, v) \"y\"\noutput y\n"},
	{"attention with a mask, keys across", "attention",
     "input q:f32[2x70x70]\ninput k:f32[2x70x33]\ninput v:f32[2x33x67]\ninput m:f32[70x33]\n"
     "p = MatMul(q, k) \"p\"\ns = Add(p, m) \"s\"\nw = Softmax(s) {axis=-1} \"w\"\ny = MatMul(w, v) \"y\"\noutput y\n"},
	{"attention over many keys", "attention",
     "input q:f32[1x1x9x32]\ninput k:f32[1x1x1700x32]\ninput v:f32[1x1x1700x32]\nt = Transpose(k) {perm=[0, 1, 3, 2]} "
     "\"t\"\n"
     "s = MatMul(q, t) \"s\"\nw = Softmax(s) {axis=-1} \"w\"\ny = MatMul(w, v) \"y\"\noutput y\n"},
	{"attention_sum", "attention_sum",
     "input q:f32[1x1x9x32]\ninput k:f32[1x1x1700x32]\ninput v:f32[1x1x1700x32]\nt = Transpose(k) {perm=[0, 1, 3, 2]} "
     "\"t\"\n"
     "s = MatMul(q, t) \"s\"\nw = Softmax(s) {axis=-1} \"w\"\ny = MatMul(w, v) \"y\"\noutput y\n"},
	{"softmax of short rows", "softmax", "input x:f32[37x7]\ny = Softmax(x) {axis=-1} \"s\"\noutput y\n"},
	{"softmax of rows", "softmax", "input x:f32[13x101]\ny = LogSoftmax(x) {axis=-1} \"s\"\noutput y\n"},
	{"softmax of long rows", "softmax", "input x:f32[5x5003]\ny = Softmax(x) {axis=-1} \"s\"\noutput y\n"},
	{"softmax across", "softmax", "input x:f32[3x19x17]\ny = Softmax(x) {axis=1} \"s\"\noutput y\n"},
	{"normalisation", "norm",
     "input x:f32[19x77]\ninput g:f32[77]\ninput b:f32[77]\ny = LayerNormalization(x, g, b) \"n\"\noutput y\n"},
	{"normalisation of long rows", "norm",
     "input x:f32[2x4x71x33]\ninput g:f32[4]\ninput b:f32[4]\ny = InstanceNormalization(x, g, b) \"n\"\noutput y\n"},
	{"sum of rows", "reduce", "input x:f32[21x131]\ny = ReduceMean(x) {axes=[1]} \"r\"\noutput y\n"},
	{"sum of squares", "reduce", "input x:f32[9x5x43]\ny = ReduceSumSquare(x) {axes=[2]} \"r\"\noutput y\n"},
	{"sum across", "reduce", "input x:f32[9x23x10]\nconst a:i64[2] = {0, 1}\ny = ReduceSum(x, a) \"r\"\noutput y\n"},
	{"pooling all positions", "reduce",
     "input x:f32[1x20x11x13]\ninput w:f32[33x20x1x1]\nc = Conv(x, w) \"c\"\ny = GlobalAveragePool(c) \"r\"\noutput "
     "y\n"},
	{"largest of all positions", "reduce",
     "input x:f32[1x20x5x3]\ninput w:f32[33x20x1x1]\nc = Conv(x, w) \"c\"\ny = GlobalMaxPool(c) \"r\"\noutput y\n"},
	{"pooling", "pool",
     "input x:f32[2x3x9x10]\ny = MaxPool(x) {kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1]} \"p\"\noutput "
     "y\n"},
	{"pooling of blocks", "pool",
     "input x:f32[1x20x11x13]\ninput w:f32[33x20x1x1]\nc = Conv(x, w) \"c\"\n"
     "y = AveragePool(c) {kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]} \"p\"\noutput y\n"},
	{"depthwise", "depthwise",
     "input x:f32[2x20x9x11]\nconst w:f32[20x1x3x5] = splat{0.25}\ninput b:f32[20]\n"
     "c = Conv(x, w, b) {group=20, strides=[2, 1], dilations=[1, 2], pads=[1, 4, 1, 3]} \"d\"\ny = Relu(c) "
     "\"r\"\noutput y\n"},
};

START_TEST(tiles_give_what_the_cpu_gives)
{
	const char *name = cases[_i].name;
	float *inputs[INPUTS_MAX] = {0}, *out = NULL, *want;
	struct shapes shapes, taken = {.count = 0};
	struct job job;
	size_t count;
	want = compute(cases[_i].text, inputs, &count);
	test.ctx.most_scratch = !strncmp(name, "chain", 5);
	read_plan(cases[_i].stem, EMULATED, &job);
	find_shapes(job.target, job.launch, &shapes);
	ck_assert_msg(shapes.count > 1, "%s: %d tile shapes", name, shapes.count);
	if (!strcmp(cases[_i].stem, "conv")) {
		const int64_t *p = job.launch->params;
		bool is_cut = !strncmp(name, "cut", 3) || test.ctx.most_scratch;
		ck_assert_msg(is_cut == (p[CONV_PARTS] > 1) && !test.ctx.most_scratch == !p[CONV_LINK],
		              "%s: %lld parts, link %lld", name, (long long)p[CONV_PARTS], (long long)p[CONV_LINK]);
	}
	int step = getenv("GPU_TILES") ? 1 : (shapes.count + SHAPES_TAKEN - 1) / SHAPES_TAKEN;
	for (int i = 0; i < shapes.count; i++)
		if ((i + _i) % step == 0)
			memcpy(taken.items[taken.count++], shapes.items[i], sizeof shapes.items[i]);
	for (int first = 0, n; first < taken.count; first += n) {
		n = taken.count - first < MAX_BUDGETS ? taken.count - first : MAX_BUDGETS;
		assert_ok(build_shapes(&job, &taken, first, n));
		run_shapes(name, &job, &taken, first, n, want, &out);
	}
	if (test.ctx.most_scratch) {
		run_preempted(name, out);
		join_chain(&job);
		assert_ok(build_shapes(&job, &taken, 0, 1));
		run_shapes(name, &job, &taken, 0, 1, want, &out);
	}
	for (int i = 0; i < INPUTS_MAX; i++)
		free(inputs[i]);
	free(want);
	free(out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gpu tiles");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, tiles_give_what_the_cpu_gives, 0, (int)COUNT_OF(cases));
	return run_in_folder(suite, all);
}
