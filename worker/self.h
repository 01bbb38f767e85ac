/*
 * self.h - what this process itself takes, for its metrics.
 */
#ifndef WORKER_SELF_H
#define WORKER_SELF_H

#include "worker/sheet.h"

struct stk_self {
	int statm;      /* -1: not to be had */
	int64_t cpu_ms; /* told so far */
	int64_t next_ms;
};

/* Opens what it needs later: to be called before the process's own walls. */
void stk_self_open(struct stk_self *s);
void stk_self_close(struct stk_self *s);

int64_t stk_self_cpu_ms(void);
/* False: not known. */
bool stk_self_rss(const struct stk_self *s, uint64_t *bytes);
/* Tells @m, once a second at most, as @role. */
void stk_self_tell(struct stk_self *s, struct stk_meter *m, const char *role, int64_t now_ms);

#endif
