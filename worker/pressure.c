/*
 * pressure.c - see pressure.h. Files of the kernel's, read whole into a small buffer.
 */
#include "worker/pressure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RAISE_MS 60000

static bool slurp(const char *root, const char *path, char *out, size_t cap)
{
	char full[256];
	STK_AUTO_CLOSE int fd = -1;
	ssize_t n;

	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, out, cap - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* "some avg10=1.23 ...": whole percent; 0 where the kernel tells nothing. */
static int64_t waited(const char *root, const char *path)
{
	char text[256];
	const char *at = slurp(root, path, text, sizeof(text)) ? strstr(text, "some avg10=") : NULL;

	return at == NULL ? 0 : strtoll(at + strlen("some avg10="), NULL, 10);
}

static bool cgroup_full(const char *root)
{
	char used[64], most[64];
	int64_t limit;

	if (!slurp(root, "/sys/fs/cgroup/memory.current", used, sizeof(used)) ||
	    !slurp(root, "/sys/fs/cgroup/memory.max", most, sizeof(most)))
		return false;
	limit = strtoll(most, NULL, 10); /* "max": 0 */
	return limit > 100 && strtoll(used, NULL, 10) / (limit / 100) >= STK_PRESSURE_CGROUP;
}

static const char *cause_now(const char *root)
{
	if (waited(root, "/proc/pressure/memory") >= STK_PRESSURE_MEMORY)
		return "memory";
	if (cgroup_full(root))
		return "cgroup";
	return waited(root, "/proc/pressure/cpu") >= STK_PRESSURE_CPU ? "cpu" : NULL;
}

int64_t stk_pressure_factor(const struct stk_pressure *p)
{
	return p->factor == 0 ? STK_FACTOR_FULL : p->factor;
}

bool stk_pressure_look(struct stk_pressure *p, const char *root, int64_t now_ms)
{
	int64_t was = stk_pressure_factor(p), factor = was;

	if (now_ms < p->next_ms)
		return false;
	p->next_ms = now_ms + STK_PRESSURE_LOOK_MS;
	p->cause = cause_now(root);
	if (p->cause != NULL) {
		factor = was / 2;
		p->raise_ms = now_ms + RAISE_MS;
	} else if (was < STK_FACTOR_FULL && now_ms >= p->raise_ms) {
		factor = was + STK_FACTOR_FULL / 10;
		p->raise_ms = now_ms + RAISE_MS;
	}
	if (factor > STK_FACTOR_FULL)
		factor = STK_FACTOR_FULL;
	if (factor < STK_FACTOR_LEAST)
		factor = STK_FACTOR_LEAST;
	p->factor = factor;
	return factor != was;
}
