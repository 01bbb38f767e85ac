/*
 * exporter.c - see exporter.h: how E comes to life, and what it answers.
 */
#include "worker/exporter.h"

#include "sandbox/fds.h"
#include "sandbox/follow.h"
#include "sandbox/landlock.h"
#include "sandbox/limits.h"
#include "worker/cli/cli.h"
#include "worker/exposition.h"
#include "worker/health.h"
#include "worker/log.h"
#include "worker/self.h"
#include "worker/title.h"
#include "worker/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FRESH_MS   500          /* a text this young is given out again: floods cost no rendering */
#define NICE       10           /* jobs come first */
#define MEMORY_MAX (256u << 20) /* address space beside the pages */

struct page {
	const struct stk_pulse *pulse;
	const struct stk_sheet *sheet;
};

struct stk_exporter {
	const struct stk_config *config;
	struct page supervisor, *workers; /* n of them */
	size_t n;
	struct stk_pulse_view *views;
	struct stk_exposed *exposed;
	struct stk_text text;
	int64_t rendered_ms;
	struct stk_self self;
	int landlock_abi;
	uint64_t answered[4], cut; /* by place in paths[]; the last: others */
	char line[256];
};

static const char *const paths[] = { "/metrics", "/livez", "/readyz" };

/* --- answers -------------------------------------------------------------------------------------
 */

static void look(struct stk_exporter *e, struct stk_service *s)
{
	*s = (struct stk_service){
		.now_ms = stk_monotonic_ms(),
		.stuck_after_ms = e->config->stuck_after_ms,
		.workers = e->views,
		.n = e->n,
	};
	stk_pulse_look(e->supervisor.pulse, &s->supervisor);
	for (size_t i = 0; i < e->n; i++)
		stk_pulse_look(e->workers[i].pulse, &e->views[i]);
}

static void add_own(struct stk_exporter *e, uint64_t ready)
{
	struct stk_exposed *x = e->exposed;
	char abi[16];
	uint64_t rss;

	(void)snprintf(abi, sizeof(abi), "%d", e->landlock_abi > 0 ? e->landlock_abi : 0);
	stk_exposed_set(x, STK_METRIC_BUILD_INFO, STOCKADE_VERSION, abi, 1);
	stk_exposed_set(x, STK_METRIC_WORKERS, "ready", "", ready);
	stk_exposed_set(x, STK_METRIC_WORKERS, "absent", "", e->n - ready);
	for (size_t i = 0; i < STK_ARRAY_LEN(e->answered); i++)
		stk_exposed_set(x, STK_METRIC_SCRAPES,
		    i < STK_ARRAY_LEN(paths) ? paths[i] : STK_SHEET_OTHER, "", e->answered[i]);
	stk_exposed_set(x, STK_METRIC_ROWS_LEFT_OUT, "", "", x->malformed);
	stk_exposed_set(x, STK_METRIC_CUT, "", "", e->cut);
	stk_exposed_set(x, STK_METRIC_PROCESS_CPU, "exporter", "", (uint64_t)stk_self_cpu_ms());
	if (stk_self_rss(&e->self, &rss))
		stk_exposed_set(x, STK_METRIC_PROCESS_RSS, "exporter", "", rss);
}

static void render(struct stk_exporter *e)
{
	int64_t now = stk_monotonic_ms();
	struct stk_service s;
	uint64_t ready = 0;

	if (e->rendered_ms != 0 && now - e->rendered_ms < FRESH_MS)
		return;
	look(e, &s);
	stk_exposed_clear(e->exposed);
	stk_exposed_merge(e->exposed, e->supervisor.sheet, true);
	for (size_t i = 0; i < e->n; i++) {
		bool alive = (e->views[i].health & STK_HEALTH_REGISTERED) != 0;

		ready += alive;
		stk_exposed_merge(e->exposed, e->workers[i].sheet, alive);
	}
	add_own(e, ready);
	e->text.len = 0;
	e->text.sour = false;
	stk_exposed_render(e->exposed, &e->text);
	e->rendered_ms = stk_monotonic_ms(); /* a text that takes its time is not made for each */
}

static void answer_metrics(struct stk_exporter *e, struct stk_page *out)
{
	render(e);
	if (e->text.sour) {
		*out = (struct stk_page){ .status = 500,
			.type = "text/plain",
			.body = stk_span_str("no memory for it\n") };
		return;
	}
	*out = (struct stk_page){ .status = 200,
		.type = "text/plain; version=0.0.4; charset=utf-8",
		.body = stk_span_of(e->text.p, e->text.len) };
}

static void answer_health(struct stk_exporter *e, bool ready, struct stk_page *out)
{
	struct stk_service s;
	enum stk_unwell u;

	look(e, &s);
	u = ready ? stk_service_ready(&s) : stk_service_alive(&s);
	(void)snprintf(e->line, sizeof(e->line), "%s%s%s\n",
	    u == STK_WELL ? "" : stk_unwell_text(u), u == STK_WELL ? "" : ": ",
	    stk_unwell_sentence(u));
	*out = (struct stk_page){ .status = u == STK_WELL ? 200 : 503,
		.type = "text/plain",
		.body = stk_span_str(e->line) };
}

void stk_exporter_answer(struct stk_exporter *e, const char *path, struct stk_page *out)
{
	size_t i = 0;

	while (i < STK_ARRAY_LEN(paths) && (path == NULL || strcmp(path, paths[i]) != 0))
		i++;
	e->answered[i]++;
	if (i == 0)
		answer_metrics(e, out);
	else if (i < STK_ARRAY_LEN(paths))
		answer_health(e, i == 2, out);
	else
		*out = (struct stk_page){ .status = 404,
			.type = "text/plain",
			.body = stk_span_str("there are /metrics, /livez and /readyz\n") };
}

void stk_exporter_note_cut(struct stk_exporter *e)
{
	e->cut++;
}

/* --- life ----------------------------------------------------------------------------------------
 */

static const struct stk_sheet *map_sheet(int fd)
{
	void *p = mmap(NULL, sizeof(struct stk_sheet), PROT_READ, MAP_SHARED, fd, STK_SHEET_AT);

	if (p == MAP_FAILED)
		return NULL;
	return p;
}

static bool map_page(int fd, struct page *out)
{
	out->sheet = map_sheet(fd);
	out->pulse = stk_pulse_map(fd);
	return out->sheet != NULL && out->pulse != NULL;
}

static bool map_pages(struct stk_exporter *e, const struct stk_exporter_start *start)
{
	if (start->n_fds < 3)
		return false;
	e->n = start->n_fds - 2;
	e->workers = calloc(e->n, sizeof(*e->workers));
	e->views = calloc(e->n, sizeof(*e->views));
	e->exposed = calloc(1, sizeof(*e->exposed));
	if (e->workers == NULL || e->views == NULL || e->exposed == NULL ||
	    !map_page(start->fds[1], &e->supervisor))
		return false;
	for (size_t i = 0; i < e->n; i++)
		if (!map_page(start->fds[i + 2], &e->workers[i]))
			return false;
	return true;
}

/* Nothing it was born with stays open but the log, its socket and a look at itself. */
static bool let_go(struct stk_exporter *e, int listener)
{
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, listener, e->self.statm };
	size_t n = STK_ARRAY_LEN(keep) - (e->self.statm == -1 ? 1 : 0);

	if (stk_fds_arrange(keep, n) != STK_OK)
		return false;
	e->self.statm = e->self.statm == -1 ? -1 : (int)STK_ARRAY_LEN(keep) - 1;
	return true;
}

static bool limit(int resource, rlim_t n)
{
	const struct rlimit r = { n, n };

	return syscall(SYS_prlimit64, 0, resource, &r, NULL) == 0;
}

/* What it has now, and its connections: accept() itself says when there are too many. */
static bool limit_itself(const struct stk_exporter *e, const char **step)
{
	int next;
	rlim_t pages = (rlim_t)(e->n + 1) * (STK_SHEET_AT + sizeof(struct stk_sheet));

	(void)setpriority(PRIO_PROCESS, 0, NICE);
	*step = "limit itself";
	next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (next == -1 || close(next) == -1 ||
	    !limit(RLIMIT_NOFILE, (rlim_t)next + STK_EXPORTER_CONNECTIONS) ||
	    !limit(RLIMIT_NPROC, 0))
		return false;
#if !defined(__SANITIZE_ADDRESS__)
	if (!limit(RLIMIT_AS, pages + MEMORY_MAX))
		return false;
#else
	(void)pages;
#endif
	return stk_limits_fixed(step) == STK_OK && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static int cannot(const char *step)
{
	return stk_complain(STK_EX_OS, "the exporter cannot %s: %s", step, strerror(errno));
}

static struct stk_http *come_alive(
    struct stk_exporter *e, const struct stk_exporter_start *start, const char **step)
{
	struct stk_http *h = NULL;

	*step = "follow its supervisor";
	if (stk_follow(start->supervisor) == -1)
		return NULL;
	(void)prctl(PR_SET_NAME, "stockade-export", 0, 0, 0);
	stk_title_set("Exporting");
	*step = "map the pages of counters";
	if (!map_pages(e, start))
		return NULL;
	stk_self_open(&e->self);
	*step = "let go of what is not its own";
	if (!let_go(e, start->fds[0]))
		return NULL;
	*step = "start to serve";
	if (stk_http_open(e, STDERR_FILENO + 1, &h) != STK_OK || !limit_itself(e, step) ||
	    stk_walls_exporter(e->config, step) != STK_OK)
		return NULL;
	return h;
}

int stk_exporter_main(const struct stk_exporter_start *start)
{
	static struct stk_exporter exporter; /* a process has one, and ends with it */
	struct stk_exporter *e = &exporter;
	const char *step = "?";
	struct stk_http *h;

	e->config = start->config;
	e->landlock_abi = stk_landlock_abi();
	stk_log_open(STDERR_FILENO, (enum stk_log_format)e->config->log_format,
	    (enum stk_log_level)e->config->log_level);
	h = come_alive(e, start, &step);
	if (h == NULL)
		return cannot(step);
	(void)stk_log_start(STK_LOG_INFO, "exporter.started", "success",
	    "/metrics, /livez and /readyz are served on %s", e->config->metrics_listen);
	stk_log_end();
	stk_http_run(h);
}
