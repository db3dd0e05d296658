/* Branches, calls and loops on every device: what runs, how often, and what is refused. */
#include "schemas/artifact.h"
#include "tests/devices/test_devices.h"

enum { THEN, ELSE, BODY, CALLED, INNER, COUNTERS };
enum { BRANCH_SLOT, CONDITION_SLOT, TRIPS_SLOT, ITERATION_SLOT, INNER_SLOT, SLOTS };
#define TILES 4
#define MOST 6

static void add_plan(struct test_model *model, uint32_t first)
{
	uint32_t end = build_count(&model->build, ERC_TABLE_RECORDS, sizeof(struct erca_record));
	BUILD_ADD(&model->build, PLANS, struct erca_plan, .record_first = first, .record_count = end - first);
}

/* A launch that counts its tiles in the output, as a plan of its own. */
static void add_counted(struct test_model *model, uint32_t output, bool is_plan)
{
	uint32_t first = build_count(&model->build, ERC_TABLE_RECORDS, sizeof(struct erca_record));
	test_model_operand(model, ERCA_BUFFER_OUTPUT, 3, output, 0, TILES * 4);
	test_model_launch_variant(model,
	                          (struct erca_variant){.kernel = TEST_KERNEL_count,
	                                                .tile_count = TILES,
	                                                .count_slot = ERCA_NONE,
	                                                .tile_ns = output == ELSE ? 2000 : 1000},
	                          0);
	if (is_plan)
		add_plan(model, first);
}

static void add_number(struct test_model *model, uint32_t slot, uint8_t access)
{
	test_model_operand(model, ERCA_BUFFER_DIMS, access, 0, slot * 8, 8);
}

static void add_nested(struct test_model *model, enum erca_record_kind kind, uint32_t plan_a, uint32_t plan_b,
                       uint32_t most)
{
	struct erca_record record = test_model_record(model, kind);
	record.plan_a = plan_a;
	record.plan_b = plan_b;
	record.most = most;
	pool_add(&model->build.tables[ERC_TABLE_RECORDS], &record, sizeof record);
}

static void add_loop(struct test_model *model, uint32_t iteration, uint32_t plan, uint32_t most)
{
	add_number(model, CONDITION_SLOT, ERCA_ACCESS_READ);
	add_number(model, TRIPS_SLOT, ERCA_ACCESS_READ);
	add_number(model, iteration, ERCA_ACCESS_WRITE);
	add_nested(model, ERCA_RECORD_LOOP, plan, ERCA_NONE, most);
}

/* Plans 0 to 3 count in THEN to CALLED's outputs; 4: the inner loop's; 5: the loop's body; 6: everything. */
static void build_model(struct test_model *model, const char *target, uint32_t most)
{
	test_model_begin(model, target);
	test_model_tensor(model, 0, ERC_I64, 3);
	for (int i = 0; i < COUNTERS; i++)
		test_model_tensor(model, 1, ERC_U32, TILES);
	add_counted(model, THEN, true);
	add_counted(model, ELSE, true);
	add_counted(model, CALLED, true);
	add_counted(model, INNER, true);
	uint32_t first = build_count(&model->build, ERC_TABLE_RECORDS, sizeof(struct erca_record));
	add_counted(model, BODY, false);
	add_nested(model, ERCA_RECORD_CALL, 2, ERCA_NONE, 0);
	add_loop(model, INNER_SLOT, 3, most);
	add_nested(model, ERCA_RECORD_CALL, 2, ERCA_NONE, 0);
	add_plan(model, first);
	first = build_count(&model->build, ERC_TABLE_RECORDS, sizeof(struct erca_record));
	test_model_operand(model, ERCA_BUFFER_DIMS, ERCA_ACCESS_WRITE, 0, 0, 24);
	test_model_operand(model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 24);
	test_model_launch(model, TEST_KERNEL_dims, 3, 0);
	add_number(model, BRANCH_SLOT, ERCA_ACCESS_READ);
	add_nested(model, ERCA_RECORD_BRANCH, 0, 1, 0);
	add_loop(model, ITERATION_SLOT, 4, most);
	add_plan(model, first);
	model->entry.plan = 5;
	model->entry.dims_count = SLOTS;
}

static int is_refused(const struct fixture *f)
{
	return !strcmp(f->runtime->device->ops->name, "cuda");
}

static void load_refused(struct fixture *f, struct test_model *model)
{
	size_t bytes;
	uint8_t *file = test_model_finish(model, code, code_bytes, &bytes);
	FAILS(erc_model_load_memory(f->runtime, file, bytes, NULL, &f->model), ERC_LIMIT);
	ck_assert_msg(strstr(erc_error_detail(), "device 'cuda' runs none") != NULL, "%s", erc_error_detail());
	free(file);
	OK(erc_runtime_destroy(f->runtime));
}

static uint32_t counters[COUNTERS][TILES];

static void bind_all(struct fixture *f, int64_t *numbers)
{
	OK(erc_request_bind_input(f->request, 0, numbers, 3 * sizeof *numbers));
	for (uint32_t i = 0; i < COUNTERS; i++)
		OK(erc_request_bind_output(f->request, i, counters[i], sizeof counters[i]));
}

START_TEST(each_course)
{
	struct fixture f;
	struct test_model model;
	int64_t numbers[3];
	open_numbered(&f, _i);
	build_model(&model, f.runtime->device->target, MOST);
	if (is_refused(&f)) {
		load_refused(&f, &model);
		return;
	}
	load(&f, &model);
	bind_all(&f, numbers);
	for (uint32_t run = 0; run < RUNS; run++) {
		uint64_t before = tiles_run(&f), trips = run % (MOST + 1), condition = run % 5 != 0;
		numbers[0] = run % 2, numbers[1] = (int64_t)condition * 7, numbers[2] = run % 11 ? (int64_t)trips : -3;
		memset(counters, 0, sizeof counters);
		OK(erc_request_run(f.request));
		uint64_t times = !f.computes ? MOST : condition && run % 11 ? trips : 0;
		ck_assert_uint_eq(tiles_run(&f) - before, 3 + TILES * (1 + times * (3 + times)));
		const uint64_t wanted[] = {run % 2, !(run % 2), times, 2 * times, times * times};
		for (int i = 0; f.computes && i < COUNTERS; i++)
			for (int tile = 0; tile < TILES; tile++)
				ck_assert_msg(counters[i][tile] == wanted[i], "run %u, output %d: %u instead of %u", run, i,
				              counters[i][tile], (unsigned)wanted[i]);
	}
	close_device(&f);
}
END_TEST

/* A loop that goes on for ever ends at its maximum, and the next run is right again. */
START_TEST(too_many_iterations)
{
	struct fixture f;
	struct test_model model;
	int64_t numbers[3] = {1, 1, MOST + 1};
	open_numbered(&f, _i);
	build_model(&model, f.runtime->device->target, MOST);
	if (is_refused(&f)) {
		load_refused(&f, &model);
		return;
	}
	load(&f, &model);
	bind_all(&f, numbers);
	OK(erc_request_submit(f.request));
	enum erc_status status = erc_request_wait(f.request, UINT64_MAX);
	ck_assert_int_eq((int)status, f.computes ? (int)ERC_LIMIT : (int)ERC_OK);
	if (f.computes)
		ck_assert_msg(strstr(erc_error_detail(), "a loop would do more than 6 iterations") != NULL, "%s",
		              erc_error_detail());
	numbers[2] = 1;
	OK(erc_request_run(f.request));
	close_device(&f);
}
END_TEST

/* A loop of 2^31 iterations is left at a tile boundary. */
START_TEST(cancelled_in_a_loop)
{
	struct fixture f;
	struct test_model model;
	int64_t numbers[3] = {1, 1, INT32_MAX};
	open_numbered(&f, _i);
	bool is_real = f.computes && !is_refused(&f);
	build_model(&model, f.runtime->device->target, is_real ? INT32_MAX : 3);
	if (is_refused(&f)) {
		load_refused(&f, &model);
		return;
	}
	load(&f, &model);
	bind_all(&f, numbers);
	for (int run = 0; run < 5; run++) {
		OK(erc_request_submit(f.request));
		usleep(2000);
		OK(erc_request_cancel(f.request));
		enum erc_status status = erc_request_wait(f.request, UINT64_MAX);
		ck_assert_msg(status == ERC_CANCELLED || (!is_real && status == ERC_OK), "%s", erc_status_text(status));
	}
	close_device(&f);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, each_course, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, too_many_iterations, 0, DEVICES);
	tcase_add_loop_test(tcase, cancelled_in_a_loop, 0, ALL_UNITS);
}

int main(void)
{
	return devices_main("branches", add);
}
