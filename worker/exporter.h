/*
 * exporter.h - E: serves /metrics, /livez and /readyz from the pages of supervisor and workers.
 *
 * Made by the launcher as workers are. It holds no Redis link, no key, no password and no file;
 * it maps every page read-only, listens on one socket that was bound before, and sits behind a
 * filter and a Landlock domain of its own. Nobody waits for it: a worker counts whether there is
 * one or not, and the supervisor makes it anew when it dies.
 */
#ifndef WORKER_EXPORTER_H
#define WORKER_EXPORTER_H

#include "worker/config.h"

#define STK_EXPORTER_CONNECTIONS 32 /* at once; its RLIMIT_NOFILE has room for no more */

struct stk_exporter_start {
	const struct stk_config *config;
	pid_t supervisor;
	/* the listening socket, the supervisor's page, then the workers': owned */
	const int *fds;
	size_t n_fds;
};

/* Its whole life: does not come back unless something cannot be had; the exit code. */
int stk_exporter_main(const struct stk_exporter_start *start);

struct stk_exporter; /* the pages, and what was made of them last */

/* exporter.c, for exporter_http.c: the answer to a GET of @path; the body lives until the next
 * call. An HTTP status. */
struct stk_page {
	int status;
	const char *type;
	struct stk_span body;
};
void stk_exporter_answer(struct stk_exporter *e, const char *path, struct stk_page *out);
/* A connection was ended because it was slow, or to make room. */
void stk_exporter_note_cut(struct stk_exporter *e);

/* exporter_http.c: serves on @listener. open: before the walls; run: does not come back. */
struct stk_http;
STK_CHECK enum stk_err stk_http_open(struct stk_exporter *e, int listener, struct stk_http **out);
STK_NORETURN void stk_http_run(struct stk_http *h);

#endif
