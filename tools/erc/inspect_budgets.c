/* `erc inspect --budgets`: the room profiles of an artifact's entries, and their curves. */
#include "schemas/artifact.h"
#include "tools/erc/inspect.h"

static const struct column profile_columns[] = {
	{"entry", NULL, CELL_TEXT},
	{"target", NULL, CELL_TEXT},
	{"budget", "budget", CELL_TEXT},
	{"units", "units", CELL_COUNT},
	{"latency_us", "latency", CELL_US},
	{"unit_us", "unit time", CELL_US},
	{"used_percent", "used %", CELL_NUMBER},
	{"units_within_1", "within 1 %", CELL_COUNT},
	{"units_within_5", "5 %", CELL_COUNT},
	{"units_within_10", "10 %", CELL_COUNT},
	{"memory_bytes_per_s", NULL, CELL_NUMBER},
};
static const struct column point_columns[] = {
	{"entry", NULL, CELL_TEXT},
	{"target", NULL, CELL_TEXT},
	{"budget", "budget", CELL_TEXT},
	{"units", "units", CELL_COUNT},
	{"latency_us", "latency", CELL_US},
	{"unit_us", "unit time", CELL_US},
	{"used_percent", "used %", CELL_NUMBER},
	{"speed", "speed", CELL_BAR},
};

struct profile_view {
	const erc_artifact *artifact;
	struct report *report;
	const struct erca_profile *profile;
	const struct erca_target *target;
	const struct erca_budget *budget;
	const char *entry_name, *target_name;
};

static struct profile_view view_of(const erc_artifact *artifact, struct report *report, uint32_t i)
{
	struct profile_view view = {.artifact = artifact, .report = report};
	view.profile = RECORD(artifact, PROFILES, struct erca_profile, i);
	const struct erca_entry *entry = RECORD(artifact, ENTRIES, struct erca_entry, view.profile->entry);
	view.target = RECORD(artifact, TARGETS, struct erca_target, entry->target);
	view.budget = RECORD(artifact, BUDGETS, struct erca_budget, view.profile->budget);
	view.entry_name = erc_artifact_string(artifact, entry->name);
	view.target_name = erc_artifact_string(artifact, view.target->name);
	return view;
}

/* Units, latency and unit time, and the share of the unit time that is work if the run is alone on the units. */
static void add_point_cells(const struct profile_view *view, const struct erca_point *point)
{
	double all_ns = (double)point->latency_ns * point->units;
	report_cell_text(view->report, "entry", "%s", view->entry_name);
	report_cell_text(view->report, "target", "%s", view->target_name);
	report_cell_text(view->report, "budget", "%s", erc_artifact_string(view->artifact, view->budget->name));
	report_cell(view->report, "units", point->units);
	report_cell(view->report, "latency_us", (double)point->latency_ns / 1e3);
	report_cell(view->report, "unit_us", (double)point->unit_ns / 1e3);
	report_cell(view->report, "used_percent", all_ns > 0 ? 100 * (double)view->profile->tile_ns / all_ns : 0);
}

static const struct erca_point *point_of(const struct profile_view *view, uint32_t i)
{
	return RECORD(view->artifact, POINTS, struct erca_point, view->profile->point_first + i);
}

static void add_profile(const struct profile_view *view)
{
	add_point_cells(view, point_of(view, view->profile->point_count - 1));
	report_cell(view->report, "units_within_1", view->profile->units_within_1);
	report_cell(view->report, "units_within_5", view->profile->units_within_5);
	report_cell(view->report, "units_within_10", view->profile->units_within_10);
	report_cell(view->report, "memory_bytes_per_s", (double)view->target->memory_bytes_per_s);
}

/* Speed is relative to the maximum number of units, where it is 1. */
static void add_curve(const struct profile_view *view)
{
	double best_ns = (double)point_of(view, view->profile->point_count - 1)->latency_ns;
	for (uint32_t i = 0; i < view->profile->point_count; i++) {
		const struct erca_point *point = point_of(view, i);
		add_point_cells(view, point);
		report_cell(view->report, "speed", point->latency_ns ? best_ns / (double)point->latency_ns : 1);
	}
}

/* The profiles of one entry are consecutive; each entry gets a table. */
static void for_each_profile(const erc_artifact *artifact, struct report *report, const char *key, const char *what,
                             const struct column *columns, size_t column_count,
                             void (*fn)(const struct profile_view *view))
{
	uint32_t entry = ERCA_NONE;
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_PROFILES); i++) {
		const struct profile_view view = view_of(artifact, report, i);
		char device[48] = "";
		if (view.target->units)
			snprintf(device, sizeof device, ", predicted for %u units", view.target->units);
		if (view.profile->entry != entry)
			report_table_titled(report, key, columns, column_count, "%s of %s on %s%s", what, view.entry_name,
			                    view.target_name, device);
		entry = view.profile->entry;
		fn(&view);
	}
}

/* Legend of these tables and of the table of targets. */
static void add_legend(struct report *report)
{
	static const char *const lines[][2] = {
		{"predicted", "for the device that the target stands for, which is not this machine: of a run alone on it."},
		{"units",
	     "the most units of a launch. \"all\" is as many as the device has on which it runs; predictions take as "
	     "many as the target's device has."},
		{"local", "the local memory of a unit that a tile may fill."},
		{"tiles", "of one run of each entry, all launches together; \"longest\" is the longest one's predicted time."},
		{"latency", "of a run on these units."},
		{"unit time",
	     "the time that the run holds units, summed over them: in each launch, the fewest units that reach "
	     "this latency."},
		{"used %", "the share of latency times units that is spent in tiles. The rest is idle."},
		{"within 1 %", "the fewest units whose latency is at most 1 % (5 %, 10 %) above that of the row."},
		{"speed", "relative to the budget's largest number of units, for which the bar is full."},
	};
	report_section(report, NULL, "what the columns mean");
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		report_fact_text(report, NULL, lines[i][0], "%s", lines[i][1]);
}

void inspect_profiles(const erc_artifact *artifact, struct report *report)
{
	for_each_profile(artifact, report, "profiles", "latency and units", profile_columns, COUNT_OF(profile_columns),
	                 add_profile);
	for_each_profile(artifact, report, "points", "latency against units", point_columns, COUNT_OF(point_columns),
	                 add_curve);
	if (erc_artifact_count(artifact, ERC_TABLE_PROFILES))
		add_legend(report);
}
