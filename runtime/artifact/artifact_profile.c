/* Checks the room profiles: one for each entry and budget, in order, each with its own points. They are predictions;
 * no limit of a run depends on them. */
#include "runtime/artifact/artifact_check.h"

/* Whether a latency is within the given number of percent of the best. */
static bool is_within(uint64_t latency_ns, uint64_t best_ns, uint32_t percent)
{
	return (unsigned __int128)latency_ns * 100 <= (unsigned __int128)best_ns * (100 + percent);
}

/* More units never make a point slower. Unit time lies between the time of the tiles and the time of all units. */
static enum erc_status check_points(const struct erc_artifact *artifact, const struct erca_profile *profile)
{
	const struct erca_point *last = NULL;
	for (uint32_t i = profile->point_first; i < profile->point_first + profile->point_count; i++) {
		const struct erca_point *point = erc__record(artifact, ERC_TABLE_POINTS, i);
		if (last ? point->units <= last->units : !point->units)
			return BAD("points", i, "units is %u after %u", point->units, last ? last->units : 0);
		if (last && point->latency_ns > last->latency_ns)
			return BAD("points", i, "latency_ns is %" PRIu64 ", more than with fewer units", point->latency_ns);
		if (point->unit_ns < profile->tile_ns || point->unit_ns > (unsigned __int128)point->units * point->latency_ns)
			return BAD("points", i, "unit_ns is %" PRIu64 ", expected %" PRIu64 " to %u x %" PRIu64, point->unit_ns,
			           profile->tile_ns, point->units, point->latency_ns);
		last = point;
	}
	return ERC_OK;
}

/* The knees (units_within_*) are not points themselves, but each point bounds them from one side. */
static enum erc_status check_knees(const struct erc_artifact *artifact, uint32_t i, const struct erca_profile *profile)
{
	const uint32_t end = profile->point_first + profile->point_count;
	const struct erca_point *last = erc__record(artifact, ERC_TABLE_POINTS, end - 1);
	const struct {
		uint32_t percent, units, max;
	} knees[] = {
		{1, profile->units_within_1, last->units},
		{5, profile->units_within_5, profile->units_within_1},
		{10, profile->units_within_10, profile->units_within_5},
	};
	for (size_t k = 0; k < ERC__COUNT(knees); k++) {
		if (!knees[k].units || knees[k].units > knees[k].max)
			return BAD("profiles", i, "units_within_%u is %u, expected 1 to %u", knees[k].percent, knees[k].units,
			           knees[k].max);
		for (uint32_t p = profile->point_first; p < end; p++) {
			const struct erca_point *point = erc__record(artifact, ERC_TABLE_POINTS, p);
			if (is_within(point->latency_ns, last->latency_ns, knees[k].percent) != (point->units >= knees[k].units))
				return BAD("profiles", i, "units_within_%u is %u, but points[%u] has %" PRIu64 " ns on %u units",
				           knees[k].percent, knees[k].units, p, point->latency_ns, point->units);
		}
	}
	return ERC_OK;
}

/* Checks profile i, of the entry's budget. Its points begin where the points of the profile before it end. */
static enum erc_status check_profile(const struct erc_artifact *artifact, uint32_t i, uint32_t entry_idx,
                                     uint32_t budget_idx, uint32_t *point_first)
{
	const struct erca_profile *profile = erc__record(artifact, ERC_TABLE_PROFILES, i);
	const struct erca_entry *entry = erc__record(artifact, ERC_TABLE_ENTRIES, entry_idx);
	const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, entry->target);
	const struct erca_budget *budget = erc__record(artifact, ERC_TABLE_BUDGETS, budget_idx);
	uint32_t max = budget->units ? budget->units : target->units;
	if (profile->entry != entry_idx || profile->budget != budget_idx)
		return BAD("profiles", i, "is of entry %u and budget %u, expected %u and %u", profile->entry, profile->budget,
		           entry_idx, budget_idx);
	TRY(erc__check_range(artifact, "profiles", i, ERC_TABLE_POINTS, profile->point_first, profile->point_count));
	if (profile->point_first != *point_first || !profile->point_count)
		return BAD("profiles", i, "has %u points from %u, expected some from %u", profile->point_count,
		           profile->point_first, *point_first);
	*point_first += profile->point_count;
	TRY(check_points(artifact, profile));
	const struct erca_point *last = erc__record(artifact, ERC_TABLE_POINTS, *point_first - 1);
	if (last->units != max)
		return BAD("profiles", i, "its last point is at %u units, but the budget has %u", last->units, max);
	return check_knees(artifact, i, profile);
}

enum erc_status erc__artifact_check_profiles(const struct erc_artifact *artifact)
{
	uint32_t count = artifact->tables[ERC_TABLE_PROFILES].count, points = artifact->tables[ERC_TABLE_POINTS].count;
	uint32_t at = 0, point_first = 0;
	for (uint32_t e = 0; count && e < artifact->tables[ERC_TABLE_ENTRIES].count; e++) {
		const struct erca_entry *entry = erc__record(artifact, ERC_TABLE_ENTRIES, e);
		const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, entry->target);
		for (uint32_t b = 0; b < target->budget_count; b++, at++) {
			if (at == count)
				return BAD("profiles", at, "is missing: entries[%u] has %u budgets", e, target->budget_count);
			TRY(check_profile(artifact, at, e, target->budget_first + b, &point_first));
		}
	}
	if (at != count)
		return BAD("profiles", at, "belongs to no entry");
	if (point_first != points)
		return BAD("points", point_first, "belongs to no profile");
	return ERC_OK;
}
