/* Admission. A request of a session with the option `shed` is refused if its run is not expected to end by its
 * deadline.
 *
 * The expected end is the later of two times. The first is the run's own: its prediction, times the ratio by which
 * this machine's runs have differed from predictions. The second is the unit time of the more urgent runs and of
 * this one, divided by the device's units, because runs share units. What neither covers, for example a policy under
 * which best-effort work leaves units late, shows in the ratio of real to expected times. */
#include "runtime/sched/admission.h"

#include <stddef.h>
#include <string.h>

#include "runtime/base/internal.h"
#include "runtime/sched/schedule.h"

#define MIN_RATIOS 4   /* minimum number of ratios for an estimate */
#define RUN_SHARE 0.7f /* share of runs that take no longer than expected */
#define MAX_QUEUES 0.5f
#define PROBE_NS 20000000 /* a refused tenant is tried again this long after its last run */

/* ---- ratios ---- */

void erc__ratios_add(struct erc__ratios *ratios, float ratio)
{
	ratios->last[ratios->count++ % ERC__RATIOS] = ratio;
}

float erc__ratios_expected(const struct erc__ratios *ratios, float share, float otherwise)
{
	float sorted[ERC__RATIOS];
	uint32_t count = ratios->count < ERC__RATIOS ? ratios->count : ERC__RATIOS;
	if (count < MIN_RATIOS)
		return otherwise;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t k = i;
		for (; k && sorted[k - 1] > ratios->last[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = ratios->last[i];
	}
	return sorted[(uint32_t)(share * (float)(count - 1))];
}

void erc__estimate_init(struct erc__estimate *estimate, const struct erc__forecast *forecast)
{
	*estimate = (struct erc__estimate){
		.predicted_ns = forecast->run_ns ? forecast->run_ns : 1,
		.predicted_unit_ns = forecast->unit_ns,
		.predicted_tile_ns = forecast->tile_ns ? forecast->tile_ns : 1,
	};
}

/* ---- what is expected ---- */

/* How much longer tiles take than predicted, for the tenant, or else for all tenants. */
static float tile_ratio(const struct erc__sched *sched, const struct erc__estimate *estimate)
{
	return erc__ratios_expected(&estimate->tiles, RUN_SHARE, erc__ratios_expected(&sched->tiles, RUN_SHARE, 1));
}

static float scaled(uint64_t predicted_ns, float size_ratio)
{
	return (float)predicted_ns * (size_ratio > 0 ? size_ratio : 1);
}

static uint64_t run_ns(const struct erc__sched *sched, const struct erc__item *item)
{
	const struct erc__estimate *estimate = item->estimate;
	float ratio = erc__ratios_expected(&estimate->runs, RUN_SHARE, tile_ratio(sched, estimate));
	return (uint64_t)(scaled(estimate->predicted_ns, item->size.run) * ratio);
}

uint64_t erc__sched_unit_ns(const struct erc__sched *sched, const struct erc__item *item)
{
	const struct erc__estimate *estimate = item->estimate;
	if (sched->policy->is_whole)
		return run_ns(sched, item) * sched->supply.units;
	return (uint64_t)(scaled(estimate->predicted_unit_ns, item->size.unit) * tile_ratio(sched, estimate));
}

/* Unit time still to come of all items before the key. */
static uint64_t unit_ns_before(const struct erc__sched *sched, const struct erc__key *key)
{
	uint64_t sum_ns = erc__order_sum_before(&sched->orders[ERC_REAL_TIME], key);
	if (!sched->policy->is_strict)
		sum_ns += erc__order_sum_before(&sched->orders[ERC_BEST_EFFORT], key);
	sum_ns += erc__order_sum_before(&sched->waiting, key);
	for (const struct erc__item *item = sched->granted; item; item = item->granted_next) {
		const struct erc__forecast *forecast = erc__item_forecast(item);
		uint32_t step = atomic_load_explicit(&item->step, memory_order_relaxed);
		if (!erc__key_before(&item->node.key, key) || !forecast || step >= forecast->count || !forecast->run_ns)
			continue;
		uint64_t looped_ns = atomic_load_explicit(&item->looped_ns, memory_order_relaxed);
		double done = (double)erc__forecast_passed_ns(forecast, step, looped_ns) / (double)forecast->run_ns;
		sum_ns -= (uint64_t)((double)item->node.value * done);
	}
	return sum_ns;
}

/* ---- deciding ---- */

static enum erc_status refuse(struct erc__item *item, uint64_t before_ns, uint64_t now_ns)
{
	struct erc__estimate *estimate = item->estimate;
	/* A probe delays no other request, and nothing else can show that the times have changed. */
	if (!before_ns && !item->tenant->item_count && now_ns - estimate->last_ns >= PROBE_NS &&
	    now_ns < item->deadline_ns) {
		estimate->last_ns = now_ns;
		item->is_probe = 1;
		return ERC_OK;
	}
	return erc__fail(ERC_SHED, "the deadline cannot be met: the run would end after about %llu us",
	                 (unsigned long long)(item->expected_ns / 1000));
}

enum erc_status erc__sched_admit(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns)
{
	const struct erc__tenant *tenant = item->tenant;
	const struct erc__estimate *estimate = item->estimate;
	if (tenant->in_flight && tenant->item_count >= tenant->in_flight)
		return erc__fail(ERC_LIMIT, "%u requests of the session are in flight, which is its maximum",
		                 tenant->item_count);
	if (!tenant->shed || tenant->class_ != ERC_REAL_TIME)
		return ERC_OK;
	struct erc__key key = {.third = item->sequence};
	sched->policy->key(item, &key);
	uint64_t alone_ns = run_ns(sched, item), before_ns = unit_ns_before(sched, &key);
	uint64_t shared_ns = (before_ns + erc__sched_unit_ns(sched, item)) / sched->rt_units;
	float ratio = erc__ratios_expected(&estimate->queues, MAX_QUEUES, 1);
	item->admitted_ns = now_ns;
	item->expected_ns = alone_ns > shared_ns ? alone_ns : shared_ns;
	if (now_ns + (uint64_t)((float)item->expected_ns * (ratio > 1 ? ratio : 1)) > item->deadline_ns)
		return refuse(item, before_ns, now_ns);
	return ERC_OK;
}

void erc__sched_learn(struct erc__sched *sched, const struct erc__item *item, uint64_t tile_ns, uint64_t now_ns)
{
	struct erc__estimate *estimate = item->estimate;
	float of_tiles = (float)tile_ns / scaled(estimate->predicted_tile_ns, item->size.tile);
	float of_run = (float)(now_ns - item->started_ns) / scaled(estimate->predicted_ns, item->size.run);
	float of_queue = item->expected_ns ? (float)(now_ns - item->admitted_ns) / (float)item->expected_ns : 0;
	/* A probe that meets its deadline shows that the old ratios no longer hold, so it counts as several runs. */
	bool is_news = item->is_probe && now_ns <= item->deadline_ns;
	if (item->tenant->class_ != ERC_REAL_TIME)
		return;
	estimate->last_ns = now_ns;
	if (is_news)
		estimate->runs.count = estimate->tiles.count = estimate->queues.count = 0;
	for (int i = 0; i < (is_news ? MIN_RATIOS : 1); i++) {
		if (tile_ns) {
			erc__ratios_add(&estimate->tiles, of_tiles);
			erc__ratios_add(&sched->tiles, of_tiles);
		}
		estimate->min = erc__ratios_expected(&estimate->tiles, 0, 0);
		if (!item->was_squeezed && item->started_ns)
			erc__ratios_add(&estimate->runs, of_run);
		if (of_queue > 0)
			erc__ratios_add(&estimate->queues, is_news ? 1 : of_queue);
	}
}
