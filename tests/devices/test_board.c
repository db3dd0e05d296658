/* What real-time runs write on the board of the CUDA device, and how best-effort runs react, on the stand-in for the
 * driver. The words come in the order of the stream, ahead of time, and disappear with the run. Best-effort work
 * runs as many tiles as the words leave, and more again afterwards. Tiles wait at a gate, so that the test decides
 * how far each run has come. */
#include "tests/devices/test_board.h"
#include "tests/suite.h"

#define LONGER_THAN_AHEAD 1000000

/* ---- words ---- */

static uint32_t slots_taken(void)
{
	uint32_t count = 0;
	pthread_mutex_lock(&runtime->device->lock);
	for (uint32_t i = 0; i < ERC_CUDA_SLOTS; i++)
		count += device()->slots[i].owner != NULL;
	pthread_mutex_unlock(&runtime->device->lock);
	return count;
}

/* As a graph, as plain launches and elastic: each launch writes its word as it begins, and after the end the slot is
 * empty. */
START_TEST(told_in_order)
{
	if (_i == 1)
		setenv("ERC_STUB_FAIL", "cuGraphInstantiateWithFlags:1:1", 1);
	open_runtime(_i == 2 ? WIDE + 2 : WIDE);
	urgent_open(&urgent);
	const struct cuda_request *request = urgent.request->job.native;
	ck_assert_uint_eq(told_by_all(), 0);
	for (uint32_t run = 0; run < 3; run++) {
		OK(erc_request_submit(urgent.request));
		ck_assert_uint_eq(slots_taken(), 1);
		for (uint32_t stage = 0; stage < STAGES; stage++) {
			go_to(&urgent, run, stage);
			await_told(told_of[stage]);
			usleep(2000);
			ck_assert_uint_eq(told_by_all(), told_of[stage]);
		}
		atomic_store(&urgent.control[GATE_OPEN], run * 12 + 12);
		OK(erc_request_wait(urgent.request, UINT64_MAX));
		ck_assert_int_eq(request->is_plain, _i < 2);
		ck_assert_int_eq(request->graph != NULL, _i != 1);
		await_told(0);
		ck_assert_uint_eq(slots_taken(), 0);
	}
	gate_close(&urgent);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* Cancelled in any launch: the word disappears with the run. For the plain form and the elastic form. */
START_TEST(gone_when_cancelled)
{
	open_runtime(_i % 2 ? WIDE + 2 : WIDE);
	urgent_open(&urgent);
	OK(erc_request_submit(urgent.request));
	go_to(&urgent, 0, (uint32_t)_i / 2);
	await_told(told_of[_i / 2]);
	OK(erc_request_cancel(urgent.request));
	let_all(&urgent);
	FAILS(erc_request_wait(urgent.request, UINT64_MAX), ERC_CANCELLED);
	await_told(0);
	ck_assert_uint_eq(slots_taken(), 0);
	gate_close(&urgent);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* The driver refuses a launch, or a word at the end of the run: the words that were written do not stay. */
START_TEST(gone_when_failed)
{
	static const char *const calls[] = {"cuLaunchKernel:9:1",
	                                    "cuStreamWriteValue32_v2:3:1"}; /* six were captured for a graph */
	int failed = 0;
	setenv("ERC_STUB_FAIL", calls[_i], 1);
	open_runtime(WIDE + 2);
	urgent_open(&urgent);
	partner_open(&partner, 10000, NULL);
	let_all(&urgent);
	let_all(&partner);
	for (int run = 0; run < 3; run++) {
		OK(erc_request_submit(urgent.request));
		failed += erc_request_wait(urgent.request, UINT64_MAX) != ERC_OK;
	}
	ck_assert_int_eq(failed, _i == 0);
	OK(erc_request_run(partner.request)); /* the device works as before, */
	await_told(0);                        /* and the refused word was written after all */
	ck_assert_uint_eq(slots_taken(), 0);
	gate_close(&urgent);
	gate_close(&partner);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* While a tenant is paused, the board says that its run needs 0 units. Afterwards the run continues. */
START_TEST(withdrawn_while_paused)
{
	open_runtime(WIDE + 2);
	urgent_open(&urgent);
	OK(erc_request_submit(urgent.request));
	go_to(&urgent, 0, 0);
	await_told(WIDE);
	OK(erc_session_set_units(urgent.session, 0));
	await_told(0);
	atomic_store(&urgent.control[GATE_OPEN], WIDE);
	usleep(2000);
	OK(erc_session_set_units(urgent.session, WIDE + 2));
	go_to(&urgent, 0, 1);
	await_told(told_of[1]);
	go_to(&urgent, 0, STAGES - 1);
	await_told(1);
	let_all(&urgent);
	OK(erc_request_wait(urgent.request, UINT64_MAX));
	await_told(0);
	gate_close(&urgent);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* ---- best-effort work beside them ---- */

/* Releases all tiles that are inside, again and again, until the allowed number (at least limit - short_of) was
 * inside in 20 rounds, and never more. The last round has more time. */
static void settle(struct gate *gate, uint32_t limit, uint32_t short_of)
{
	uint32_t inside = 0;
	for (int round = 0, reached = 0; reached < 20; round++) {
		uint32_t entered = atomic_load(&gate->control[GATE_ENTERED]);
		inside = entered - atomic_load(&gate->control[GATE_OPEN]);
		ck_assert_msg(round < 6000, "%u tiles inside, expected %u; %u had entered", inside, limit, entered);
		reached = inside > limit ? 0 : reached + (inside + short_of >= limit);
		atomic_store(&gate->control[GATE_OPEN], entered);
		usleep(reached < 19 ? 500 : 10000);
	}
}

/* Waits for a run while tiles beside it come and go. */
static void wait_beside(struct gate *gate, struct gate *beside)
{
	while (erc_request_wait(gate->request, 0) == ERC_TIMEOUT) {
		atomic_store(&beside->control[GATE_OPEN], atomic_load(&beside->control[GATE_ENTERED]));
		usleep(1000);
	}
}

/* Beside a run in the plain form, best-effort work runs only during narrow launches; beside an elastic run, always.
 * It has left before the wide launch begins, and comes back. This uses one launch that would last very long. */
START_TEST(keeps_off_and_comes_back)
{
	uint32_t units = _i ? WIDE + 2 : WIDE;
	open_runtime(units);
	urgent_open(&urgent);
	partner_open(&partner, 10000, NULL);
	OK(erc_request_submit(partner.request));
	settle(&partner, units, 0);
	OK(erc_request_submit(urgent.request));
	for (uint32_t stage = 0; stage < STAGES; stage++) {
		uint32_t first = 0;
		for (uint32_t i = 0; i < stage; i++)
			first += tiles_of[i];
		atomic_store(&urgent.control[GATE_OPEN], first);
		settle(&partner, units - told_of[stage], 0);
		/* It has its units: all tiles of the launch run, while the best-effort tiles are held. */
		await_min(&urgent.control[GATE_ENTERED], first + tiles_of[stage]);
	}
	let_all(&urgent);
	wait_beside(&urgent, &partner);
	settle(&partner, units, 0);
	let_all(&partner);
	OK(erc_request_wait(partner.request, UINT64_MAX));
	for (uint32_t i = 0; i < PARTNER_TILES; i++)
		ck_assert_uint_eq(partner.counters[i], 1);
	gate_close(&urgent);
	gate_close(&partner);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* Two best-effort tenants together have no more units than allowed, and each has some. */
START_TEST(two_shrink_alike)
{
	open_runtime(WIDE + 4);
	urgent_open(&urgent);
	partner_open(&partner, 10000, NULL);
	partner_open(&other, 10000, partner.control);
	OK(erc_session_set_units(partner.session, 4));
	OK(erc_session_set_units(other.session, 4));
	OK(erc_request_submit(partner.request));
	OK(erc_request_submit(other.request));
	settle(&partner, WIDE + 4, 0);
	OK(erc_request_submit(urgent.request));
	settle(&partner, 4, 0);
	go_to(&urgent, 0, 1);
	settle(&partner, WIDE + 3, 1);
	go_to(&urgent, 0, 3); /* one tile, and a word that says four */
	settle(&partner, 4, 0);
	let_all(&urgent);
	wait_beside(&urgent, &partner);
	settle(&partner, WIDE + 4, 0);
	let_all(&partner);
	OK(erc_request_wait(partner.request, UINT64_MAX));
	OK(erc_request_wait(other.request, UINT64_MAX));
	for (uint32_t i = 0; i < PARTNER_TILES; i++)
		ck_assert_uint_eq(partner.counters[i] + other.counters[i], 2);
	gate_close(&urgent);
	gate_close(&partner);
	gate_close(&other);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* Tiles that are longer than the time by which words are ahead: the scheduler keeps the widest launch free for the
 * whole run. */
START_TEST(long_tiles)
{
	open_runtime(WIDE + 2);
	urgent_open(&urgent);
	partner_open(&partner, LONGER_THAN_AHEAD, NULL);
	OK(erc_request_submit(partner.request));
	OK(erc_request_submit(urgent.request));
	for (uint32_t stage = 0; stage < STAGES; stage++) {
		uint32_t first = 0;
		for (uint32_t i = 0; i < stage; i++)
			first += tiles_of[i];
		atomic_store(&urgent.control[GATE_OPEN], first);
		settle(&partner, 2, 0);
		await_min(&urgent.control[GATE_ENTERED], first + tiles_of[stage]);
	}
	let_all(&urgent);
	wait_beside(&urgent, &partner);
	let_all(&partner);
	OK(erc_request_wait(partner.request, UINT64_MAX));
	gate_close(&urgent);
	gate_close(&partner);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* ---- real-time tenants beside each other ---- */

/* Two real-time runs that fit run at the same time, and best-effort work has what both leave. */
START_TEST(two_real_time_tenants)
{
	open_runtime(2 * WIDE + 2);
	urgent_open(&urgent);
	urgent_open(&other);
	partner_open(&partner, 10000, NULL);
	OK(erc_request_submit(partner.request));
	OK(erc_request_submit(urgent.request));
	OK(erc_request_submit(other.request));
	ck_assert_uint_eq(slots_taken(), 2);
	settle(&partner, 2, 0);
	await_min(&urgent.control[GATE_ENTERED], WIDE);
	await_min(&other.control[GATE_ENTERED], WIDE); /* while the other run's tiles are held */
	await_told(2 * WIDE);
	go_to(&urgent, 0, 1);
	settle(&partner, 2 * WIDE + 2 - WIDE - 1, 0);
	go_to(&other, 0, 1);
	settle(&partner, 2 * WIDE + 2 - 2, 0);
	let_all(&urgent);
	wait_beside(&urgent, &partner);
	settle(&partner, 2 * WIDE + 2 - 1, 0);
	let_all(&other);
	wait_beside(&other, &partner);
	let_all(&partner);
	OK(erc_request_wait(partner.request, UINT64_MAX));
	gate_close(&urgent);
	gate_close(&other);
	gate_close(&partner);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

static void set_owners(uint32_t count, const struct cuda_request *owner)
{
	pthread_mutex_lock(&runtime->device->lock);
	for (uint32_t i = 0; i < count; i++)
		device()->slots[i].owner = owner;
	pthread_mutex_unlock(&runtime->device->lock);
}

/* All slots but one are taken. For the run that finds none, the host keeps its widest launch free until its end. */
START_TEST(more_runs_than_slots)
{
	uint32_t units = 2 * WIDE + 2;
	open_runtime(units);
	urgent_open(&urgent);
	urgent_open(&other);
	partner_open(&partner, 10000, NULL);
	set_owners(ERC_CUDA_SLOTS - 1, partner.request->job.native);
	OK(erc_request_submit(partner.request));
	OK(erc_request_submit(urgent.request));
	OK(erc_request_submit(other.request));
	ck_assert_uint_eq(slots_taken(), ERC_CUDA_SLOTS);
	settle(&partner, units - 2 * WIDE, 0);
	go_to(&other, 0, 1);
	settle(&partner, units - 2 * WIDE, 0);
	go_to(&urgent, 0, 1);
	settle(&partner, units - WIDE - 1, 0);
	let_all(&urgent);
	wait_beside(&urgent, &partner);
	settle(&partner, units - WIDE, 0);
	let_all(&other);
	wait_beside(&other, &partner);
	settle(&partner, units, 0);
	let_all(&partner);
	OK(erc_request_wait(partner.request, UINT64_MAX));
	set_owners(ERC_CUDA_SLOTS - 1, NULL);
	gate_close(&urgent);
	gate_close(&other);
	gate_close(&partner);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* ---- all of it, at random ---- */

/* Runs that use the board are cancelled, paused and shrunk, and so are runs beside them that follow it. All give the
 * same bits for any widths, and the board is empty at the end. */
START_TEST(same_bits_at_random)
{
	static struct load loads[4];
	static struct tenant tenants[2];
	struct test_model built;
	struct bed bed, telling;
	uint32_t random = (uint32_t)_i * 91 + 5;
	size_t bytes;
	stub_set("ERC_STUB_SHAKE", _i + 1);
	bed_open(&bed, "cuda", "elastic", 6);
	runtime = bed.runtime;
	telling = bed;
	build_work(&built, runtime->device->target, 100000);
	telling.files[WORK] = test_model_finish(&built, code, code_bytes, &bytes);
	OK(erc_model_load_memory(runtime, telling.files[WORK], bytes, NULL, &telling.models[WORK]));
	for (uint32_t i = 0; i < 4; i++) {
		struct erc_session_options options = {.size = sizeof options,
		                                      .class_ = i % 2 ? ERC_REAL_TIME : ERC_BEST_EFFORT,
		                                      .level = i / 2};
		tenant_open(&loads[i].tenant, i % 2 ? &telling : &bed, &options);
		loads[i].runs = 60;
		atomic_init(&loads[i].is_over, 0);
		if (i < 2)
			tenant_open(&tenants[i], i % 2 ? &telling : &bed, &options);
	}
	ck_assert_uint_ge(((const struct cuda_request *)tenants[1].request->job.native)->phase_count, 2);
	ck_assert_uint_eq(((const struct cuda_request *)tenants[0].request->job.native)->phase_count, 0);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&loads[i].thread, NULL, load_main, &loads[i]), 0);
	while (!load_is_over(loads, 4)) {
		struct tenant *tenant = &tenants[next_random(&random, 2)];
		tenant_submit(tenant);
		OK(erc_session_set_units(tenant->session, next_random(&random, 7)));
		usleep(next_random(&random, 300));
		if (!next_random(&random, 3))
			OK(erc_request_cancel(tenant->request));
		OK(erc_session_set_units(tenant->session, 1 + next_random(&random, 6)));
		tenant_wait(tenant);
	}
	load_join(loads, 4);
	if (!gpu_is_real()) /* a GPU's memory is not the host's */
		await_told(0);
	ck_assert_uint_eq(slots_taken(), 0);
	for (int i = 0; i < 2; i++)
		tenant_close(&tenants[i]);
	OK(erc_model_unload(telling.models[WORK]));
	free(telling.files[WORK]);
	bed_close(&bed);
}
END_TEST

/* The device is lost while a run uses the board: all runs end with its error, and everything can be destroyed. */
START_TEST(lost_while_told)
{
	stub_set("ERC_STUB_LOST", 3);
	open_runtime(WIDE + 2);
	urgent_open(&urgent);
	partner_open(&partner, 10000, NULL);
	OK(erc_request_submit(partner.request));
	OK(erc_request_submit(urgent.request));
	let_all(&urgent);
	let_all(&partner);
	FAILS(erc_request_wait(urgent.request, UINT64_MAX), ERC_DEVICE);
	erc_request_wait(partner.request, UINT64_MAX);
	gate_close(&urgent);
	gate_close(&partner);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("board");
	TCase *tcase = tcase_create("board");
	code = gpu_start(&code_bytes);
	if (!code) {
		printf("skipped: board, 1 program: no C compiler\n");
		return EXIT_SUCCESS;
	}
	tcase_set_timeout(tcase, 120);
	STAND_IN_ONLY(tcase, told_in_order, 0, 3, "device memory that the test reads");
	STAND_IN_ONLY(tcase, gone_when_cancelled, 0, 2 * STAGES, "the same");
	STAND_IN_ONLY(tcase, gone_when_failed, 0, 2, "calls that fail");
	STAND_IN_ONLY(tcase, withdrawn_while_paused, 0, 1, "device memory that the test reads");
	STAND_IN_ONLY(tcase, keeps_off_and_comes_back, 0, 2, "this number of units");
	STAND_IN_ONLY(tcase, two_shrink_alike, 0, 1, "the same");
	STAND_IN_ONLY(tcase, long_tiles, 0, 1, "the same");
	STAND_IN_ONLY(tcase, two_real_time_tenants, 0, 1, "the same");
	STAND_IN_ONLY(tcase, more_runs_than_slots, 0, 1, "the same");
	STAND_IN_ONLY(tcase, lost_while_told, 0, 1, "a device that is lost at a chosen moment");
	tcase_add_loop_test(tcase, same_bits_at_random, 0, 4);
	suite_add_tcase(suite, tcase);
	int failed = run_suite(suite);
	free(code);
	return failed;
}
