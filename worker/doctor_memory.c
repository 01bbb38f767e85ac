/*
 * doctor_memory.c - see doctor.h: whether all workers' largest jobs together fit the memory that
 * this service may use. In a container whose cgroup ends as a group, one job too many ends the
 * worker with it.
 */
#include "worker/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Measured at rest, rounded up: W 6 MiB, M 3 MiB, Z 6 MiB, and the payload's copies. */
#define WORKER_BYTES     (32ull << 20)
#define SUPERVISOR_BYTES (16ull << 20)

static bool read_text(const char *path, char *out, size_t size)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return n > 0;
}

/* The number in @dir/@file, UINT64_MAX for "max", false where there is none. */
static bool read_number(const char *dir, const char *file, uint64_t *out)
{
	char path[512], text[64], *end;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (!read_text(path, text, sizeof(text)))
		return false;
	if (strcmp(text, "max") == 0) {
		*out = UINT64_MAX;
		return true;
	}
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

static void take(const char *dir, const char *file, struct stk_memory_limit *out)
{
	uint64_t bytes, group = 0;

	if (!read_number(dir, file, &bytes) || bytes >= out->bytes)
		return;
	out->bytes = bytes;
	out->group = read_number(dir, "memory.oom.group", &group) && group == 1;
	(void)snprintf(out->where, sizeof(out->where), "%.200s/%s", dir, file);
}

static uint64_t machine_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

void stk_memory_limit(const char *mount, const char *own, struct stk_memory_limit *out)
{
	char dir[400];
	size_t root = strlen(mount);
	int n = snprintf(dir, sizeof(dir), "%s%s", mount, own);

	*out = (struct stk_memory_limit){ .bytes = machine_bytes() };
	(void)snprintf(out->where, sizeof(out->where), "the machine");
	if (n < 0 || (size_t)n >= sizeof(dir))
		return;
	for (;;) {
		char *slash;

		take(dir, "memory.max", out);
		slash = strrchr(dir, '/');
		if (slash == NULL || (size_t)(slash - dir) < root)
			break;
		*slash = '\0';
	}
	(void)snprintf(dir, sizeof(dir), "%s/memory", mount);
	take(dir, "memory.limit_in_bytes", out);
}

static uint64_t largest_job(const struct stk_config *c, const struct stk_class_table *t)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < t->head.n_classes; i++) {
		struct stk_limits l = stk_config_clamp(c, &t->classes[i].ask);

		if (l.mem_bytes > most)
			most = l.mem_bytes;
	}
	return most;
}

void stk_doctor_memory(const struct stk_config *c, const struct stk_class_table *t,
    const struct stk_memory_limit *limit, struct stk_findings *f)
{
	uint64_t job = largest_job(c, t), workers = (uint64_t)c->concurrency;
	uint64_t sum = workers * (job + WORKER_BYTES) + SUPERVISOR_BYTES;
	bool fits = sum <= limit->bytes;
	struct stk_finding *v = stk_find(f,
	    fits           ? STK_GRADE_OK
	    : limit->group ? STK_GRADE_REFUSE
			   : STK_GRADE_WARN,
	    STK_AREA_HOST, "memory",
	    "%llu workers x (%llu + %llu MiB) + %llu MiB %s %llu MiB (%s)%s",
	    (unsigned long long)workers, (unsigned long long)(job >> 20), WORKER_BYTES >> 20,
	    SUPERVISOR_BYTES >> 20, fits ? "fit" : "do not fit",
	    (unsigned long long)(limit->bytes >> 20), limit->where,
	    !fits && limit->group ? "; memory.oom.group: one job ends them all" : "");

	if (!fits)
		stk_find_fix(v, "fewer workers, a lower ceiling.memory, or more memory: %llu MiB",
		    (unsigned long long)(sum >> 20));
}
