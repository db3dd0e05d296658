/* Who is let in: how long a run takes, learned from those that ended, and when it could end behind what is queued. */
#include "admission.h"

#include <stddef.h>

#include "internal.h"
#include "schedule.h"

#define EXPECTED_SHARE 0.7f /* of the last runs that take no longer than what is expected: a few stalls do not count */

/* ---- ratios ---- */

void erc__ratios_add(struct erc__ratios *ratios, float ratio)
{
	float sorted[ERC__ESTIMATE_RUNS];
	ratios->last[ratios->count++ % ERC__ESTIMATE_RUNS] = ratio;
	uint32_t n = ratios->count < ERC__ESTIMATE_RUNS ? ratios->count : ERC__ESTIMATE_RUNS;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = i;
		for (; k && sorted[k - 1] > ratios->last[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = ratios->last[i];
	}
	ratios->expected = sorted[(uint32_t)(EXPECTED_SHARE * (float)(n - 1))];
}

static float expected(const struct erc__ratios *ratios)
{
	return ratios->count ? ratios->expected : 1;
}

void erc__estimate_init(struct erc__estimate *estimate, const struct erc__forecast *forecast)
{
	*estimate = (struct erc__estimate){
		.predicted_ns = forecast->run_ns ? forecast->run_ns : 1, .predicted_unit_ns = forecast->unit_ns ? forecast->unit_ns : 1,
	};
}

/* ---- learning ---- */

static float ratio_of_run(const struct erc__sched *sched, const struct erc__tenant *tenant)
{
	return expected(tenant->estimate.runs.count ? &tenant->estimate.runs : &sched->machine.runs);
}

uint64_t erc__sched_unit_ns(const struct erc__sched *sched, const struct erc__tenant *tenant)
{
	return (uint64_t)((float)tenant->estimate.predicted_unit_ns * ratio_of_run(sched, tenant));
}

void erc__sched_learn(struct erc__sched *sched, const struct erc__item *item, int is_alone, uint64_t now_ns)
{
	struct erc__estimate *estimate = &item->tenant->estimate;
	if (item->tenant->class_ != ERC_REAL_TIME || !item->tenant->shed || !item->started_ns)
		return;
	estimate->last_ns = now_ns;
	if (!is_alone || item->was_squeezed)
		return;
	float ratio = (float)(now_ns - item->started_ns) / (float)estimate->predicted_ns;
	erc__ratios_add(&estimate->runs, ratio);
	erc__ratios_add(&sched->machine.runs, ratio);
}

/* ---- deciding ---- */

/* Unit time of all RT runs before the key. */
static uint64_t unit_ns_before(const struct erc__sched *sched, const struct erc__key *key)
{
	uint64_t sum_ns = erc__order_sum_before(&sched->orders[ERC_REAL_TIME], key);
	for (const struct erc__tenant *tenant = sched->waiting.next; tenant != &sched->waiting; tenant = tenant->next)
		if (tenant->cap)
			sum_ns += erc__order_sum_before(&tenant->waiting, key);
	return sum_ns;
}

static int can_meet_deadline(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, uint64_t *run_ns)
{
	const struct erc__tenant *tenant = item->tenant;
	float ratio = ratio_of_run(sched, tenant);
	struct erc__key key = { .third = item->sequence };
	sched->policy->key(item, &key);
	uint64_t before_ns = unit_ns_before(sched, &key);
	*run_ns = (uint64_t)((float)tenant->estimate.predicted_ns * ratio);
	uint64_t shared_ns = (before_ns + erc__sched_unit_ns(sched, tenant)) / sched->supply.units;
	return now_ns + (*run_ns > shared_ns ? *run_ns : shared_ns) <= item->deadline_ns;
}

enum erc_status erc__sched_admit(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns)
{
	const struct erc__tenant *tenant = item->tenant;
	uint64_t run_ns;
	if (tenant->in_flight && tenant->item_count >= tenant->in_flight)
		return erc__fail(ERC_LIMIT, "%u requests of the session are in flight, as many as it may have", tenant->item_count);
	if (tenant->shed && tenant->class_ == ERC_REAL_TIME && !can_meet_deadline(sched, item, now_ns, &run_ns))
		return erc__fail(ERC_SHED, "the deadline cannot be met: a run takes about %llu us, behind what goes before it",
		                 (unsigned long long)(run_ns / 1000));
	return ERC_OK;
}
