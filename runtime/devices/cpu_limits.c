/* Limits that the system sets for the process. A container's share of processor time can make deadlines impossible,
 * and the runtime cannot change that. So it reads the control groups once (version 2, and version 1 where that is
 * mounted) and reports them in the log. */
#include "runtime/devices/cpu_limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads the beginning of the file as text; returns 0 if it cannot be read. */
static int read_text(const char *path, char *text, size_t bytes)
{
	FILE *file = fopen(path, "r");
	size_t count = file ? fread(text, 1, bytes - 1, file) : 0;
	if (file)
		fclose(file);
	text[count] = '\0';
	return count != 0;
}

static int read_file(const char *folder, const char *name, char *text, size_t bytes)
{
	char path[2 * CPU_LIMITS_PATH];
	int length = snprintf(path, sizeof path, "%s/%s", folder, name);
	return length > 0 && (size_t)length < sizeof path && read_text(path, text, bytes);
}

static uint64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void note_quota(struct cpu_limits *limits, double quota_us, double period_us)
{
	if (quota_us <= 0 || period_us <= 0)
		return;
	double cores = quota_us / period_us;
	if (!limits->quota_cores || cores < limits->quota_cores) {
		limits->quota_cores = cores;
		limits->period_us = period_us;
	}
}

/* Reads one group, of either version. */
static void read_group(struct cpu_limits *limits, const char *folder, bool is_own)
{
	char text[4096], period[64];
	double quota_us = 0, period_us = 0;
	if (read_file(folder, "cpu.max", text, sizeof text) && sscanf(text, "%lf %lf", &quota_us, &period_us) == 2)
		note_quota(limits, quota_us, period_us);
	if (read_file(folder, "cpu.cfs_quota_us", text, sizeof text) &&
	    read_file(folder, "cpu.cfs_period_us", period, sizeof period))
		note_quota(limits, strtod(text, NULL), strtod(period, NULL));
	if (read_file(folder, "cpu.idle", text, sizeof text))
		limits->is_idle |= strtol(text, NULL, 10) != 0;
	if (read_file(folder, "cpu.stat", text, sizeof text))
		limits->throttled += number_after(text, "nr_throttled ");
	if (!is_own)
		return;
	if (read_file(folder, "cpu.weight", text, sizeof text))
		limits->weight = (uint32_t)strtoul(text, NULL, 10);
	else if (read_file(folder, "cpu.shares", text, sizeof text)) /* shares of 1024 correspond to weight 100 */
		limits->weight = (uint32_t)(strtoul(text, NULL, 10) * 100 / 1024);
}

/* Reads the group and all groups above it, because the limits of each apply. */
static void read_groups(struct cpu_limits *limits, const char *mount, const char *group)
{
	char folder[CPU_LIMITS_PATH];
	int length = snprintf(folder, sizeof folder, "%s%s", mount, strcmp(group, "/") ? group : "");
	if (length < 0 || (size_t)length >= sizeof folder)
		return;
	for (bool is_own = true;; is_own = false) {
		read_group(limits, folder, is_own);
		char *last = strrchr(folder + strlen(mount), '/');
		if (!last)
			return;
		*last = '\0';
	}
}

/* A line of /proc/self/cgroup is "number:controllers:group". In version 2 the controllers are empty. */
static void read_line(struct cpu_limits *limits, const char *line, const char *mount)
{
	char controllers[256] = "", group[CPU_LIMITS_PATH], folder[CPU_LIMITS_PATH], *rest;
	const char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	if (!second || (size_t)(second - first) > sizeof controllers || strlen(second + 1) >= sizeof group)
		return;
	memcpy(controllers, first + 1, (size_t)(second - first - 1));
	strcpy(group, second + 1);
	if (!controllers[0])
		read_groups(limits, mount, group);
	for (char *name = strtok_r(controllers, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		if (!strcmp(name, "cpu") && snprintf(folder, sizeof folder, "%s/cpu", mount) > 0)
			read_groups(limits, folder, group);
}

void erc__cpu_limits_read(struct cpu_limits *limits, const char *proc, const char *mount)
{
	char text[8192], *rest;
	*limits = (struct cpu_limits){.weight = 100};
	if (read_file(proc, "sys/kernel/sched_autogroup_enabled", text, sizeof text))
		limits->has_autogroup = strtol(text, NULL, 10) != 0;
	if (!read_file(proc, "self/cgroup", text, sizeof text))
		return;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		read_line(limits, line, mount);
}

void erc__cpu_limits_tell(const struct cpu_limits *limits, uint32_t cores, erc_log_fn log, void *user)
{
	char text[320];
#define SAY(level, ...) (snprintf(text, sizeof text, "cpu: " __VA_ARGS__), log(user, level, text))
	if (!log)
		return;
	if (limits->quota_cores && limits->quota_cores < cores)
		SAY(ERC_LOG_WARNING,
		    "the control group is limited to the time of %.2f of %u cores: once it is used up, all threads stop for "
		    "the rest of %.0f ms, and deadlines are missed",
		    limits->quota_cores, cores, limits->period_us / 1000);
	if (limits->throttled)
		SAY(ERC_LOG_WARNING, "the control group has been stopped %" PRIu64 " times so far because its time was used up",
		    limits->throttled);
	if (limits->is_idle)
		SAY(ERC_LOG_WARNING,
		    "the control group is an idle one: even real-time work runs only when no other group wants the core");
	if (limits->weight != 100)
		SAY(ERC_LOG_INFO,
		    "the control group's weight is %u (the default is 100): competing groups share cores by weight",
		    limits->weight);
	if (limits->has_autogroup)
		SAY(ERC_LOG_INFO,
		    "the system schedules sessions as groups (autogroup): best-effort threads yield only to threads of this "
		    "session, and compete with those of other sessions");
#undef SAY
}
