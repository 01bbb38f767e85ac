/*
 * test_memory_sum.c - which limit counts, and whether the jobs fit: over trees of files as cgroup
 * v2, v1 and a machine without either write them, and over the real ones.
 */
#include "tests/harness.h"

#include "worker/memory_sum.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[256];

static void file(const char *path, const char *text)
{
	char full[700];
	int fd;

	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(full, 0700);
		*p = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd != -1);
	assert_int_equal(stk_write_all(fd, text, strlen(text)), STK_OK);
	(void)close(fd);
}

/* A fresh tree for each case. */
static void plant(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(root, sizeof(root), "%s/memory-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(root));
}

static void fell(void)
{
	char command[300];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
}

static struct stk_class_desc classes[2] = {
	{ .name = "Small", .ask = { .mem_bytes = UINT64_C(64) << 20 } },
	{ .name = "Large", .ask = { .mem_bytes = UINT64_C(300) << 20 } },
};
static const struct stk_class_table table = { .head = { .n_classes = 2 }, .classes = classes };

static struct stk_memory_sum sum(int64_t concurrency, int64_t ceiling, char why[512])
{
	struct stk_config c = { .concurrency = concurrency };
	struct stk_memory_sum s;

	memset(&c.ceiling, 0x7f, sizeof(c.ceiling));
	c.ceiling.memory_bytes = ceiling;
	stk_memory_sum(&c, &table, root, &s, why, 512);
	return s;
}

static void the_least_limit_of_the_chain_counts(void **state)
{
	struct stk_memory_sum s;
	char why[512];

	(void)state;
	plant();
	file("/proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n");
	file("/proc/self/cgroup", "0::/kubepods/pod1/box\n");
	file("/sys/fs/cgroup/kubepods/memory.max", "4294967296\n");
	file("/sys/fs/cgroup/kubepods/pod1/memory.max", "1073741824\n");
	file("/sys/fs/cgroup/kubepods/pod1/box/memory.max", "max\n");
	s = sum(1, INT64_MAX, why);
	assert_int_equal(s.source, STK_MEMORY_GROUP);
	assert_int_equal(s.limit, 1 << 30);
	assert_non_null(strstr(s.where, "/kubepods/pod1/memory.max"));
	assert_string_equal(s.job_class, "Large");
	assert_true(s.fits);
	s = sum(3, INT64_MAX, why);
	assert_int_equal(s.need, 3 * ((UINT64_C(300) << 20) + STK_MEMORY_BESIDE));
	assert_true(s.fits); /* 948 of 1024 MiB */
	s = sum(4, INT64_MAX, why);
	assert_false(s.fits);
	assert_non_null(strstr(why, "MEMORY_SUM: 4 x (300 MiB for a job of class Large"));
	assert_non_null(strstr(why, "1024 MiB"));
	assert_false(s.all_end);
	/* the file of the group whose limit counts, not of those below or above it */
	file("/sys/fs/cgroup/kubepods/pod1/box/memory.oom.group", "1\n");
	assert_false(sum(4, INT64_MAX, why).all_end);
	file("/sys/fs/cgroup/kubepods/pod1/memory.oom.group", "1\n");
	assert_true(sum(4, INT64_MAX, why).all_end);
	s = sum(4, 64 << 20, why); /* the ceiling makes it fit */
	assert_true(s.fits);
	fell();
}

/* A class's program has as much address space as its handler, at the same time. */
static void a_class_with_a_program_counts_twice(void **state)
{
	struct stk_memory_sum s;
	char why[512];

	(void)state;
	plant();
	file("/proc/meminfo", "MemTotal: 8388608 kB\n");
	file("/proc/self/cgroup", "0::/box\n");
	file("/sys/fs/cgroup/box/memory.max", "536870912\n");
	assert_true(sum(1, INT64_MAX, why).fits); /* 340 of 512 MiB */
	classes[1].profiles = STK_PROFILE_EXEC;
	s = sum(1, INT64_MAX, why);
	classes[1].profiles = STK_PROFILE_PURE;
	assert_int_equal(s.job, UINT64_C(600) << 20);
	assert_false(s.fits);
	fell();
}

static void version_1_and_a_namespace_are_understood(void **state)
{
	struct stk_memory_sum s;
	char why[512];

	(void)state;
	plant();
	file("/proc/meminfo", "MemTotal: 8388608 kB\n");
	file("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n");
	/* inside a container the group of the file is the root of what is mounted */
	file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
	s = sum(1, INT64_MAX, why);
	assert_int_equal(s.source, STK_MEMORY_GROUP);
	assert_int_equal(s.limit, 512 << 20);
	file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	s = sum(1, INT64_MAX, why);
	assert_int_equal(s.source, STK_MEMORY_MACHINE);
	assert_int_equal(s.limit, UINT64_C(8) << 30);
	fell();
}

/* A limit above what the machine has limits nothing. */
static void the_machine_counts_where_it_is_less(void **state)
{
	struct stk_memory_sum s;
	char why[512];

	(void)state;
	plant();
	file("/proc/meminfo", "MemTotal: 262144 kB\n");
	file("/proc/self/cgroup", "0::/a\n");
	file("/sys/fs/cgroup/a/memory.max", "1073741824\n");
	s = sum(1, INT64_MAX, why);
	assert_int_equal(s.source, STK_MEMORY_MACHINE);
	assert_false(s.fits);
	fell();
}

static void nothing_to_read_refuses_nothing(void **state)
{
	struct stk_memory_sum s;
	char why[512];

	(void)state;
	plant();
	file("/proc/self/cgroup", "0::/a\n");
	file("/sys/fs/cgroup/a/memory.max", "junk\n");
	s = sum(256, INT64_MAX, why);
	assert_int_equal(s.source, STK_MEMORY_UNKNOWN);
	assert_true(s.fits);
	assert_non_null(strstr(why, "could be read"));
	fell();
}

static void this_machine_has_a_limit(void **state)
{
	struct stk_memory_sum s;
	char why[512];

	(void)state;
	root[0] = '\0';
	s = sum(1, INT64_MAX, why);
	assert_int_not_equal(s.source, STK_MEMORY_UNKNOWN);
	assert_true(s.limit > UINT64_C(64) << 20);
	s = sum(1 << 30, INT64_MAX, why);
	assert_false(s.fits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_limit_of_the_chain_counts),
		cmocka_unit_test(a_class_with_a_program_counts_twice),
		cmocka_unit_test(version_1_and_a_namespace_are_understood),
		cmocka_unit_test(the_machine_counts_where_it_is_less),
		cmocka_unit_test(nothing_to_read_refuses_nothing),
		cmocka_unit_test(this_machine_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
