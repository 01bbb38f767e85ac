/*
 * mutation.c - the test of the tests: each layer of the wall switched off must let an attack
 * through, and each layer that the machine refuses must refuse every job.
 */
#include "tests/escape/driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A layer stands alone if something gets through without it. One that stands behind others shows
 * itself only when those are off too (@front): then what it still held is what counts. RLIMIT_NICE
 * and RLIMIT_RTPRIO have no row: they are zero for whoever starts unprivileged.
 */
static const struct layer {
	const char *name, *off, *front;
	bool caps, slow;
} layers[] = {
	{ "the big filter", "big", "look", false, false },
	{ "the tiny filter", "tiny", "look", false, false },
	{ "the worker's look at /proc (big filter off)", "look", "big", false, false },
	{ "the worker's look at /proc (tiny filter off)", "look", "tiny", false, false },
	{ "Landlock, the job's own", "landlock", NULL, false, false },
	{ "Landlock, the nursery's", "nursery.landlock", NULL, false, false },
	{ "Landlock's signal scope (filter off)", "scopes", "big+look", false, false },
	{ "Landlock's TCP rules (filter off)", "tcp", "big+look", false, false },
	{ "RLIMIT_AS", "as", NULL, false, false },
	{ "RLIMIT_CPU", "cpu", NULL, false, true },
	{ "RLIMIT_FSIZE", "fsize", NULL, false, false },
	{ "RLIMIT_NOFILE", "nofile", NULL, false, false },
	{ "RLIMIT_STACK", "stack", NULL, false, false },
	{ "RLIMIT_NPROC", "nproc", NULL, false, false },
	{ "RLIMIT_NPROC (filter off)", "nproc", "big+look", false, false },
	{ "RLIMIT_CORE", "core", NULL, false, false },
	{ "RLIMIT_MEMLOCK", "memlock", NULL, false, false },
	{ "RLIMIT_MSGQUEUE", "msgqueue", NULL, false, false },
	{ "RLIMIT_SIGPENDING", "sigpending", NULL, false, false },
	{ "RLIMIT_LOCKS", "locks", NULL, false, false },
	{ "dumpable 0", "dumpable", NULL, false, false },
	{ "the drop of capabilities", "caps", "look", true, false },
	{ "the closing of descriptors", "fds", NULL, false, false },
	{ "death with the worker", "pdeathsig", NULL, false, false },
	{ "MDWE (filter off)", "mdwe", "big+look", false, false },
};

static bool through(const struct seen *s)
{
	return s->verdict == V_THROUGH;
}

static const char *row_name(size_t row)
{
	return row < n_attacks ? attacks[row].name : specials[row - n_attacks].name;
}

/* What got through with @off that did not with @before; at most a line of names. */
static unsigned list(const struct seen *before, const struct seen *after, char *text, size_t size)
{
	unsigned n = 0;
	size_t at = 0;

	text[0] = '\0';
	for (size_t row = 0; row < N_ROWS; row++) {
		if (!through(&after[row]) || (before != NULL && through(&before[row])))
			continue;
		n++;
		if (n <= 6)
			at += (size_t)snprintf(
			    text + at, size - at, "%s%s", n > 1 ? ", " : "", row_name(row));
	}
	if (n > 6)
		(void)snprintf(text + at, size - at, " and %u more", n - 6);
	return n;
}

static void phase(
    const char *off, const struct layer *l, const struct scene *base, struct seen *seen)
{
	const struct variant v = {
		.name = off, .mutation = off, .caps = l->caps, .quick = !l->slow
	};

	phase_run(&v, base, 4, true, 1, seen);
}

static int try_layer(const struct layer *l, const struct scene *base)
{
	static struct seen before[ROWS_MAX], after[ROWS_MAX];
	char off[64], names[600];
	unsigned n, runs = 0;

	memset(before, 0, sizeof(before));
	memset(after, 0, sizeof(after));
	(void)snprintf(off, sizeof(off), "%s%s%s", l->front == NULL ? "" : l->front,
	    l->front == NULL ? "" : "+", l->off);
	if (l->front != NULL)
		phase(l->front, l, base, before);
	phase(off, l, base, after);
	for (size_t row = 0; row < N_ROWS; row++)
		runs += after[row].runs;
	if (runs == 0) {
		(void)printf(
		    "ok - without %s # SKIP user namespaces are not to be had here\n", l->name);
		return 0;
	}
	n = list(l->front == NULL ? NULL : before, after, names, sizeof(names));
	(void)printf("%s - without %-44s %4u got through%s%s\n", n > 0 ? "ok" : "not ok", l->name,
	    n, n > 0 ? ": " : "", names);
	(void)fflush(stdout);
	return n == 0;
}

int mutations_run(const struct scene *base)
{
	int failed = 0;

	for (size_t i = 0; i < STK_ARRAY_LEN(layers); i++)
		failed += try_layer(&layers[i], base);
	return failed;
}

/* --- layers that the machine refuses --------------------------------------------------------- */

static const struct {
	const char *call;
	int err;
	const char *says;   /* in the sentence of every refusal */
	const char *broker; /* or this one, where a broker stands in front of the job; or NULL */
} missing[] = {
	{ "landlock_create_ruleset", EPERM, "could not enter Landlock", NULL },
	{ "landlock_create_ruleset", ENOSYS, "could not enter Landlock", NULL },
	{ "landlock_add_rule", EPERM, "could not enter Landlock", NULL },
	{ "landlock_restrict_self", EPERM, "could not enter Landlock", NULL },
	{ "close_range", EPERM, "could not place descriptors", NULL },
	{ "close_range", ENOSYS, "could not place descriptors", NULL },
	{ "seccomp", EPERM, "could not build the filters", "could not build its filter" },
	{ "seccomp", ENOSYS, "could not build the filters", "could not build its filter" },
	{ "seccomp", EINVAL, "could not build the filters", "could not build its filter" },
	{ "prctl", EPERM, "follow the worker's death", NULL },
	{ "capset", EPERM, "drop capabilities", NULL },
	{ "prlimit64", EPERM, "set the fixed limits", "could not set its limits" },
	{ "rt_sigaction", EPERM, "install the signal handlers", NULL },
};

static bool says(size_t i, size_t row, const char *text)
{
	return strstr(text, missing[i].says) != NULL ||
	       (missing[i].broker != NULL && attacks[row].class_index == ESCAPE_NET &&
		   strstr(text, missing[i].broker) != NULL);
}

static int try_missing(size_t i, const struct scene *base)
{
	static struct seen seen[ROWS_MAX];
	struct variant v = {
		.name = missing[i].call, .outer = missing[i].call, .outer_errno = missing[i].err
	};
	const char *odd = NULL;
	unsigned refused = 0;

	memset(seen, 0, sizeof(seen));
	phase_run(&v, base, 4, true, 1, seen);
	for (size_t row = 0; row < n_attacks; row++) {
		if (seen[row].verdict == V_NOT_RUN)
			continue;
		if (seen[row].verdict == V_REFUSED && says(i, row, seen[row].text))
			refused++;
		else
			odd = seen[row].text;
	}
	(void)printf("%s - %s answers %s: %u attacks refused unrun by name: %s\n",
	    odd == NULL && refused > 0 ? "ok" : "not ok", missing[i].call,
	    strerrorname_np(missing[i].err), refused, odd == NULL ? missing[i].says : odd);
	(void)fflush(stdout);
	return odd != NULL || refused == 0;
}

int missing_layers_run(const struct scene *base)
{
	int failed = 0;

	for (size_t i = 0; i < STK_ARRAY_LEN(missing); i++)
		failed += try_missing(i, base);
	return failed;
}
