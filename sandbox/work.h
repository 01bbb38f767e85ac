/*
 * work.h - the directory that a job has for its own: one per worker, lent to one job at a time, and
 * emptied after each, whatever the job left in it.
 *
 * It lies beneath the operator's `work_dir` and is locked (flock) by its worker for as long as that
 * lives, so that what a crashed worker left behind is told from what a living one uses. Landlock
 * lets a job make, write and remove regular files in it and nothing else: no folders, links, pipes.
 * What emptying meets is believed to be anything all the same.
 */
#ifndef SANDBOX_WORK_H
#define SANDBOX_WORK_H

#include "sandbox/base.h"

struct stk_work;

/* What stk_work_open found beside its own. */
struct stk_work_left {
	uint32_t swept; /* directories of workers that are gone: emptied and removed */
	uint32_t left;  /* such directories that were too full to be emptied at once */
};

/*
 * Makes a fresh directory beneath @base and locks it; sweeps the leftovers of dead workers, at most
 * so many entries that a start stays short. @base must belong to this user and be writable by
 * nobody else. *@out is the caller's: stk_work_close(). STK_E_SYSTEM with errno, STK_E_REFUSED; a
 * static fragment in *@why.
 */
STK_CHECK enum stk_err stk_work_open(
    const char *base, struct stk_work **out, struct stk_work_left *left, const char **why);
/* What stk_work_open() would say of @base, without making or sweeping anything. */
STK_CHECK enum stk_err stk_work_look(const char *base, const char **why);
/* Empties and removes it; NULL-safe. */
void stk_work_close(struct stk_work *w);

/* The directory, O_PATH: for the *at() calls of a job. Borrowed. */
int stk_work_fd(const struct stk_work *w);

/*
 * What lies in it, in bytes: blocks on disk, at least 4096 for each entry. Stops counting above
 * @enough, so that a full directory costs no more than its quota. UINT64_MAX if it cannot be read.
 */
uint64_t stk_work_usage(struct stk_work *w, uint64_t enough);

/*
 * The same in pieces, so that whoever counts can go on with other things: @entries more are looked
 * at. False: there are others, and the next call goes on there; true: *@sum is what there is, and
 * the next call begins anew. stk_work_count_anew() begins anew now.
 */
#define STK_WORK_ENTRIES 50000 /* a fraction of a second */
STK_CHECK bool stk_work_count(struct stk_work *w, size_t entries, uint64_t enough, uint64_t *sum);
void stk_work_count_anew(struct stk_work *w);

/*
 * Removes up to some thousand entries; true when nothing is left, or nothing can be removed any
 * more (stk_work_stuck). Follows no link, needs no depth: what lies deeper is moved up and then
 * removed.
 */
STK_CHECK bool stk_work_empty(struct stk_work *w);
/* errno of an entry that cannot be removed (another user's, an immutable one), or 0. */
int stk_work_stuck(const struct stk_work *w);

#endif
