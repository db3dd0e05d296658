/* The device conformance suite: tiles, launches, tenants, run-time dims, memory and images of every device, as
 * devices/README.md promises (test_rooms.c: rooms). For devices that compute nothing, only the numbers of launches
 * and tiles are checked. */
#include "tests/devices/test_devices.h"

/* ---- tiles and launches ---- */

START_TEST(each_tile_once)
{
	enum { TILES = 5000 };
	static uint32_t counters[TILES];
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	test_model_begin(&model, f.runtime->device->target);
	test_model_tensor(&model, 1, ERC_U32, TILES);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_READ | ERCA_ACCESS_WRITE, 0, 0, sizeof counters);
	test_model_launch(&model, TEST_KERNEL_count, TILES, 0);
	load(&f, &model);
	OK(erc_request_bind_output(f.request, 0, counters, sizeof counters));
	for (int run = 0; run < 20; run++) {
		memset(counters, 0, sizeof counters);
		OK(erc_request_run(f.request));
		if (f.computes)
			check_all_ones(counters, TILES);
	}
	ck_assert_uint_eq(tiles_run(&f), 20 * TILES);
	ck_assert_uint_eq(atomic_load(&f.runtime->device->launches_run), 20);
	ck_assert_uint_eq(atomic_load(&f.runtime->device->jobs_run), 20);
	close_device(&f);
}
END_TEST

/* A chain of launches of many widths, where every tile reads everything that the launch before wrote. */
#define CHAIN_LAUNCHES 60
#define CHAIN_WIDTH 64
#define CHAIN_BYTES (CHAIN_WIDTH * sizeof(uint32_t))

static uint32_t chain_width(uint32_t launch)
{
	static const uint32_t widths[] = {1, 2, 7, 1, 1, 64, 3, 16};
	return widths[launch % 8];
}

static void build_chain(struct test_model *model, const char *target)
{
	test_model_begin(model, target);
	test_model_tensor(model, 0, ERC_U32, CHAIN_WIDTH);
	test_model_tensor(model, 1, ERC_U32, CHAIN_WIDTH);
	model->entry.arena_bytes = 2 * CHAIN_BYTES;
	for (uint32_t i = 0; i < CHAIN_LAUNCHES; i++) {
		if (i == 0)
			test_model_operand(model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, CHAIN_BYTES);
		else
			test_model_operand(model, ERCA_BUFFER_ARENA, ERCA_ACCESS_READ, 0, (i - 1) % 2 * CHAIN_BYTES, CHAIN_BYTES);
		test_model_operand(model, ERCA_BUFFER_ARENA, ERCA_ACCESS_WRITE, 0, i % 2 * CHAIN_BYTES, CHAIN_BYTES);
		test_model_launch(model, TEST_KERNEL_chain, chain_width(i), i ? chain_width(i - 1) : CHAIN_WIDTH);
	}
	test_model_operand(model, ERCA_BUFFER_ARENA, ERCA_ACCESS_READ, 0, (CHAIN_LAUNCHES - 1) % 2 * CHAIN_BYTES,
	                   CHAIN_BYTES);
	test_model_operand(model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, CHAIN_BYTES);
	test_model_copy(model);
}

/* Computes the same sequentially. */
static void expect_chain(const uint32_t *input, uint32_t *output)
{
	uint32_t from[CHAIN_WIDTH], n = CHAIN_WIDTH;
	memcpy(from, input, CHAIN_BYTES);
	for (uint32_t i = 0; i < CHAIN_LAUNCHES; i++) {
		uint32_t sum = 0;
		for (uint32_t k = 0; k < n; k++)
			sum += from[k];
		n = chain_width(i);
		for (uint32_t tile = 0; tile < n; tile++)
			from[tile] = 31 * sum + tile + 1;
	}
	memcpy(output, from, n * sizeof(uint32_t));
}

static void run_chain(erc_request *request, uint32_t seed, int computes)
{
	uint32_t input[CHAIN_WIDTH], output[CHAIN_WIDTH], expected[CHAIN_WIDTH];
	uint32_t width = chain_width(CHAIN_LAUNCHES - 1);
	for (uint32_t i = 0; i < CHAIN_WIDTH; i++)
		input[i] = seed * 2654435761u + i;
	memset(output, 0, sizeof output);
	OK(erc_request_bind_input(request, 0, input, sizeof input));
	OK(erc_request_bind_output(request, 0, output, sizeof output));
	OK(erc_request_run(request));
	if (!computes)
		return;
	expect_chain(input, expected);
	ck_assert_mem_eq(output, expected, width * sizeof(uint32_t));
}

START_TEST(launches_in_order)
{
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	build_chain(&model, f.runtime->device->target);
	load(&f, &model);
	for (uint32_t run = 0; run < RUNS; run++)
		run_chain(f.request, run, f.computes);
	ck_assert_uint_eq(atomic_load(&f.runtime->device->launches_run), RUNS * (CHAIN_LAUNCHES + 1));
	close_device(&f);
}
END_TEST

START_TEST(more_units_than_cores)
{
	static const uint32_t cores[8]; /* all of them core 0, if this process may use it */
	struct fixture f;
	struct test_model model;
	int is_cpu = !strcmp(device_name(_i), "cpu");
	open_device(&f, device_name(_i), 8, is_cpu && sched_getcpu() == 0 ? cores : NULL);
	build_chain(&model, f.runtime->device->target);
	load(&f, &model);
	for (uint32_t run = 0; run < RUNS / 4; run++)
		run_chain(f.request, run, f.computes);
	close_device(&f);
}
END_TEST

START_TEST(copy_of_many_tiles)
{
	enum { BYTES = 3 * 65536 + 17 };
	static uint8_t from[BYTES], to[BYTES + 1];
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	test_model_begin(&model, f.runtime->device->target);
	test_model_tensor(&model, 0, ERC_U8, BYTES);
	test_model_tensor(&model, 1, ERC_U8, BYTES);
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, BYTES);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, BYTES);
	test_model_copy(&model);
	load(&f, &model);
	for (int i = 0; i < BYTES; i++)
		from[i] = (uint8_t)(i * 13 + i / 256);
	to[BYTES] = 99;
	OK(erc_request_bind_input(f.request, 0, from, BYTES));
	OK(erc_request_bind_output(f.request, 0, to, BYTES));
	OK(erc_request_run(f.request));
	ck_assert_uint_eq(tiles_run(&f), 4);
	if (f.computes)
		ck_assert_mem_eq(from, to, BYTES);
	ck_assert_int_eq(to[BYTES], 99);
	close_device(&f);
}
END_TEST

/* A plan without records and launches without tiles end normally. */
START_TEST(nothing_to_do)
{
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	for (int launches = 0; launches < 3; launches++) {
		test_model_begin(&model, f.runtime->device->target);
		for (int i = 0; i < launches; i++)
			test_model_launch(&model, TEST_KERNEL_empty, 0, 0);
		load(&f, &model);
		OK(erc_request_run(f.request));
		close_model(&f);
	}
	ck_assert_uint_eq(tiles_run(&f), 0);
	ck_assert_uint_eq(atomic_load(&f.runtime->device->jobs_run), 3);
	OK(erc_runtime_destroy(f.runtime));
}
END_TEST

/* ---- several tenants ---- */

#define TENANTS 4
#define TENANT_REQUESTS 2

struct tenant {
	pthread_t thread;
	erc_session *session;
	uint32_t seed;
	int computes;
};

static void *tenant_main(void *argument)
{
	struct tenant *tenant = argument;
	erc_request *requests[TENANT_REQUESTS];
	for (int i = 0; i < TENANT_REQUESTS; i++)
		OK(erc_request_create(tenant->session, &requests[i]));
	for (uint32_t run = 0; run < RUNS / 2; run++)
		run_chain(requests[run % TENANT_REQUESTS], tenant->seed + run, tenant->computes);
	for (int i = 0; i < TENANT_REQUESTS; i++)
		OK(erc_request_destroy(requests[i]));
	return NULL;
}

START_TEST(several_tenants)
{
	struct tenant tenants[2 * TENANTS];
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	build_chain(&model, f.runtime->device->target);
	load(&f, &model);
	for (int i = 0; i < 2 * TENANTS; i++) {
		struct tenant *tenant = &tenants[i];
		struct erc_session_options options = {.size = sizeof options,
		                                      .class_ = i % 2 ? ERC_REAL_TIME : ERC_BEST_EFFORT,
		                                      .level = (uint32_t)i % 3,
		                                      .weight = (uint32_t)i,
		                                      .deadline_us = 1000};
		*tenant = (struct tenant){.seed = (uint32_t)i * 1000, .computes = f.computes};
		/* Two threads share each session. */
		if (i < TENANTS)
			OK(erc_session_create(f.model, &options, &tenant->session));
		else
			tenant->session = tenants[i - TENANTS].session;
	}
	for (int i = 0; i < 2 * TENANTS; i++)
		ck_assert_int_eq(pthread_create(&tenants[i].thread, NULL, tenant_main, &tenants[i]), 0);
	for (int i = 0; i < 2 * TENANTS; i++)
		pthread_join(tenants[i].thread, NULL);
	ck_assert_uint_eq(atomic_load(&f.runtime->device->jobs_run), 2 * TENANTS * (RUNS / 2));
	for (int i = 0; i < TENANTS; i++)
		OK(erc_session_destroy(tenants[i].session));
	close_device(&f);
}
END_TEST

/* The room grows and shrinks all the time while chains run; the results stay correct. */
START_TEST(room_moves)
{
	struct fixture f;
	struct test_model model;
	struct tenant tenant;
	uint32_t random = 1;
	open_numbered(&f, _i);
	if (f.runtime->device->ops->advance) { /* nothing happens on the device while this thread moves the room */
		OK(erc_runtime_destroy(f.runtime));
		return;
	}
	build_chain(&model, f.runtime->device->target);
	load(&f, &model);
	tenant = (struct tenant){.session = f.session, .computes = f.computes};
	ck_assert_int_eq(pthread_create(&tenant.thread, NULL, tenant_main, &tenant), 0);
	while (atomic_load(&f.runtime->device->jobs_run) < RUNS / 2) {
		random = random * 1664525u + 1013904223u;
		if (random >> 28 < 4) {
			erc__room_stop(&f.session->tenant.room);
			erc__room_resume(&f.session->tenant.room, random >> 8 & 3);
		} else {
			OK(erc_session_set_units(f.session, random >> 8 & 3));
		}
		f.runtime->device->ops->room_changed(f.runtime->device);
		usleep(random >> 20 & 63);
	}
	pthread_join(tenant.thread, NULL);
	ck_assert_uint_eq(atomic_load(&f.runtime->device->jobs_run), RUNS / 2);
	close_device(&f);
}
END_TEST

/* ---- cancelling ---- */

/* A run that is cancelled at any moment is either complete and correct, or reports that it was cancelled; the next
 * run is correct. */
START_TEST(cancel_any_time)
{
	uint32_t input[CHAIN_WIDTH], output[CHAIN_WIDTH], expected[CHAIN_WIDTH], random = 1;
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	build_chain(&model, f.runtime->device->target);
	load(&f, &model);
	memset(input, 7, sizeof input);
	expect_chain(input, expected);
	for (int run = 0; run < 5 * RUNS; run++) {
		OK(erc_request_bind_input(f.request, 0, input, sizeof input));
		OK(erc_request_bind_output(f.request, 0, output, sizeof output));
		memset(output, 0, sizeof output);
		OK(erc_request_submit(f.request));
		random = random * 1664525u + 1013904223u;
		for (volatile uint32_t i = 0; i < random >> 17; i++)
			;
		OK(erc_request_cancel(f.request));
		enum erc_status status = erc_request_wait(f.request, UINT64_MAX);
		ck_assert(status == ERC_OK || status == ERC_CANCELLED);
		if (!status && f.computes)
			ck_assert_mem_eq(output, expected, chain_width(CHAIN_LAUNCHES - 1) * sizeof(uint32_t));
		if (run % 50 == 0)
			run_chain(f.request, (uint32_t)run, f.computes);
	}
	close_device(&f);
}
END_TEST

/* ---- run-time dimensions ---- */

START_TEST(run_time_dims)
{
	enum { MAX = 40 };
	static const int64_t wanted[][2] = {{5, 8}, {0, 8}, {1, 1}, {8, 5}, {9, 5}, {-1, 8}, {20, 2}, {1, 9}};
	int64_t counts[2], dims[ERC_MAX_RANK];
	uint32_t counters[MAX], rank;
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	test_model_begin(&model, f.runtime->device->target);
	model.entry.dims_count = 3;
	test_model_tensor(&model, 0, ERC_I64, 2);
	test_model_tensor(&model, 1, ERC_U32, MAX);
	BUILD_ADD(&model.build, TENSORS, struct erca_tensor, .name = model.node, .dtype = ERC_U8, .rank = 2, .bytes = 64,
	          .dims = {8, 8}, .dim_slots = {1, 2, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE});
	model.entry.output_count++;
	test_model_operand(&model, ERCA_BUFFER_DIMS, ERCA_ACCESS_WRITE, 0, 8, 16);
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 16);
	test_model_launch(&model, TEST_KERNEL_dims, 2, 0);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_READ | ERCA_ACCESS_WRITE, 0, 0, sizeof counters);
	const struct erca_variant variant = {.kernel = TEST_KERNEL_count,
	                                     .tile_count = MAX / 2,
	                                     .count_slot = 1,
	                                     .count_dims = 2,
	                                     .count_scale = 3,
	                                     .count_step = 6};
	test_model_launch_variant(&model, variant, 0);
	load(&f, &model);
	uint8_t third[64];
	OK(erc_request_bind_input(f.request, 0, counts, sizeof counts));
	OK(erc_request_bind_output(f.request, 0, counters, sizeof counters));
	OK(erc_request_bind_output(f.request, 1, third, sizeof third));
	FAILS(erc_request_output_dims(f.request, 1, &rank, dims), ERC_INVALID);
	for (size_t i = 0; f.computes && i < sizeof wanted / sizeof wanted[0]; i++) {
		int64_t product = wanted[i][0] * wanted[i][1];
		memcpy(counts, wanted[i], sizeof counts);
		memset(counters, 0, sizeof counters);
		if (product < 0 || product > MAX || wanted[i][0] > 8 ||
		    wanted[i][1] > 8) { /* too many tiles, or beyond a bound */
			FAILS(erc_request_run(f.request), ERC_DEVICE);
			ck_assert_ptr_nonnull(strstr(erc_error_detail(), "run-time dimension"));
			FAILS(erc_request_output_dims(f.request, 1, &rank, dims), ERC_INVALID);
			continue;
		}
		OK(erc_request_run(f.request));
		for (int64_t tile = 0; tile < MAX; tile++)
			ck_assert_uint_eq(counters[tile], 2 * tile < product);
		OK(erc_request_output_dims(f.request, 1, &rank, dims));
		ck_assert_uint_eq(rank, 2);
		ck_assert_mem_eq(dims, wanted[i], sizeof(wanted[i]));
		OK(erc_request_output_dims(f.request, 0, &rank, dims));
		ck_assert_int_eq(dims[0], MAX);
	}
	if (!f.computes) { /* all tiles, and the upper bounds of the dims */
		struct erc_runtime_stats stats = {.size = sizeof stats};
		OK(erc_request_run(f.request));
		OK(erc_request_output_dims(f.request, 1, &rank, dims));
		ck_assert(rank == 2 && dims[0] == 8 && dims[1] == 8);
		OK(erc_runtime_stats(f.runtime, &stats));
		ck_assert_uint_eq(stats.tiles, 2 + MAX / 2);
	}
	close_device(&f);
}
END_TEST

/* ---- what a tile may rely on ---- */

#define LOCAL_TILES 12

START_TEST(local_memory)
{
	static const uint64_t sizes[] = {64, 100000, 4096}; /* local memory grows with the second model */
	uint32_t out[LOCAL_TILES];
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	for (int i = 0; i < 3; i++) {
		test_model_begin(&model, f.runtime->device->target);
		model.entry.local_bytes = sizes[i];
		test_model_tensor(&model, 1, ERC_U32, LOCAL_TILES);
		test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, sizeof out);
		test_model_launch_variant(&model,
		                          (struct erca_variant){.kernel = TEST_KERNEL_local,
		                                                .tile_count = LOCAL_TILES,
		                                                .local_bytes = sizes[i],
		                                                .count_slot = ERCA_NONE},
		                          (int64_t)sizes[i]);
		load(&f, &model);
		memset(out, 0, sizeof out);
		OK(erc_request_bind_output(f.request, 0, out, sizeof out));
		OK(erc_request_run(f.request));
		if (f.computes)
			check_all_ones(out, LOCAL_TILES);
		close_model(&f);
	}
	OK(erc_runtime_destroy(f.runtime));
}
END_TEST

/* Denormals are kept, even if the thread that creates the runtime flushes them. Caller memory may have any
 * alignment. */
START_TEST(denormals_and_alignment)
{
	enum { COUNT = 16 };
	_Alignas(16) uint8_t in_bytes[COUNT * 4 + 4], out_bytes[COUNT * 4 + 4];
	float *in = (float *)(void *)(in_bytes + 4), *out = (float *)(void *)(out_bytes + 4);
	struct fixture f;
	struct test_model model;
#if defined(__x86_64__)
	unsigned mode = __builtin_ia32_stmxcsr();
	__builtin_ia32_ldmxcsr(mode | 0x8040); /* flush to zero, and denormals are zero */
#endif
	open_numbered(&f, _i);
#if defined(__x86_64__)
	__builtin_ia32_ldmxcsr(mode);
#endif
	test_model_begin(&model, f.runtime->device->target);
	test_model_tensor(&model, 0, ERC_F32, COUNT);
	test_model_tensor(&model, 1, ERC_F32, COUNT);
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, COUNT * 4);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, COUNT * 4);
	test_model_launch(&model, TEST_KERNEL_denormal, COUNT, 0);
	load(&f, &model);
	for (int i = 0; i < COUNT; i++)
		in[i] = 0x1p-130f * (float)(i + 1);
	memset(out_bytes, 0, sizeof out_bytes);
	OK(erc_request_bind_input(f.request, 0, in, COUNT * 4));
	OK(erc_request_bind_output(f.request, 0, out, COUNT * 4));
	OK(erc_request_run(f.request));
	for (int i = 0; f.computes && i < COUNT; i++)
		ck_assert_msg(out[i] == 0x1p-131f * (float)(i + 1), "%a", (double)out[i]);
	close_device(&f);
}
END_TEST

/* ---- memory ---- */

START_TEST(submit_allocates_nothing)
{
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	build_chain(&model, f.runtime->device->target);
	load(&f, &model);
	erc__alloc_fail_after(0);
	for (uint32_t run = 0; run < 5; run++)
		run_chain(f.request, run, f.computes);
	struct erc_request *none;
	FAILS(erc_request_create(f.session, &none), ERC_NOMEM); /* an allocation was set to fail */
	close_device(&f);
}
END_TEST

static enum erc_status whole_life(const char *device, uint32_t units, const uint8_t *file, size_t bytes)
{
	struct erc_runtime_options options = {.size = sizeof options, .device = device, .units = units};
	erc_runtime *runtime = NULL;
	erc_model *model = NULL;
	struct erc_session_options real_time = {.size = sizeof real_time, .class_ = ERC_REAL_TIME};
	erc_session *session = NULL, *rt_session = NULL;
	erc_request *request = NULL;
	enum erc_status status = erc_runtime_create(&options, &runtime);
	if (!status)
		status = erc_model_load_memory(runtime, file, bytes, NULL, &model);
	if (!status)
		status = erc_session_create(model, &real_time, &rt_session);
	if (!status)
		status = erc_session_create(model, NULL, &session);
	if (!status)
		status = erc_request_create(session, &request);
	if (!status)
		run_chain(request, 1, (erc__device_find(device)->flags & ERC__DEVICE_COMPUTES) != 0);
	OK(erc_request_destroy(request));
	OK(erc_session_destroy(session));
	OK(erc_session_destroy(rt_session));
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	return status;
}

/* The n-th allocation fails, for every n: the result is ERC_NOMEM, nothing leaks (the address sanitizer checks), and
 * everything works afterwards. */
START_TEST(every_allocation_fails)
{
	struct test_model model;
	struct fixture f;
	size_t bytes;
	int64_t n = 0;
	gpu_keep_context();
	open_numbered(&f, _i);
	const char *device = f.runtime->device->ops->name;
	uint32_t units = f.runtime->device->units;
	build_chain(&model, f.runtime->device->target);
	OK(erc_runtime_destroy(f.runtime));
	uint8_t *file = test_model_finish(&model, code, code_bytes, &bytes);
	for (enum erc_status status = ERC_NOMEM; status; n++) {
		erc__alloc_fail_after(n);
		status = whole_life(device, units, file, bytes);
		ck_assert_msg(!status || status == ERC_NOMEM, "n = %d: %s", (int)n, erc_error_detail());
	}
	ck_assert_int_gt(n, 10);
	erc__alloc_fail_after(-1);
	free(file);
}
END_TEST

/* ---- code images ---- */

static void check_image(struct fixture *f, const void *image, size_t image_bytes, enum erc_status wanted,
                        const char *text)
{
	struct test_model model;
	size_t bytes;
	build_chain(&model, f->runtime->device->target);
	uint8_t *file = test_model_finish(&model, image, image_bytes, &bytes);
	FAILS(erc_model_load_memory(f->runtime, file, bytes, NULL, &f->model), wanted);
	ck_assert_msg(strstr(erc_error_detail(), text) != NULL, "%s", erc_error_detail());
	free(file);
}

static void check_cut_image(struct fixture *f, size_t image_bytes)
{
	struct test_model model;
	size_t bytes;
	build_chain(&model, f->runtime->device->target);
	uint8_t *file = test_model_finish(&model, code, image_bytes, &bytes);
	enum erc_status status = erc_model_load_memory(f->runtime, file, bytes, NULL, &f->model);
	ck_assert_msg(image_bytes < code_bytes / 2 ? status == ERC_CORRUPT : !status || status == ERC_CORRUPT,
	              "%zu of %zu bytes: %s", image_bytes, code_bytes, erc_status_text(status));
	if (!status)
		OK(erc_model_unload(f->model));
	free(file);
}

START_TEST(bad_code_images)
{
	struct fixture f;
	size_t bytes = 0;
	open_device(&f, "cpu", 1, NULL);
	check_image(&f, "no shared object", 16, ERC_CORRUPT, "not a 64-bit ELF");
	for (bytes = 1; bytes < code_bytes; bytes += 97) /* any missing bytes cause an error, unless they were not needed */
		check_cut_image(&f, bytes);
	void *image = test_kernels_compile("-DTEST_ABI=77u -DTEST_QUERY=erc_cpu_image_query_v1", &bytes);
	ck_assert_ptr_nonnull(image);
	check_image(&f, image, bytes, ERC_VERSION, "ABI 77");
	free(image);
	image = test_kernels_compile("-DTEST_ABI=1u -DTEST_QUERY=another_name", &bytes);
	ck_assert_ptr_nonnull(image);
	check_image(&f, image, bytes, ERC_CORRUPT, "erc_cpu_image_query_v1");
	free(image);
	OK(erc_runtime_destroy(f.runtime));
}
END_TEST

START_TEST(kernel_out_of_range)
{
	struct fixture f;
	struct test_model model;
	size_t bytes;
	open_device(&f, "cpu", 1, NULL);
	build_chain(&model, f.runtime->device->target);
	((struct erca_kernel *)(void *)model.build.tables[ERC_TABLE_KERNELS].data)[2].entry = TEST_KERNEL_COUNT;
	f.file = test_model_finish(&model, code, code_bytes, &bytes);
	FAILS(erc_model_load_memory(f.runtime, f.file, bytes, NULL, &f.model), ERC_CORRUPT);
	char text[32];
	snprintf(text, sizeof text, "kernel %d of %d", TEST_KERNEL_COUNT, TEST_KERNEL_COUNT);
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), text));
	free(f.file);
	OK(erc_runtime_destroy(f.runtime));
}
END_TEST

static void add_tests(TCase *tcase)
{
	for (int i = 0; i < DEVICES; i++)
		if (erc__device_find(device_name(i))->advance)
			printf("devices: skipped on %s, where nothing happens while the room moves: room_moves\n", device_name(i));
	tcase_add_loop_test(tcase, each_tile_once, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, launches_in_order, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, more_units_than_cores, 0, DEVICES);
	tcase_add_loop_test(tcase, copy_of_many_tiles, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, nothing_to_do, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, several_tenants, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, room_moves, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, cancel_any_time, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, run_time_dims, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, local_memory, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, denormals_and_alignment, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, submit_allocates_nothing, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, ALL_UNITS);
	STAND_IN_ONLY(tcase, bad_code_images, 0, 1, "of the CPU device");
	STAND_IN_ONLY(tcase, kernel_out_of_range, 0, 1, "of the CPU device");
}

int main(void)
{
	return devices_main("devices", add_tests);
}
