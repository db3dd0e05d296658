/* The scheduler's queue with a fake clock, and the room and claim protocol alone. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sched/room.h"
#include "runtime/sched/schedule.h"
#include "tests/suite.h"

#define MS UINT64_C(1000000)
#define UNITS 4

static void start(struct erc__sched *sched, const char *policy)
{
	struct erc__supply supply = {.units = UNITS, .rt_units = 1};
	erc__sched_init(sched, erc__policy_find(policy), &supply);
}

static struct erc__estimate estimate;

static void add(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, uint64_t deadline_us)
{
	if (!atomic_load(&item->tenant->room.epoch))
		erc__tenant_init(item->tenant);
	if (!item->share)
		erc__item_create(sched, item, item->tenant);
	item->estimate = &estimate;
	erc__item_init(item, now_ns, deadline_us);
	erc__sched_add(sched, item, now_ns);
}

/* One unit serves the item for this long. */
static void serve(struct erc__sched *sched, struct erc__item *item, uint64_t unit_ns)
{
	struct erc__pass pass;
	ck_assert(erc__sched_enter(sched, item, 1, &pass));
	erc__sched_leave(sched, item, unit_ns, 1);
}

/* ---- order ---- */

static int always(struct erc__item *item, void *user)
{
	(void)item, (void)user;
	return 1;
}

static int not_this(struct erc__item *item, void *user)
{
	return item != user;
}

static struct erc__item *pick(struct erc__sched *sched)
{
	return erc__sched_pick(sched, ERC__CLASSES, always, NULL);
}

static struct erc__tenant real_time(uint32_t level)
{
	return (struct erc__tenant){.class_ = ERC_REAL_TIME, .level = level, .weight = 1, .cap = UNITS};
}

static struct erc__tenant best_effort(uint32_t weight)
{
	return (struct erc__tenant){.class_ = ERC_BEST_EFFORT, .weight = weight, .cap = UNITS};
}

START_TEST(empty_queue)
{
	struct erc__sched sched;
	start(&sched, NULL);
	ck_assert_ptr_null(pick(&sched));
	ck_assert_uint_eq(sched.count, 0);
	ck_assert_ptr_null(erc__policy_find("no such policy"));
}
END_TEST

START_TEST(levels_before_deadlines)
{
	struct erc__sched sched;
	struct erc__tenant high = real_time(0), low = real_time(1), be = best_effort(1);
	struct erc__item late = {.tenant = &high}, early = {.tenant = &high}, none = {.tenant = &high};
	struct erc__item urgent_low = {.tenant = &low}, best = {.tenant = &be};
	struct erc__item *const order[] = {&early, &late, &none, &urgent_low, &best};
	start(&sched, "priority");
	add(&sched, &best, 0, 0);
	add(&sched, &urgent_low, 1 * MS, 1);
	add(&sched, &none, 1 * MS, 0);
	add(&sched, &late, 1 * MS, 9000);
	add(&sched, &early, 5 * MS, 4000); /* 9 ms, before late's 10 ms */
	ck_assert_uint_eq(sched.count, 5);
	for (int i = 0; i < 5; i++) {
		ck_assert_ptr_eq(pick(&sched), order[i]);
		erc__sched_remove(&sched, order[i], 0);
	}
	ck_assert_ptr_null(pick(&sched));
}
END_TEST

START_TEST(equal_ones_in_order_of_arrival)
{
	struct erc__sched sched;
	struct erc__tenant tenant = real_time(0);
	struct erc__item items[3] = {{.tenant = &tenant}, {.tenant = &tenant}, {.tenant = &tenant}};
	start(&sched, NULL);
	for (int i = 0; i < 3; i++)
		add(&sched, &items[i], 0, 1000);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_eq(pick(&sched), &items[i]);
		erc__sched_remove(&sched, &items[i], 0);
	}
}
END_TEST

START_TEST(what_cannot_run_is_passed_over)
{
	struct erc__sched sched;
	struct erc__tenant high = real_time(0), be = best_effort(1);
	struct erc__item first = {.tenant = &high}, second = {.tenant = &be};
	start(&sched, "priority");
	add(&sched, &first, 0, 10);
	add(&sched, &second, 0, 0);
	ck_assert_ptr_eq(erc__sched_pick(&sched, ERC__CLASSES, not_this, &first), &second);
	ck_assert_ptr_eq(erc__sched_pick(&sched, ERC__CLASSES, not_this, &second), &first);
	ck_assert_uint_eq(sched.count, 2);
}
END_TEST

START_TEST(fifo_knows_no_class)
{
	struct erc__sched sched;
	struct erc__tenant high = real_time(0), be = best_effort(1);
	struct erc__item first = {.tenant = &be}, second = {.tenant = &high};
	start(&sched, "fifo");
	add(&sched, &first, 0, 0);
	add(&sched, &second, 0, 1);
	ck_assert_ptr_eq(pick(&sched), &first);
}
END_TEST

/* Served a millisecond at a time, tenants of weight 3 and 1 get time in the ratio of 3 to 1. */
START_TEST(best_effort_by_weight)
{
	struct erc__sched sched;
	struct erc__tenant heavy = best_effort(3), light = best_effort(1);
	struct erc__item a = {.tenant = &heavy}, b = {.tenant = &light};
	int turns_a = 0, turns_b = 0;
	start(&sched, NULL);
	add(&sched, &a, 0, 0);
	add(&sched, &b, 0, 0);
	for (int i = 0; i < 400; i++) {
		struct erc__item *item = pick(&sched);
		*(item == &a ? &turns_a : &turns_b) += 1;
		serve(&sched, item, 1 * MS);
	}
	ck_assert_int_ge(turns_a, 299);
	ck_assert_int_le(turns_a, 301);
	ck_assert_int_eq(turns_a + turns_b, 400);
}
END_TEST

/* A tenant that was away does not make up for it: after its return the tenants alternate. */
START_TEST(absence_earns_nothing)
{
	struct erc__sched sched;
	struct erc__tenant busy = best_effort(1), idle = best_effort(1);
	struct erc__item a = {.tenant = &busy}, b = {.tenant = &idle};
	int turns_b = 0;
	start(&sched, NULL);
	add(&sched, &a, 0, 0);
	for (int i = 0; i < 1000; i++) {
		ck_assert_ptr_eq(pick(&sched), &a);
		serve(&sched, &a, 1 * MS);
	}
	add(&sched, &b, 1000 * MS, 0);
	for (int i = 0; i < 20; i++) {
		struct erc__item *item = pick(&sched);
		turns_b += item == &b;
		serve(&sched, item, 1 * MS);
	}
	ck_assert_int_ge(turns_b, 9);
	ck_assert_int_le(turns_b, 11);
}
END_TEST

/* ---- rooms ---- */

START_TEST(room_has_its_limit)
{
	struct erc__room room;
	uint32_t epoch;
	erc__room_init(&room, 2);
	ck_assert(erc__room_enter(&room, &epoch));
	ck_assert(erc__room_enter(&room, &epoch));
	ck_assert(!erc__room_enter(&room, &epoch));
	ck_assert_uint_eq(erc__room_units(&room), 2);
	erc__room_leave(&room);
	ck_assert(erc__room_has_place(&room));
	ck_assert(erc__room_enter(&room, &epoch));
	ck_assert(!erc__room_has_place(&room));
}
END_TEST

/* If the limit falls by two, the first two units that ask leave, and the others stay. */
START_TEST(shrinking_sends_away_as_many)
{
	struct erc__room room;
	uint32_t epoch;
	int left = 0;
	erc__room_init(&room, 5);
	for (int i = 0; i < 5; i++)
		ck_assert(erc__room_enter(&room, &epoch));
	erc__room_set_limit(&room, 3);
	for (int i = 0; i < 5; i++)
		left += !erc__room_check(&room, epoch);
	ck_assert_int_eq(left, 2);
	ck_assert_uint_eq(erc__room_units(&room), 3);
	erc__room_set_limit(&room, 4);
	ck_assert(erc__room_check(&room, epoch)); /* growing keeps the epoch */
	ck_assert(erc__room_enter(&room, &epoch));
}
END_TEST

START_TEST(stop_is_never_taken_back)
{
	struct erc__room room;
	uint32_t old_epoch, new_epoch;
	erc__room_init(&room, 4);
	ck_assert(erc__room_enter(&room, &old_epoch));
	ck_assert(erc__room_enter(&room, &old_epoch));
	erc__room_stop(&room);
	ck_assert(!erc__room_has_place(&room));
	ck_assert(!erc__room_enter(&room, &new_epoch));
	ck_assert(!erc__room_check(&room, old_epoch));
	erc__room_resume(&room, 4);
	ck_assert(!erc__room_check(&room, old_epoch)); /* it checks only after resume, and must still leave */
	ck_assert_uint_eq(erc__room_units(&room), 0);
	ck_assert(erc__room_enter(&room, &new_epoch));
	ck_assert_uint_eq(new_epoch, old_epoch + 1);
	ck_assert(erc__room_check(&room, new_epoch));
}
END_TEST

START_TEST(epochs_wrap)
{
	struct erc__room room;
	uint32_t epoch;
	erc__room_init(&room, 1);
	atomic_store(&room.word, erc__room_word(UINT32_MAX - 1, 1));
	atomic_store(&room.epoch, UINT32_MAX);
	for (uint32_t i = 0; i < 4; i++) {
		ck_assert(erc__room_enter(&room, &epoch));
		ck_assert_uint_eq(epoch, UINT32_MAX + i);
		erc__room_stop(&room);
		ck_assert(!erc__room_check(&room, epoch));
		erc__room_resume(&room, 1);
	}
}
END_TEST

/* ---- claims ---- */

START_TEST(claims_count)
{
	struct erc__claim claim;
	uint32_t tile;
	erc__claim_init(&claim);
	ck_assert(!erc__claim_take(&claim, &tile));
	erc__claim_open(&claim, 3);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert(erc__claim_take(&claim, &tile));
		ck_assert_uint_eq(tile, i);
	}
	ck_assert(!erc__claim_done(&claim, 2));
	ck_assert_uint_eq(erc__claim_take_rest(&claim), 1);
	ck_assert_uint_eq(erc__claim_take_rest(&claim), 0);
	ck_assert(!erc__claim_take(&claim, &tile));
	ck_assert(erc__claim_done(&claim, 1));
	uint32_t generation = erc__claim_generation(&claim);
	erc__claim_open(&claim, 1);
	ck_assert_uint_ne(erc__claim_generation(&claim), generation);
	ck_assert(erc__claim_take(&claim, &tile));
	ck_assert_uint_eq(tile, 0);
}
END_TEST

/* Threads work through launches together. They enter and leave a room that another thread changes. */
#define THREADS 4
#define LAUNCHES 3000
#define MAX_TILES 9

struct crowd {
	struct erc__room room;
	struct erc__claim claim;
	uint32_t launch;                  /* the open launch */
	uint8_t ran[LAUNCHES][MAX_TILES]; /* not atomic: only the protocol prevents a race */
	_Atomic uint32_t max;             /* maximum number of units seen inside at once */
	_Atomic int is_over;
};

static uint32_t launch_tiles(uint32_t launch)
{
	return 1 + launch * 7 % MAX_TILES;
}

static void work(struct crowd *crowd, uint32_t epoch)
{
	for (;;) {
		uint32_t tile, n = 0;
		int in_room;
		while ((in_room = erc__room_check(&crowd->room, epoch)) && erc__claim_take(&crowd->claim, &tile)) {
			crowd->ran[crowd->launch][tile]++;
			n++;
		}
		if (n && erc__claim_done(&crowd->claim, n)) {
			if (++crowd->launch == LAUNCHES)
				atomic_store(&crowd->is_over, 1);
			else
				erc__claim_open(&crowd->claim, launch_tiles(crowd->launch));
		}
		if (!in_room)
			return;
		if (atomic_load(&crowd->is_over)) {
			erc__room_leave(&crowd->room);
			return;
		}
	}
}

static void *crowd_main(void *argument)
{
	struct crowd *crowd = argument;
	while (!atomic_load(&crowd->is_over)) {
		uint32_t epoch;
		if (!erc__room_enter(&crowd->room, &epoch))
			continue;
		uint32_t units = erc__room_units(&crowd->room), max = atomic_load(&crowd->max);
		while (units > max && !atomic_compare_exchange_weak(&crowd->max, &max, units))
			;
		work(crowd, epoch);
	}
	return NULL;
}

START_TEST(crowd_runs_each_tile_once)
{
	static struct crowd crowd;
	pthread_t threads[THREADS];
	uint32_t random = 1;
	erc__room_init(&crowd.room, THREADS);
	erc__claim_init(&crowd.claim);
	erc__claim_open(&crowd.claim, launch_tiles(0));
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, crowd_main, &crowd), 0);
	while (!atomic_load(&crowd.is_over)) {
		random = random * 1664525u + 1013904223u;
		if (random >> 30 == 0) {
			erc__room_stop(&crowd.room);
			erc__room_resume(&crowd.room, random >> 8 & 3);
		} else {
			erc__room_set_limit(&crowd.room, random >> 8 & 3);
		}
		for (volatile int i = 0; i < (int)(random >> 20 & 1023); i++)
			;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(erc__room_units(&crowd.room), 0);
	ck_assert_uint_le(atomic_load(&crowd.max), THREADS);
	for (uint32_t launch = 0; launch < LAUNCHES; launch++)
		for (uint32_t tile = 0; tile < MAX_TILES; tile++)
			ck_assert_uint_eq(crowd.ran[launch][tile], tile < launch_tiles(launch));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scheduler and rooms");
	TCase *tcase = tcase_create("scheduler");
	tcase_add_test(tcase, empty_queue);
	tcase_add_test(tcase, levels_before_deadlines);
	tcase_add_test(tcase, equal_ones_in_order_of_arrival);
	tcase_add_test(tcase, what_cannot_run_is_passed_over);
	tcase_add_test(tcase, fifo_knows_no_class);
	tcase_add_test(tcase, best_effort_by_weight);
	tcase_add_test(tcase, absence_earns_nothing);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("room");
	tcase_add_test(tcase, room_has_its_limit);
	tcase_add_test(tcase, shrinking_sends_away_as_many);
	tcase_add_test(tcase, stop_is_never_taken_back);
	tcase_add_test(tcase, epochs_wrap);
	tcase_add_test(tcase, claims_count);
	tcase_add_loop_test(tcase, crowd_runs_each_tile_once, 0, 3);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
