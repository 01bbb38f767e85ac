/*
 * memory_sum.c - see memory_sum.h. What the kernel says is believed; what cannot be read limits
 * nothing.
 */
#include "worker/memory_sum.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cgroup v1 writes "no limit" as the largest page-aligned number. */
#define NO_LIMIT (UINT64_C(1) << 60)

static bool read_text(const char *path, char *text, size_t size)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* "max" and what is no number limit nothing. */
static void consider(struct stk_memory_sum *s, const char *dir, const char *file)
{
	char path[1400], text[64], *end;
	uint64_t limit;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);

	if (!read_text(path, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return;
	errno = 0;
	limit = strtoull(text, &end, 10);
	if (errno != 0 || end == text || limit >= NO_LIMIT)
		return;
	if (s->source == STK_MEMORY_GROUP && limit >= s->limit)
		return;
	s->source = STK_MEMORY_GROUP;
	s->limit = limit;
	(void)snprintf(s->where, sizeof(s->where), "%.255s", path);
	(void)snprintf(path, sizeof(path), "%s/memory.oom.group", dir);
	s->all_end = read_text(path, text, sizeof(text)) && text[0] == '1';
}

/* @group and every group above it, up to @mount itself. */
static void climb(struct stk_memory_sum *s, const char *mount, const char *group, const char *file)
{
	char at[1024], dir[1300];
	char *slash;

	(void)snprintf(at, sizeof(at), "%s", group);
	for (;;) {
		(void)snprintf(dir, sizeof(dir), "%s%s", mount, at);
		consider(s, dir, file);
		slash = strrchr(at, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

/* One line of /proc/self/cgroup: "0::/a/b", or "4:memory:/a/b" of version 1. */
static void take_line(struct stk_memory_sum *s, const char *root, const char *line)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	const char *controllers = strchr(line, ':');
	const char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
	char mount[512];
	size_t n;

	if (group == NULL || group[1] != '/')
		return;
	n = (size_t)(group - controllers - 1);
	if (n == 0) {
		for (size_t i = 0; i < STK_ARRAY_LEN(mounts); i++) {
			(void)snprintf(mount, sizeof(mount), "%s%s", root, mounts[i]);
			climb(s, mount, group + 1, "memory.max");
		}
	} else if (n == strlen("memory") && strncmp(controllers + 1, "memory", n) == 0) {
		(void)snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/memory", root);
		climb(s, mount, group + 1, "memory.limit_in_bytes");
	}
}

static void find_group(struct stk_memory_sum *s, const char *root)
{
	char path[512], text[8192], *line, *rest = text;

	(void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	if (!read_text(path, text, sizeof(text)))
		return;
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(s, root, line);
}

static void find_machine(struct stk_memory_sum *s, const char *root)
{
	char path[512], text[4096];
	unsigned long long kib;
	const char *at;

	(void)snprintf(path, sizeof(path), "%s/proc/meminfo", root);
	at = read_text(path, text, sizeof(text)) ? strstr(text, "MemTotal:") : NULL;
	if (at == NULL || sscanf(at, "MemTotal: %llu kB", &kib) != 1)
		return;
	if (s->source == STK_MEMORY_GROUP && s->limit <= kib << 10)
		return;
	s->source = STK_MEMORY_MACHINE;
	s->limit = kib << 10;
	s->all_end = false;
	(void)snprintf(s->where, sizeof(s->where), "MemTotal in %.230s", path);
}

static void find_job(
    struct stk_memory_sum *s, const struct stk_config *c, const struct stk_class_table *t)
{
	for (uint32_t i = 0; i < t->head.n_classes; i++) {
		uint64_t bytes = stk_config_clamp(c, &t->classes[i].ask).mem_bytes;

		/* a class's program runs beside its handler, with a limit as large of its own */
		if ((t->classes[i].profiles & STK_PROFILE_EXEC) != 0)
			bytes *= 2;
		if (bytes <= s->job)
			continue;
		s->job = bytes;
		s->job_class = t->classes[i].name;
	}
}

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

void stk_memory_sum(const struct stk_config *c, const struct stk_class_table *t, const char *root,
    struct stk_memory_sum *out, char *why, size_t why_size)
{
	memset(out, 0, sizeof(*out));
	out->source = STK_MEMORY_UNKNOWN;
	out->job_class = "none";
	find_job(out, c, t);
	out->need = (uint64_t)c->concurrency * (out->job + STK_MEMORY_BESIDE);
	find_group(out, root);
	find_machine(out, root);
	out->fits = out->source == STK_MEMORY_UNKNOWN || out->need <= out->limit;
	if (out->source == STK_MEMORY_UNKNOWN)
		(void)snprintf(
		    why, why_size, "neither a cgroup's memory limit nor MemTotal could be read");
	else if (out->fits)
		(void)snprintf(why, why_size,
		    "%" PRId64 " x (%" PRIu64 " MiB for a job of class %s + %" PRIu64
		    " MiB for its worker) fit into %" PRIu64 " MiB (%s)",
		    c->concurrency, mib(out->job), out->job_class, mib(STK_MEMORY_BESIDE),
		    mib(out->limit), out->where);
	else
		(void)snprintf(why, why_size,
		    "MEMORY_SUM: %" PRId64 " x (%" PRIu64 " MiB for a job of class %s + %" PRIu64
		    " MiB for its worker) do not fit into %" PRIu64
		    " MiB (%s): the kernel would end jobs or the whole service; lower concurrency "
		    "or ceiling.memory, or raise the limit",
		    c->concurrency, mib(out->job), out->job_class, mib(STK_MEMORY_BESIDE),
		    mib(out->limit), out->where);
}
