/*
 * procstat.c - see procstat.h. Trusts the kernel's text; a missing line is an error, because a
 * check that cannot be made has failed.
 */
#include "sandbox/procstat.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool field(const char *text, const char *key, int base, uint64_t *out)
{
	const char *at = strstr(text, key);
	char *end;

	/* a key begins its line; the process's name, which it may choose, cannot hold a newline */
	if (at == NULL || at == text || at[-1] != '\n')
		return false;
	at += strlen(key);
	*out = strtoull(at, &end, base);
	return end != at;
}

enum stk_err stk_procstat_parse(const char *text, struct stk_cage_proof *out)
{
	uint64_t seccomp, filters, nnp, inh, prm, eff;

	memset(out, 0, sizeof(*out));
	if (!field(text, "Seccomp:", 10, &seccomp) || !field(text, "NoNewPrivs:", 10, &nnp) ||
	    !field(text, "CapInh:", 16, &inh) || !field(text, "CapPrm:", 16, &prm) ||
	    !field(text, "CapEff:", 16, &eff))
		return STK_E_FORMAT;
	out->seccomp = (int)seccomp;
	out->no_new_privs = (int)nnp;
	out->caps = inh | prm | eff;
	out->filters = field(text, "Seccomp_filters:", 10, &filters) ? (int)filters : -1;
	return STK_OK;
}

enum stk_err stk_procstat(pid_t pid, struct stk_cage_proof *out)
{
	char path[64], text[8192];
	STK_AUTO_CLOSE int fd = -1;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return STK_E_SYSTEM;
	n = read(fd, text, sizeof(text) - 1);
	if (n == -1)
		return STK_E_SYSTEM;
	text[n] = '\0';
	return stk_procstat_parse(text, out);
}

bool stk_procstat_proves(
    pid_t pid, int zygote_filters, struct stk_cage_proof *p, char why[static 512])
{
	enum stk_err e = stk_procstat(pid, p);

	if (e == STK_OK && p->seccomp == 2 && p->no_new_privs == 1 && p->caps == 0 &&
	    (p->filters == -1 || p->filters > zygote_filters))
		return true;
	(void)snprintf(why, 512,
	    "the child says its cage is shut, but /proc shows Seccomp %d with %d filters (its "
	    "zygote has %d), NoNewPrivs %d, capabilities %#" PRIx64 "%s; it was killed unstarted",
	    p->seccomp, p->filters, zygote_filters, p->no_new_privs, p->caps,
	    e == STK_OK ? "" : " (not readable)");
	return false;
}

int stk_oom_open(void)
{
	char text[4096], path[sizeof(text) + 64], *at, *end;
	STK_AUTO_CLOSE int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	/* cgroup v2's one line: 0::/path */
	at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (at == NULL)
		return -1;
	at = strchr(at, '/');
	if (at == NULL)
		return -1;
	end = strchr(at, '\n');
	if (end != NULL)
		*end = '\0';
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", at);
	return open(path, O_RDONLY | O_CLOEXEC);
}

uint64_t stk_oom_count(int fd)
{
	return stk_event_count(fd, "oom_kill ");
}

uint64_t stk_event_count(int fd, const char *key)
{
	char text[1024] = "\n"; /* a field begins a line */
	ssize_t n = fd == -1 ? -1 : pread(fd, text + 1, sizeof(text) - 2, 0);
	uint64_t count;

	if (n <= 0)
		return 0;
	text[n + 1] = '\0';
	return field(text, key, 10, &count) ? count : 0;
}
