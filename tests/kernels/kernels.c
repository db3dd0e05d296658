/* Builds GPU kernels in all tile shapes that their choosers offer, for real architectures, and prints what one takes: a
 * kernel that spills, or takes more registers than its chooser predicted, fails. Needs NVRTC, no GPU. */
#include "tests/ops/gpu_tiles.h"

#include "compiler/kernels/dense/conv.h"

#define STAGES_OF_CONV 4 /* index of the number of stages in a shape */

static const char *const architectures[] = {"cuda:sm_80", "cuda:sm_90"};

static const struct {
	const char *name, *stem, *text;
} cases[] = {
	{"window, whole vectors", "conv",
     "input x:f32[1x64x28x28]\ninput w:f32[64x64x3x3]\ninput b:f32[64]\ninput s:f32[1x64x28x28]\n"
     "c = Conv(x, w, b) {pads=[1, 1, 1, 1]} \"c\"\na = Add(c, s) \"a\"\nr = Relu(a) \"r\"\ny = Conv(r, w) "
     "\"d\"\noutput y\n"},
	{"window, ragged lanes", "conv",
     "input x:f32[1x30x28x28]\ninput w:f32[64x30x3x3]\ny = Conv(x, w) {pads=[1, 1, 1, 1]} \"c\"\noutput y\n"},
	{"product, whole vectors", "conv",
     "input a:f32[128x256]\ninput b:f32[256x256]\nm = MatMul(a, b) \"p\"\ny = Tanh(m) \"t\"\noutput y\n"},
	{"product, ragged", "conv", "input a:f32[127x255]\ninput b:f32[255x253]\ny = MatMul(a, b) \"p\"\noutput y\n"},
	{"first convolution", "conv",
     "input x:f32[1x3x64x64]\ninput w:f32[64x3x7x7]\ny = Conv(x, w) {strides=[2, 2], pads=[3, 3, 3, 3]} \"c\"\noutput "
     "y\n"},
	{"groups", "conv",
     "input x:f32[1x12x28x28]\ninput w:f32[15x4x3x3]\ny = Conv(x, w) {group=3, pads=[1, 1, 1, 1]} \"c\"\noutput y\n"},
	{"chain, whole vectors", "conv",
     "input x:f32[1x128x28x28]\ninput w:f32[64x128x3x3]\ninput b:f32[64]\ninput s:f32[1x64x28x28]\n"
     "c = Conv(x, w, b) {pads=[1, 1, 1, 1]} \"c\"\na = Add(c, s) \"a\"\ny = Relu(a) \"r\"\noutput y\n"},
	{"chain, ragged", "conv", "input a:f32[127x1055]\ninput b:f32[1055x253]\ny = MatMul(a, b) \"p\"\noutput y\n"},
	{"chain, groups", "conv",
     "input x:f32[1x360x28x28]\ninput w:f32[15x120x3x3]\ny = Conv(x, w) {group=3, pads=[1, 1, 1, 1]} \"c\"\noutput "
     "y\n"},
#define ATTENTION(size, mask_input, mask) \
	"input q:f32[128x" size "]\ninput k:f32[" size "x128]\ninput v:f32[128x" size "]\n" mask_input \
	"p = MatMul(q, k) \"p\"\n" mask "w = Softmax(s) {axis=-1} \"w\"\ny = MatMul(w, v) \"y\"\noutput y\n"
	{"attention, 64", "attention", ATTENTION("64", "input m:f32[128x128]\n", "s = Add(p, m) \"s\"\n")},
	{"attention, 128", "attention", ATTENTION("128", "const h:f32[] = {0.5}\n", "s = Mul(p, h) \"s\"\n")},
	{"attention, 256", "attention", ATTENTION("256", "const h:f32[] = {0.5}\n", "s = Mul(p, h) \"s\"\n")},
	{"attention, 512", "attention", ATTENTION("512", "const h:f32[] = {0.5}\n", "s = Mul(p, h) \"s\"\n")},
	{"attention, 20", "attention", ATTENTION("20", "const h:f32[] = {0.5}\n", "s = Mul(p, h) \"s\"\n")},
};

/* Takes a third of the shapes, with one or two numbers of stages for each tile. More would make almost no
 * difference. */
static void take_stages(size_t number, struct shapes *shapes)
{
	int kept = 0;
	for (int i = 0; i < shapes->count; i++)
		if (shapes->items[i][STAGES_OF_CONV] == 0 || shapes->items[i][STAGES_OF_CONV] % 3 == (int64_t)(number % 3))
			memmove(shapes->items[kept++], shapes->items[i], sizeof shapes->items[0]);
	shapes->count = kept;
}

/* Builds up to MAX_BUDGETS shapes and prints them; *more counts those that take more registers than predicted. */
static enum ercc_status build_some(size_t number, struct job *job, const struct shapes *shapes, int first, int count,
                                   int *failed)
{
	uint32_t thought[MAX_BUDGETS];
	for (int k = 0; k < count; k++) {
		struct variant variant;
		force_shape(job->target, job->launch, shapes->items[first + k], &variant);
		thought[k] = variant.registers;
	}
	TRY(build_shapes(job, shapes, first, count));
	for (int k = 0; k < count; k++) {
		const struct variant *variant = launch_variants(&job->plan, job->launch) + k;
		bool more = thought[k] && variant->registers > thought[k];
		printf("%-24s %-11s %-22s %4u threads %3u registers (%3u thought)%s %6lld bytes  %2u blocks a unit, %3u %% of "
		       "its threads\n",
		       cases[number].name, job->target->name, variant->shape_text, variant->threads, variant->registers,
		       thought[k], more ? " MORE" : "", (long long)variant->local_bytes, variant->blocks_per_unit,
		       variant->blocks_per_unit * variant->threads * 100 / job->target->device->threads);
		*failed += more;
	}
	return ERCC_OK;
}

START_TEST(no_tile_spills)
{
	size_t number = (size_t)_i / COUNT_OF(architectures);
	struct shapes shapes;
	struct job job;
	int failed = 0;
	write_model(model_path, cases[number].text);
	test.ctx.most_scratch = !strncmp(cases[number].name, "chain", 5);
	read_plan(cases[number].stem, architectures[(size_t)_i % COUNT_OF(architectures)], &job);
	if (test.ctx.most_scratch)
		ck_assert_msg(job.launch->params[CONV_LINK] > 1, "%s: no chain", cases[number].name);
	find_shapes(job.target, job.launch, &shapes);
	if (!getenv("GPU_TILES"))
		take_stages(number, &shapes);
	ck_assert_int_gt(shapes.count, 1);
	for (int first = 0, n; first < shapes.count; first += n) {
		n = shapes.count - first < MAX_BUDGETS ? shapes.count - first : MAX_BUDGETS;
		enum ercc_status status = build_some(number, &job, &shapes, first, n, &failed);
		/* A kernel that NVRTC refuses has the same status, and is a failure. */
		if (status == ERCC_TOOLCHAIN &&
		    (strstr(test.errors, "cannot be opened") || strstr(test.errors, "is not supported by"))) {
			printf("skipped: %s for %s: %s", cases[number].name, job.target->name, test.errors);
			return;
		}
		ck_assert_msg(status == ERCC_OK, "%s", test.errors);
		fflush(stdout);
	}
	ck_assert_msg(!failed, "%d tiles take more registers than their chooser thinks", failed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("GPU kernels");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, no_tile_spills, 0, (int)(COUNT_OF(cases) * COUNT_OF(architectures)));
	return run_in_folder(suite, all);
}
