/* Weights that were changed: an artifact's WEIGHTS section has no seal, so every number in it is set to extremes in turn.
 * Results may be wrong, or the run may fail, but no launch reads or writes outside its operands: each tile gets copies of
 * them between pages that nothing may touch. */
#include "tests/ops/children.h"
#include "tests/ops/compute.h"
#include "tests/ops/guarded.h"
#undef TRY /* the runtime has its own */
#include "runtime/request.h"
#include <signal.h>

#define MAX_STEPS 400
#define MAX_OPERANDS 24
#define ALIGN 64 /* kernels may assume it of operands in the arena and in weights */
#define SLACK 0xa5
#define SECONDS 20

/* some: the first n rows of x, where n is known at run time only. */
#define SOME "used = Less(c, d)\nsome = Compress(x, used) {axis=0}\nn = Shape(some)\n"
#define INPUTS "input x:f32[16x16]\ninput c:f32[16]\nconst d:f32[16] = splat{0.1}\n"

static const struct {
	const char *name, *text;
} models[] = {
	{"NonZero", "input x:f32[4x16]\nconst b:f32[16] = splat{0.25}\ns = Less(x, b)\nn = NonZero(s)\n"
                "t = Transpose(n) {perm=[1, 0]}\ny = GatherND(x, t)\noutput y\noutput t\n"},
	{"Compress", INPUTS SOME "y = Add(some, some)\noutput y\n"},
	{"Gather", INPUTS "const i:i64[16] = {0, 5, 3, 1, 15, 2, 7, 4, 6, 8, 14, 13, 12, 11, 10, 9}\n"
                      "y = Gather(x, i) {axis=1}\noutput y\n"},
	{"Gather along a run-time size", INPUTS SOME "const i:i64[2] = {0, 0}\ny = Gather(some, i)\noutput y\n"},
	{"Gather with run-time indices", INPUTS SOME "const i:i64[16] = splat{3}\nj = Compress(i, used)\n"
                                                 "y = Gather(x, j)\noutput y\n"},
	{"GatherElements", INPUTS "const i:i64[16x16] = splat{3}\ny = GatherElements(x, i) {axis=1}\noutput y\n"},
	{"ScatterElements", INPUTS "const i:i32[2x16] = splat{3}\nconst u:f32[2x16] = splat{1}\n"
                               "y = ScatterElements(x, i, u)\noutput y\n"},
	{"ScatterND of run-time updates", INPUTS SOME "const i:i64[16x1] = splat{2}\nj = Compress(i, used) {axis=0}\n"
                                                  "y = ScatterND(x, j, some)\noutput y\n"},
	{"Slice", INPUTS "const z:i64[1] = {1}\ncount = Cast(c) {to=7}\nconst o:i64[1] = {0}\nconst e:i64[1] = {1}\n"
                     "n = Slice(count, o, e)\ns = Slice(x, z, n)\ny = Add(s, s)\noutput y\n"},
	{"Slice with steps",
     INPUTS "count = Cast(c) {to=7}\nconst o:i64[1] = {0}\nconst e:i64[1] = {1}\n"
            "n = Slice(count, o, e)\nconst z:i64[1] = {14}\nconst a:i64[1] = {1}\nconst p:i64[1] = {-3}\n"
            "s = Slice(x, z, n, a, p)\ny = Neg(s)\noutput y\n"},
	{"Concat", INPUTS SOME "k = Concat(some, x, some) {axis=0}\ny = Add(k, k)\noutput y\n"},
	{"Reshape", INPUTS SOME "const h:i64[3] = {-1, 2, 8}\nr = Reshape(some, h)\ny = Neg(r)\noutput y\n"},
	{"Expand", INPUTS SOME "const o:f32[1x16] = splat{2}\nq = Shape(some)\ny = Expand(o, q)\noutput y\n"},
	{"sums of run-time size",
     INPUTS SOME "y = ReduceSum(some) {keepdims=0}\nz = Softmax(some) {axis=0}\noutput y\noutput z\n"},
	{"products of run-time size", INPUTS SOME "w = Transpose(some) {perm=[1, 0]}\ny = MatMul(w, some)\n"
                                              "z = MatMul(some, w)\noutput y\noutput z\n"},
	{"Unique",
     INPUTS "const h:f32[16x16] = splat{4}\nf = Mul(x, h)\ng = Floor(f)\ny, i, j, k = Unique(g)\noutput y\noutput k\n"},
	{"TopK", INPUTS "count = Cast(c) {to=7}\nconst o:i64[1] = {0}\nconst e:i64[1] = {1}\nk = Slice(count, o, e)\n"
                    "y, i = TopK(x, k) {axis=1}\noutput y\noutput i\n"},
	{"Range", INPUTS SOME "const o:i64[] = {0}\nconst p:i64[] = {1}\nq = Shape(some)\nconst z:i64[] = {0}\n"
                          "m = Gather(q, z)\ny = Range(o, m, p)\noutput y\n"},
	{"NonMaxSuppression", "input x:f32[1x16x4]\ninput s:f32[1x2x16]\nconst m:i64[1] = {5}\nconst l:f32[1] = {0.5}\n"
                          "const t:f32[1] = {0}\ny = NonMaxSuppression(x, s, m, l, t)\noutput y\n"},
	{"RoiAlign", "input x:f32[2x2x8x8]\nconst r:f32[4x4] = {0, 0, 4, 4, 1, 1, 7, 7, 2, 0, 5, 6, 0, 3, 3, 7}\n"
                 "const i:i64[4] = {0, 1, 1, 0}\n"
                 "y = RoiAlign(x, r, i) {output_height=2, output_width=2, sampling_ratio=2}\noutput y\n"},
	{"Resize linear", "input x:f32[1x2x4x4]\nconst s:i64[4] = {1, 2, 7, 5}\ny = Resize(x, _, _, s) {mode=\"linear\"}\n"
                      "output y\n"},
	{"Resize nearest", "input x:f32[1x2x4x4]\nconst s:i64[4] = {1, 2, 7, 5}\ny = Resize(x, _, _, s)\noutput y\n"},
	{"Resize cubic", "input x:f32[1x2x4x4]\nconst s:i64[4] = {1, 2, 7, 5}\ny = Resize(x, _, _, s) {mode=\"cubic\"}\n"
                     "output y\n"},
	{"GridSample", "input x:f32[1x2x8x8]\nconst g:f32[1x2x4x2] = splat{0.3}\ny = GridSample(x, g)\n"
                   "z = GridSample(x, g) {mode=\"bicubic\", padding_mode=\"reflection\"}\noutput y\noutput z\n"},
	{"Pad reflect", "input x:f32[2x16]\nconst p:i64[4] = {1, 5, 0, 3}\ny = Pad(x, p) {mode=\"reflect\"}\noutput y\n"},
	{"MaxUnpool", "input x:f32[1x1x4x4]\nconst i:i64[1x1x4x4] = splat{7}\n"
                  "y = MaxUnpool(x, i) {kernel_shape=[2, 2], strides=[2, 2]}\noutput y\n"},
	{"ReverseSequence", "input x:f32[16x4]\nconst l:i64[4] = {16, 2, 5, 0}\ny = ReverseSequence(x, l)\noutput y\n"},
	{"LSTM", "input x:f32[3x4x1]\nconst w:f32[1x4x1] = splat{0.5}\nconst r:f32[1x4x1] = splat{0.5}\n"
             "const l:i32[4] = {3, 1, 2, 0}\ny, h = LSTM(x, w, r, _, l) {hidden_size=1}\noutput y\noutput h\n"},
	{"loss", "input x:f32[4x5x2]\nconst t:i64[4x2] = splat{3}\ny = NegativeLogLikelihoodLoss(x, t)\noutput y\n"},
	{"integers", "input x:f32[16]\nconst a:i64[16] = splat{7}\nconst b:i32[16] = splat{3}\ni = Cast(x) {to=7}\n"
                 "j = Cast(x) {to=6}\np = Div(i, a)\nq = Mod(i, a)\nr = Div(j, b)\ns = Mod(j, b)\n"
                 "output p\noutput q\noutput r\noutput s\n"},
	{"convolution", "input x:f32[1x2x8x8]\nconst w:f32[3x2x2x2] = splat{0.5}\ny = Conv(x, w) {pads=[1, 1, 1, 1]}\n"
                    "output y\n"},
};
static const char *const targets[] = {"cpu:x86-64-v3", "emulated:sm_90"};

/* ---- launches between guards ---- */

struct copy {
	struct guarded room[2]; /* ends at a guard, begins at one */
	uint8_t *data[2];
	void *original;
	size_t bytes;
	bool written;
};

static struct guarded_step {
	erc_tile_fn tile;
	struct copy copies[MAX_OPERANDS + 1]; /* the last one is the table of run-time dims */
	int count;
} steps[MAX_STEPS];
static const struct erc_request *guarded_request;
static const char *broken; /* what a tile did to its operands */

/* At the same place of a cache line as the original. */
static void make_copy(struct copy *copy, void *original, size_t bytes, bool written)
{
	uintptr_t place = (uintptr_t)original % ALIGN;
	*copy = (struct copy){.original = original, .bytes = bytes, .written = written};
	for (int at_end = 0; at_end < 2; at_end++) {
		copy->room[at_end] = guarded_new((bytes + 2 * ALIGN - 1) / ALIGN * ALIGN, at_end);
		uint8_t *data = copy->room[at_end].data;
		size_t behind = (copy->room[at_end].bytes - place - bytes) / ALIGN * ALIGN;
		copy->data[at_end] = data + place + (at_end ? behind : 0);
	}
}

static void fill_copy(const struct copy *copy, int at_end)
{
	memset(copy->room[at_end].data, SLACK, copy->room[at_end].bytes);
	if (copy->bytes)
		memcpy(copy->data[at_end], copy->original, copy->bytes);
}

static void check_copy(const struct copy *copy, int at_end)
{
	const uint8_t *room = copy->room[at_end].data, *data = copy->data[at_end];
	for (size_t i = 0; i < copy->room[at_end].bytes; i++)
		if ((room + i < data || room + i >= data + copy->bytes) && room[i] != SLACK)
			broken = "wrote beside an operand";
	if (!copy->written && copy->bytes && memcmp(copy->data[at_end], copy->original, copy->bytes) != 0)
		broken = "wrote to an operand that it reads";
}

/* Computes the tile at both places; the results must be the same. */
static void tile_between_guards(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	const struct erc__step *first = guarded_request->form->steps;
	const struct guarded_step *step =
		&steps[(const struct erc__step *)(const void *)((const char *)args - offsetof(struct erc__step, args)) - first];
	for (int at_end = 0; at_end < 2; at_end++) {
		void *buffers[MAX_OPERANDS];
		for (int i = 0; i < step->count; i++) {
			fill_copy(&step->copies[i], at_end);
			if (i < MAX_OPERANDS)
				buffers[i] = step->copies[i].data[at_end];
		}
		struct erc_tile_args moved = {buffers, (const int64_t *)buffers[step->count - 1], args->params};
		step->tile(&moved, tile, local);
		for (int i = 0; i < step->count; i++)
			check_copy(&step->copies[i], at_end);
	}
	for (int i = 0; i < step->count; i++) {
		const struct copy *copy = &step->copies[i];
		if (copy->written && copy->bytes) {
			if (memcmp(copy->data[0], copy->data[1], copy->bytes) != 0)
				broken = "gave other results at another place";
			memcpy(copy->original, copy->data[0], copy->bytes);
		}
	}
}

static void guard_steps(erc_request *request)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	guarded_request = request;
	ck_assert_uint_eq(request->session->budgets.count, 1);
	ck_assert_uint_le(request->job.step_count, MAX_STEPS);
	for (uint32_t s = 0; s < request->job.step_count; s++) {
		struct erc__step *step = &request->form->steps[s];
		const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, step->record);
		ck_assert_uint_lt(record->operand_count, MAX_OPERANDS);
		steps[s].tile = step->tile;
		step->tile = tile_between_guards;
		for (uint32_t o = 0; o < record->operand_count; o++) {
			const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o);
			make_copy(&steps[s].copies[o], step->args.buffers[o], operand->bytes, operand->access & ERCA_ACCESS_WRITE);
		}
		make_copy(&steps[s].copies[record->operand_count], request->dims,
		          erc__request_entry(request)->dims_count * sizeof *request->dims, false);
		steps[s].count = (int)record->operand_count + 1;
	}
}

/* ---- changing weights ---- */

enum { RAN, FAILED, SKIPPED };

static struct bed {
	const char *name, *target;
	uint8_t *file, *weights;
	size_t bytes, weights_bytes;
	bool is_open;
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	void *bound[8];
	uint32_t bound_count;
} bed;

#define OK(call) ck_assert_msg((call) == ERC_OK, "%s: %s", bed.name, erc_error_detail())

static void read_artifact(void)
{
	FILE *in = fopen(artifact_path, "rb");
	ck_assert_ptr_nonnull(in);
	fseek(in, 0, SEEK_END);
	bed.bytes = (size_t)ftell(in);
	rewind(in);
	bed.file = aligned_alloc(4096, (bed.bytes + 4095) / 4096 * 4096);
	ck_assert(bed.file && fread(bed.file, 1, bed.bytes, in) == bed.bytes);
	fclose(in);
}

static void bind(bool is_output, uint32_t i)
{
	struct erc_tensor_info info;
	OK(is_output ? erc_model_output_info(bed.model, 0, i, &info) : erc_model_input_info(bed.model, 0, i, &info));
	ck_assert_uint_lt(bed.bound_count, COUNT_OF(bed.bound));
	float *data = aligned_alloc(ALIGN, (info.bytes + 2 * ALIGN) / ALIGN * ALIGN);
	for (size_t k = 0; k < info.bytes / sizeof *data; k++)
		data[k] = is_output ? 0 : value_at(k + 100 * i);
	OK(is_output ? erc_request_bind_output(bed.request, i, data, info.bytes)
	             : erc_request_bind_input(bed.request, i, data, info.bytes));
	bed.bound[bed.bound_count++] = data;
}

static void compile_model(int model, const char *target)
{
	static const char *const budgets[] = {"full"};
	bed = (struct bed){.name = models[model].name, .target = target};
	compile_text(models[model].text, target, budgets, 1);
	read_artifact();
	const struct erca_header *header = (const void *)bed.file;
	const struct erca_section *sections = (const void *)(bed.file + header->toc_offset);
	for (uint32_t i = 0; i < header->section_count; i++)
		if (sections[i].type == ERCA_SECTION_WEIGHTS) {
			bed.weights = bed.file + sections[i].offset;
			bed.weights_bytes = sections[i].bytes;
		}
	ck_assert_msg(bed.weights_bytes, "%s: no weights", bed.name);
}

/* In a child, as threads do not survive a fork. */
static bool open_bed(void)
{
	struct erc_runtime_options options = {.size = sizeof options, .units = 1};
	struct erc_model_options model_options = {.size = sizeof model_options, .target = bed.target};
	OK(erc_runtime_create(&options, &bed.runtime));
	enum erc_status status = erc_model_load_memory(bed.runtime, bed.file, bed.bytes, &model_options, &bed.model);
	if (status == ERC_NO_TARGET)
		return false;
	OK(status);
	OK(erc_session_create(bed.model, NULL, &bed.session));
	OK(erc_request_create(bed.session, &bed.request));
	for (uint32_t i = 0; i < erc_model_input_count(bed.model, 0); i++)
		bind(false, i);
	for (uint32_t i = 0; i < erc_model_output_count(bed.model, 0); i++)
		bind(true, i);
	guard_steps(bed.request);
	OK(erc_request_run(bed.request));
	ck_assert_msg(!broken, "%s on %s: %s", bed.name, bed.target, broken);
	return true;
}

/* What a number of 8 or 4 bytes is set to. */
static const int64_t wide[] = {INT64_MIN, INT64_MAX, -1, 0, INT64_C(1) << 31, INT64_C(1) << 40, -(INT64_C(1) << 40)};
static const int32_t narrow[] = {INT32_MIN, INT32_MAX, -1, 0, 0x7f800000, (int32_t)0xff800000, 0x7fc00000, 0x7149f2ca};
enum { WIDE = COUNT_OF(wide) + 2, NARROW = COUNT_OF(narrow) + 2, KINDS = 2 * WIDE + 2 * NARROW };

/* Change number `number`: of one number, or of all those of a cache line; the last two add and subtract 1. */
static void change(int64_t number, uint8_t *line)
{
	size_t place = (size_t)(number / KINDS) * 4;
	int kind = (int)(number % KINDS), value = kind < 2 * WIDE ? kind / 2 : (kind - 2 * WIDE) / 2;
	size_t width = kind < 2 * WIDE ? 8 : 4, first = place / width * width, last = first + width;
	if (kind % 2) {
		first = place / ALIGN * ALIGN;
		last = first + ALIGN;
	}
	for (size_t at = first; at + width <= last && at + width <= bed.weights_bytes; at += width) {
		int64_t now = 0;
		memcpy(&now, bed.weights + at, width);
		int known = width == 8 ? WIDE - 2 : NARROW - 2;
		now = value >= known ? now + (value > known ? 1 : -1) : width == 8 ? wide[value] : narrow[value];
		memcpy(line + at - place / ALIGN * ALIGN, &now, width);
	}
}

static void try_weights(void *user, int64_t number)
{
	size_t place = (size_t)(number / KINDS) * 4 / ALIGN * ALIGN,
		   room = bed.weights_bytes - place < ALIGN ? bed.weights_bytes - place : ALIGN;
	uint8_t before[ALIGN], line[ALIGN];
	(void)user;
	if (!bed.is_open && !open_bed()) {
		shared->counts[SKIPPED]++;
		return;
	}
	bed.is_open = true;
	alarm(SECONDS);
	memcpy(before, bed.weights + place, room);
	memcpy(line, before, room);
	change(number, line);
	memcpy(bed.weights + place, line, room);
	broken = NULL;
	shared->counts[erc_request_run(bed.request) == ERC_OK ? RAN : FAILED]++;
	memcpy(bed.weights + place, before, room);
	if (broken) {
		char text[200];
		snprintf(text, sizeof text, "%s on %s, change %lld", bed.name, bed.target, (long long)number);
		is_wrong(text, broken);
	}
}

static void name_case(void *user, int64_t number, char *text, size_t room)
{
	(void)user;
	snprintf(text, room, "%s on %s, change %lld of the weights at %lld", bed.name, bed.target,
	         (long long)(number % KINDS), (long long)(number / KINDS * 4));
}

START_TEST(changed_weights_stay_within_operands)
{
	int64_t ran = shared->counts[RAN], failed = shared->counts[FAILED], wrong = shared->wrong;
	signal(SIGALRM, SIG_DFL); /* Check's handler would end the test itself */
	compile_model(_i / (int)COUNT_OF(targets), targets[_i % (int)COUNT_OF(targets)]);
	int64_t count = (int64_t)(bed.weights_bytes / 4) * KINDS;
	run_in_children(count, try_weights, name_case, NULL);
	printf("%s on %s: %lld bytes of weights, %lld runs, %lld of them failed\n", bed.name, bed.target,
	       (long long)bed.weights_bytes, (long long)count, (long long)(shared->counts[FAILED] - failed));
	free(bed.file);
	ck_assert_msg(shared->wrong == wrong, "%lld wrong; the last: %s", (long long)(shared->wrong - wrong),
	              shared->words);
	ck_assert(shared->counts[SKIPPED] || shared->counts[RAN] > ran);
}
END_TEST

int main(void)
{
	if (share())
		return 1;
	Suite *suite = suite_create("weights");
	TCase *all = tcase_create("changed weights");
	tcase_add_loop_test(all, changed_weights_stay_within_operands, 0, (int)(COUNT_OF(models) * COUNT_OF(targets)));
	int failed = run_in_folder(suite, all);
	printf("weights: %lld runs, %lld that failed\n", (long long)shared->counts[RAN], (long long)shared->counts[FAILED]);
	if (shared->counts[SKIPPED])
		printf("skipped: weights: %lld runs on targets that this machine does not run\n",
		       (long long)shared->counts[SKIPPED]);
	return failed || !shared->counts[RAN] || !shared->counts[FAILED];
}
