/*
 * self.c - see self.h.
 */
#include "worker/self.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 1000

void stk_self_open(struct stk_self *s)
{
	*s = (struct stk_self){ .statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC) };
}

void stk_self_close(struct stk_self *s)
{
	stk_close(&s->statm);
}

int64_t stk_self_cpu_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* "size resident shared ..." in pages. */
bool stk_self_rss(const struct stk_self *s, uint64_t *bytes)
{
	char text[128], *end;
	ssize_t n = s->statm == -1 ? -1 : pread(s->statm, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	(void)strtoull(text, &end, 10);
	*bytes = strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
	return *end == ' ';
}

void stk_self_tell(struct stk_self *s, struct stk_meter *m, const char *role, int64_t now_ms)
{
	int64_t cpu;
	uint64_t rss;

	if (m == NULL || now_ms < s->next_ms)
		return;
	s->next_ms = now_ms + PAUSE_MS;
	cpu = stk_self_cpu_ms();
	stk_meter_add(m, STK_METRIC_PROCESS_CPU, role, "", 0, (uint64_t)(cpu - s->cpu_ms));
	s->cpu_ms = cpu;
	if (stk_self_rss(s, &rss))
		stk_meter_set(m, STK_METRIC_PROCESS_RSS, role, "", 0, rss);
}
