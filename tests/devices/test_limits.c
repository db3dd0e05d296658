/* Limits of processor time, read from folders that the test makes as the kernel documents control groups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/devices/cpu_limits.h"
#include "tests/suite.h"

static char root[64];

static void put(const char *path, const char *text)
{
	char full[256];
	snprintf(full, sizeof full, "%s/%s", root, path);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	FILE *file = fopen(full, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static struct cpu_limits read_limits(void)
{
	char proc[128], mount[128];
	struct cpu_limits limits;
	snprintf(proc, sizeof proc, "%s/proc", root);
	snprintf(mount, sizeof mount, "%s/cgroup", root);
	erc__cpu_limits_read(&limits, proc, mount);
	return limits;
}

static void make_root(void)
{
	strcpy(root, "/tmp/erc-limits-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void remove_root(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", root);
	ck_assert_int_eq(system(command), 0);
}

static char lines[2048];

static void collect(void *user, enum erc_log_level level, const char *message)
{
	(void)user;
	size_t used = strlen(lines);
	snprintf(lines + used, sizeof lines - used, "%d %s\n", (int)level, message);
}

static void tell(const struct cpu_limits *limits, uint32_t cores)
{
	lines[0] = '\0';
	erc__cpu_limits_tell(limits, cores, collect, NULL);
}

START_TEST(nothing_there)
{
	struct cpu_limits limits = read_limits();
	ck_assert(limits.quota_cores == 0 && !limits.throttled && limits.weight == 100 && !limits.is_idle &&
	          !limits.has_autogroup);
	tell(&limits, 4);
	ck_assert_str_eq(lines, "");
	erc__cpu_limits_tell(&limits, 4, NULL, NULL);
}
END_TEST

/* The smallest quota of the group and its parents applies. */
START_TEST(version_2)
{
	put("proc/self/cgroup", "0::/pod/box\n");
	put("proc/sys/kernel/sched_autogroup_enabled", "1\n");
	put("cgroup/cpu.stat", "usage_usec 5\n");
	put("cgroup/pod/cpu.max", "150000 100000\n");
	put("cgroup/pod/cpu.weight", "7\n");
	put("cgroup/pod/cpu.idle", "1\n");
	put("cgroup/pod/box/cpu.max", "max 100000\n");
	put("cgroup/pod/box/cpu.weight", "50\n");
	put("cgroup/pod/box/cpu.idle", "0\n");
	put("cgroup/pod/box/cpu.stat", "usage_usec 1\nnr_periods 12\nnr_throttled 3\nthrottled_usec 9\n");
	struct cpu_limits limits = read_limits();
	ck_assert_double_eq_tol(limits.quota_cores, 1.5, 1e-9);
	ck_assert_double_eq_tol(limits.period_us, 100000, 1e-9);
	ck_assert_uint_eq(limits.throttled, 3);
	ck_assert_uint_eq(limits.weight, 50);
	ck_assert(limits.is_idle && limits.has_autogroup);
	tell(&limits, 2);
	ck_assert_ptr_nonnull(strstr(lines, "1 cpu: the control group is limited to the time of 1.50 of 2 cores"));
	ck_assert_ptr_nonnull(strstr(lines, "rest of 100 ms"));
	ck_assert_ptr_nonnull(strstr(lines, "stopped 3 times"));
	ck_assert_ptr_nonnull(strstr(lines, "idle one"));
	ck_assert_ptr_nonnull(strstr(lines, "weight is 50"));
	ck_assert_ptr_nonnull(strstr(lines, "autogroup"));
	tell(&limits, 1); /* more than one core */
	ck_assert_ptr_null(strstr(lines, "is limited to the time"));
	put("cgroup/pod/box/cpu.max", "20000 50000\n");
	ck_assert_double_eq_tol(read_limits().quota_cores, 0.4, 1e-9);
}
END_TEST

/* In a container the group is the root of the mounted hierarchy. */
START_TEST(root_group)
{
	put("proc/self/cgroup", "0::/\n");
	put("cgroup/cpu.max", "200000 100000\n");
	ck_assert_double_eq_tol(read_limits().quota_cores, 2, 1e-9);
}
END_TEST

START_TEST(version_1)
{
	put("proc/self/cgroup", "5:memory:/other\n3:cpuacct,cpu:/box\n1:name=systemd:/\n");
	put("cgroup/cpu/box/cpu.cfs_quota_us", "50000\n");
	put("cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
	put("cgroup/cpu/box/cpu.shares", "2048\n");
	put("cgroup/cpu/cpu.cfs_quota_us", "-1\n");
	put("cgroup/cpu/cpu.cfs_period_us", "100000\n");
	put("cgroup/memory/other/cpu.cfs_quota_us", "1\n");
	struct cpu_limits limits = read_limits();
	ck_assert_double_eq_tol(limits.quota_cores, 0.5, 1e-9);
	ck_assert_uint_eq(limits.weight, 200);
}
END_TEST

START_TEST(damaged_files)
{
	static const char *const groups[] = {"", "0", "0:", "0::", ":::::\n\n::/x\n", "0::/../..\n"};
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
		put("proc/self/cgroup", groups[i]);
		put("cgroup/cpu.max", i % 2 ? "max" : "-5 0");
		ck_assert(read_limits().quota_cores == 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *tcase = tcase_create("limits");
	tcase_add_checked_fixture(tcase, make_root, remove_root);
	tcase_add_test(tcase, nothing_there);
	tcase_add_test(tcase, version_2);
	tcase_add_test(tcase, root_group);
	tcase_add_test(tcase, version_1);
	tcase_add_test(tcase, damaged_files);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
