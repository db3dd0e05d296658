/* Room profiles: what the compiler writes, compared with the test's own count over all units; what the runtime
 * computes; and a small artifact checked by hand. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/devices/build_artifact.h"
#include "compiler/include/ercc.h"
#include "runtime/base/internal.h"
#undef TRY /* the compiler has one of its own */
#include "tests/unit/model_file.h"

#define OK(call) \
	do { \
		enum erc_status ok_status_ = (call); \
		ck_assert_msg(ok_status_ == ERC_OK, "%s: %s", erc_status_text(ok_status_), erc_error_detail()); \
	} while (0)
#define RECORD(table, type, index) ((const type *)erc_artifact_record(artifact, ERC_TABLE_##table, (index)))

static const char *const devices[] = {"sim:h100", "sim:epyc-64"};

/* Compiles the digits model for both devices; the caller deletes the file at path. */
static void compile_digits(char *path)
{
	static const char *const dims[] = {"batch=64"}, *const budgets[] = {"full,half,quarter,name=three,units=3"};
	const struct ercc_options options = {.size = sizeof options,
	                                     .cc = "/nonexistent/cc",
	                                     .dims = dims,
	                                     .dim_count = 1,
	                                     .targets = devices,
	                                     .target_count = 2,
	                                     .budgets = budgets,
	                                     .budget_count = 1};
	int file = mkstemp(path);
	ck_assert_int_ge(file, 0);
	close(file);
	ck_assert_int_eq((int)ercc_compile("samples/digits/digits.onnx", path, &options), ERCC_OK);
}

/* Computed from the definitions, launch by launch. */
static struct erca_point count_point(const erc_artifact *artifact, const struct erca_entry *entry, uint32_t budget,
                                     uint64_t units, uint64_t *tile_ns)
{
	const struct erca_plan *plan = RECORD(PLANS, struct erca_plan, entry->plan);
	struct erca_point point = {.units = (uint32_t)units};
	*tile_ns = 0;
	for (uint32_t r = 0; r < plan->record_count; r++) {
		const struct erca_record *record = RECORD(RECORDS, struct erca_record, plan->record_first + r);
		const struct erca_variant *variant = RECORD(VARIANTS, struct erca_variant, record->variant_first + budget);
		uint64_t rounds = 0, width = 0;
		for (uint64_t done = 0; done < variant->tile_count; done += units)
			rounds++;
		while (width * rounds < variant->tile_count)
			width++;
		point.latency_ns += rounds * variant->tile_ns;
		point.unit_ns += width * rounds * variant->tile_ns;
		*tile_ns += (uint64_t)variant->tile_count * variant->tile_ns;
	}
	return point;
}

static uint32_t first_within(const erc_artifact *artifact, const struct erca_entry *entry, uint32_t budget,
                             uint32_t max, double percent)
{
	uint64_t work;
	double best = (double)count_point(artifact, entry, budget, max, &work).latency_ns;
	for (uint32_t units = 1; units < max; units++)
		if ((double)count_point(artifact, entry, budget, units, &work).latency_ns <= best * (1 + percent / 100))
			return units;
	return max;
}

static void check_written(const erc_artifact *artifact, const struct erca_profile *profile, uint32_t budget,
                          uint32_t max)
{
	const struct erca_entry *entry = RECORD(ENTRIES, struct erca_entry, profile->entry);
	uint64_t tile_ns;
	ck_assert_uint_le(profile->point_count, 20);
	for (uint32_t i = 0; i < profile->point_count; i++) {
		const struct erca_point *point = RECORD(POINTS, struct erca_point, profile->point_first + i);
		struct erca_point counted = count_point(artifact, entry, budget, point->units, &tile_ns);
		ck_assert_uint_eq(point->latency_ns, counted.latency_ns);
		ck_assert_uint_eq(point->unit_ns, counted.unit_ns);
		ck_assert_uint_eq(profile->tile_ns, tile_ns);
	}
	ck_assert_uint_eq(RECORD(POINTS, struct erca_point, profile->point_first + profile->point_count - 1)->units, max);
	ck_assert_uint_eq(profile->units_within_1, first_within(artifact, entry, budget, max, 1));
	ck_assert_uint_eq(profile->units_within_5, first_within(artifact, entry, budget, max, 5));
	ck_assert_uint_eq(profile->units_within_10, first_within(artifact, entry, budget, max, 10));
}

START_TEST(written_profiles_are_what_launches_say)
{
	static const uint32_t units[2][4] = {{132, 66, 33, 3}, {64, 32, 16, 3}};
	static const uint64_t memory[] = {3352000000000, 460000000000};
	char path[] = "/tmp/erc-test-XXXXXX";
	erc_artifact *artifact;
	compile_digits(path);
	OK(erc_artifact_open(path, &artifact));
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_PROFILES), 8);
	for (uint32_t t = 0; t < 2; t++) {
		ck_assert_uint_eq(RECORD(TARGETS, struct erca_target, t)->units, units[t][0]);
		ck_assert_uint_eq(RECORD(TARGETS, struct erca_target, t)->memory_bytes_per_s, memory[t]);
		for (uint32_t b = 0; b < 4; b++) {
			const struct erca_profile *profile = RECORD(PROFILES, struct erca_profile, 4 * t + b);
			ck_assert_uint_eq(profile->entry, t);
			ck_assert_uint_eq(profile->budget, 4 * t + b);
			check_written(artifact, profile, b, units[t][b]);
		}
	}
	erc_artifact_close(artifact);
	unlink(path);
}
END_TEST

static void compare(const erc_model *model, const erc_artifact *artifact, const struct erca_profile *written)
{
	struct erc_room_point points[64];
	struct erc_room_profile profile = {.size = sizeof profile, .points = points, .point_capacity = 64};
	const char *budget = erc_artifact_string(artifact, RECORD(BUDGETS, struct erca_budget, written->budget)->name);
	OK(erc_model_room_profile(model, 0, budget, &profile));
	ck_assert_uint_eq(profile.point_count, written->point_count);
	for (uint32_t i = 0; i < written->point_count; i++) {
		const struct erca_point *point = RECORD(POINTS, struct erca_point, written->point_first + i);
		ck_assert_uint_eq(points[i].units, point->units);
		ck_assert_uint_eq(points[i].latency_ns, point->latency_ns);
		ck_assert_uint_eq(points[i].unit_ns, point->unit_ns);
	}
	ck_assert_uint_eq(profile.units, points[profile.point_count - 1].units);
	ck_assert_uint_eq(profile.units_within_1, written->units_within_1);
	ck_assert_uint_eq(profile.units_within_5, written->units_within_5);
	ck_assert_uint_eq(profile.units_within_10, written->units_within_10);
	ck_assert_uint_eq(profile.tile_ns, written->tile_ns);
	const struct erca_entry *entry = RECORD(ENTRIES, struct erca_entry, written->entry);
	ck_assert_uint_eq(profile.memory_bytes_per_s,
	                  RECORD(TARGETS, struct erca_target, entry->target)->memory_bytes_per_s);
}

static void compare_all(const char *path, const erc_artifact *artifact, uint32_t budgets)
{
	for (uint32_t t = 0; t < 2; t++) {
		struct erc_runtime_options options = {.size = sizeof options, .device = devices[t]};
		erc_runtime *runtime;
		erc_model *model;
		OK(erc_runtime_create(&options, &runtime));
		OK(erc_model_load(runtime, path, NULL, &model));
		for (uint32_t b = 0; b < budgets; b++)
			compare(model, artifact, RECORD(PROFILES, struct erca_profile, budgets * t + b));
		OK(erc_model_unload(model));
		OK(erc_runtime_destroy(runtime));
	}
}

START_TEST(the_runtime_computes_what_is_written)
{
	char path[] = "/tmp/erc-test-XXXXXX";
	erc_artifact *artifact;
	compile_digits(path);
	OK(erc_artifact_open(path, &artifact));
	compare_all(path, artifact, 4);
	erc_artifact_close(artifact);
	unlink(path);
}
END_TEST

/* A loop of n iterations with a branch and a loop of n iterations in it. */
static const char nested_text[] =
	"input x:f32[256x256]\ninput n:i64[]\nconst zero:f32[] = {0}\ny = Loop(n, _, x) {body=graph {\ninput i:i64[]\n"
	"input go:bool[]\ninput a:f32[256x256]\ngo2 = Identity(go)\ns = ReduceSum(a) {keepdims=0}\nc = Greater(s, zero)\n"
	"b = If(c) {then_branch=graph {\nm = MatMul(a, a)\noutput m\n},else_branch=graph {\nt = Tanh(a)\noutput t\n}}\n"
	"d = Loop(n, _, b) {body=graph {\ninput k:i64[]\ninput h:bool[]\ninput e:f32[256x256]\nh2 = Identity(h)\n"
	"f = Sin(e)\noutput h2\noutput f\n}}\noutput go2\noutput d\n}}\noutput y\n";

/* What both make of nested plans. With n iterations expected, latencies are a + b n + c n^2, so their third difference is 0,
 * and the second one is not. */
START_TEST(branches_and_loops)
{
	uint64_t latencies[4];
	for (uint32_t n = 0; n < 4; n++) {
		const struct ercc_options options = {.size = sizeof options,
		                                     .targets = devices,
		                                     .target_count = 2,
		                                     .max_iterations = 50,
		                                     .expected_iterations = 5 + n};
		char path[] = "/tmp/erc-test-XXXXXX", onnx[] = "/tmp/erc-test-XXXXXX";
		erc_artifact *artifact;
		close(mkstemp(path));
		close(mkstemp(onnx));
		write_model(onnx, nested_text);
		ck_assert_int_eq((int)ercc_compile(onnx, path, &options), ERCC_OK);
		OK(erc_artifact_open(path, &artifact));
		compare_all(path, artifact, 3);
		latencies[n] = RECORD(POINTS, struct erca_point, 0)->latency_ns;
		erc_artifact_close(artifact);
		unlink(path);
		unlink(onnx);
	}
	uint64_t second = latencies[2] - 2 * latencies[1] + latencies[0];
	ck_assert_uint_gt(second, 0);
	ck_assert_uint_eq(latencies[3] - 2 * latencies[2] + latencies[1], second);
}
END_TEST

/* ---- by hand ---- */

/* 12 tiles of 100 ns, then 5 of 1000 ns, with a copy between them; budgets of all units and of 4. */
static uint8_t *make_small(bool knows_device, size_t *bytes)
{
	struct build build = {.code = "code", .code_bytes = 4};
	uint32_t name = build_text(&build, "full"), record;
	BUILD_ADD(&build, BUDGETS, struct erca_budget, .name = name);
	BUILD_ADD(&build, BUDGETS, struct erca_budget, .name = build_text(&build, "four"), .units = 4);
	BUILD_ADD(&build, TARGETS, struct erca_target, .name = build_text(&build, "cpu:x86-64-v3"), .kind = ERCA_TARGET_CPU,
	          .level = 3, .code_section = BUILD_CODE_SECTION, .code_bytes = 4, .budget_count = 2,
	          .units = knows_device ? 16 : 0, .memory_bytes_per_s = knows_device ? 5 : 0);
	BUILD_ADD(&build, KERNELS, struct erca_kernel, .name = name);
	for (int i = 0; i < 2; i++)
		BUILD_ADD(&build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_ARENA,
		          .access = i ? ERCA_ACCESS_WRITE : ERCA_ACCESS_READ, .bytes = 8);
	for (uint32_t i = 0; i < 4; i++)
		BUILD_ADD(&build, VARIANTS, struct erca_variant, .tile_count = i < 2 ? 12 : 5, .tile_ns = i < 2 ? 100 : 1000,
		          .shape = name, .count_slot = ERCA_NONE);
	for (uint32_t i = 0; i < 3; i++)
		record = BUILD_ADD(&build, RECORDS, struct erca_record, .kind = i == 1 ? ERCA_RECORD_COPY : ERCA_RECORD_LAUNCH,
		                   .name = name, .operand_count = i == 1 ? 2 : 0, .variant_first = i,
		                   .variant_count = i == 1 ? 0 : 2, .plan_a = ERCA_NONE, .plan_b = ERCA_NONE,
		                   .fault_slot = ERCA_NONE);
	BUILD_ADD(&build, PLANS, struct erca_plan, .record_count = record + 1);
	BUILD_ADD(&build, ENTRIES, struct erca_entry, .name = name, .arena_bytes = 64);
	return build_finish(&build, bytes);
}

/* Loads it on the null device with `units` units. */
static erc_model *load_small(bool knows_device, uint32_t units, uint8_t **file, erc_runtime **runtime)
{
	struct erc_runtime_options options = {.size = sizeof options, .device = "null", .units = units};
	erc_model *model;
	size_t bytes;
	*file = make_small(knows_device, &bytes);
	OK(erc_runtime_create(&options, runtime));
	OK(erc_model_load_memory(*runtime, *file, bytes, NULL, &model));
	return model;
}

static void close_small(erc_model *model, uint8_t *file, erc_runtime *runtime)
{
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	free(file);
}

/* Rounds on 1, 2, 3, 4, 6, 8, 12 and 16 units: 12, 6, 4, 3, 2, 2, 1, 1 of the first launch, and 5, 3, 2, 2, 1, 1, 1,
 * 1 of the second. */
START_TEST(twelve_and_five_tiles)
{
	static const struct erc_room_point wanted[] = {
		{1, 1200 + 5000, 1200 + 5000}, {2, 600 + 3000, 1200 + 6000},  {3, 400 + 2000, 1200 + 6000},
		{4, 300 + 2000, 1200 + 6000},  {6, 200 + 1000, 1200 + 5000},  {8, 200 + 1000, 1200 + 5000},
		{12, 100 + 1000, 1200 + 5000}, {16, 100 + 1000, 1200 + 5000},
	};
	struct erc_room_point points[10];
	struct erc_room_profile profile = {.size = sizeof profile, .points = points, .point_capacity = 8};
	uint8_t *file;
	erc_runtime *runtime;
	erc_model *model = load_small(true, 2, &file, &runtime);
	OK(erc_model_room_profile(model, 0, NULL, &profile));
	ck_assert_uint_eq(profile.point_count, 8);
	for (int i = 0; i < 8; i++) {
		ck_assert_uint_eq(points[i].units, wanted[i].units);
		ck_assert_uint_eq(points[i].latency_ns, wanted[i].latency_ns);
		ck_assert_uint_eq(points[i].unit_ns, wanted[i].unit_ns);
	}
	ck_assert_uint_eq(profile.units, 16);
	ck_assert_uint_eq(profile.units_within_1, 12); /* 1111 ns */
	ck_assert_uint_eq(profile.units_within_5, 12); /* 1155 ns */
	ck_assert_uint_eq(profile.units_within_10, 6); /* 1210 ns: 1200 on 6 units, 1300 on 5 */
	ck_assert_uint_eq(profile.tile_ns, 6200);
	ck_assert_uint_eq(profile.memory_bytes_per_s, 5);

	profile.point_capacity = 2; /* the third point is not written */
	points[2].units = 77;
	OK(erc_model_room_profile(model, 0, "four", &profile));
	ck_assert_uint_eq(profile.point_count, 4);
	ck_assert_uint_eq(points[1].latency_ns, 3600);
	ck_assert_uint_eq(points[2].units, 77);
	ck_assert_uint_eq(profile.units, 4);
	ck_assert_uint_eq(profile.units_within_1, 4);
	ck_assert_uint_eq(profile.units_within_5, 3);
	profile.points = NULL;
	OK(erc_model_room_profile(model, 0, "full", &profile));
	ck_assert_uint_eq(profile.point_count, 8);
	close_small(model, file, runtime);
}
END_TEST

/* If the file does not hold the target's units, all units are the runtime's. */
START_TEST(files_that_do_not_know_their_device)
{
	struct erc_room_profile profile = {.size = sizeof profile};
	uint8_t *file;
	erc_runtime *runtime;
	erc_model *model = load_small(false, 6, &file, &runtime);
	OK(erc_model_room_profile(model, 0, "full", &profile));
	ck_assert_uint_eq(profile.units, 6);
	ck_assert_uint_eq(profile.point_count, 5);
	ck_assert_uint_eq(profile.units_within_1, 6); /* 1200 ns; 1300 on 5 units */
	ck_assert_uint_eq(profile.units_within_10, 5);
	ck_assert_uint_eq(profile.memory_bytes_per_s, 0);
	OK(erc_model_room_profile(model, 0, "four", &profile));
	ck_assert_uint_eq(profile.units, 4);
	close_small(model, file, runtime);
}
END_TEST

START_TEST(questions_without_an_answer)
{
	struct erc_room_profile profile = {.size = sizeof profile}, other = {.size = 8};
	uint8_t *file;
	erc_runtime *runtime;
	erc_model *model = load_small(true, 2, &file, &runtime);
	ck_assert_int_eq((int)erc_model_room_profile(NULL, 0, NULL, &profile), ERC_INVALID);
	ck_assert_int_eq((int)erc_model_room_profile(model, 0, NULL, NULL), ERC_INVALID);
	ck_assert_int_eq((int)erc_model_room_profile(model, 0, NULL, &other), ERC_INVALID);
	ck_assert_int_eq((int)erc_model_room_profile(model, 1, NULL, &profile), ERC_NOT_FOUND);
	ck_assert_int_eq((int)erc_model_room_profile(model, 0, "half", &profile), ERC_NOT_FOUND);
	ck_assert_str_eq(erc_error_detail(), "no budget 'half' of target cpu:x86-64-v3");
	close_small(model, file, runtime);
}
END_TEST

/* Loading a file and computing a profile, each with failing allocations. */
START_TEST(without_memory)
{
	struct erc_room_profile profile = {.size = sizeof profile};
	size_t bytes;
	uint8_t *file = make_small(false, &bytes);
	erc_artifact *artifact = NULL;
	int64_t n = 0;
	for (enum erc_status status = ERC_NOMEM; status; n++) {
		erc__alloc_fail_after(n);
		status = erc_artifact_open_memory(file, bytes, &artifact);
		erc__alloc_fail_after(-1);
		ck_assert(status == ERC_NOMEM || (!status && n >= 3)); /* the artifact, its sections and plan */
	}
	erc_artifact_close(artifact);
	free(file);
	erc_runtime *runtime;
	erc_model *model = load_small(false, 2, &file, &runtime);
	erc__alloc_fail_after(0);
	enum erc_status status = erc_model_room_profile(model, 0, NULL, &profile);
	erc__alloc_fail_after(-1);
	ck_assert_int_eq((int)status, ERC_NOMEM);
	close_small(model, file, runtime);
}
END_TEST

/* The series of points has a known end, and represents every number of units. */
START_TEST(points_are_few_and_ascend)
{
	for (uint32_t max = 1; max < 5000; max++) {
		uint32_t units = 1, count = 1;
		for (; units < max; count++) {
			uint32_t next = erca_point_behind(units, max);
			ck_assert(next > units && next <= max && (next <= 2 * units));
			units = next;
		}
		ck_assert_uint_le(count, 26);
	}
	ck_assert_uint_eq(erca_point_behind(UINT32_C(3) << 30, UINT32_MAX), UINT32_MAX);
	ck_assert_uint_eq(erca_point_behind(UINT32_C(1) << 31, UINT32_MAX), UINT32_C(3) << 30);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("room profiles");
	TCase *tcase = tcase_create("profiles");
	tcase_add_test(tcase, written_profiles_are_what_launches_say);
	tcase_add_test(tcase, the_runtime_computes_what_is_written);
	tcase_add_checked_fixture(tcase, fixture_start, fixture_stop);
	tcase_add_test(tcase, branches_and_loops);
	tcase_add_test(tcase, twelve_and_five_tiles);
	tcase_add_test(tcase, files_that_do_not_know_their_device);
	tcase_add_test(tcase, questions_without_an_answer);
	tcase_add_test(tcase, without_memory);
	tcase_add_test(tcase, points_are_few_and_ascend);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
