/*
 * store_quarantine.h - a person's look at the areas of refused jobs, and what they do about them.
 *
 * For `stockade quarantine`; needs no registration and no fence. Areas stand where others may
 * write, so nothing here is believed: names that are none are left out, lengths are asked before
 * bytes, each call answers at most one page. PROTOCOL.md, "quarantine" among the scripts, has the
 * words. Spans are borrowed from s->in_hand until the next such call.
 */
#ifndef WORKER_STORE_QUARANTINE_H
#define WORKER_STORE_QUARANTINE_H

#include "worker/store.h"

#define STK_AREAS_MAX   1024 /* areas told at once */
#define STK_AREA_PAGE   64   /* entries of one page */
#define STK_AREA_MEMBER 64   /* bytes of a member's name: a job id or a ULID */
#define STK_AREA_HEAD \
	1024 /* bytes of an entry that a page brings; everything before raw_b64 fits */

struct stk_area {
	char name[STK_AREA_BYTES];
	int64_t entries; /* -1: a key of another type */
	int64_t bytes, dropped;
	int64_t oldest_ms, newest_ms; /* Redis's clock; -1: none, or not a time */
};

/*
 * Areas that hold something, at most @max of them, unordered; *more: there are others. @names are
 * looked at first and one by one, so that whoever floods the list of areas does not hide them. OK,
 * STORE.
 */
STK_CHECK enum stk_err stk_store_areas(struct stk_store *s, const char *const *names,
    size_t n_names, struct stk_area *out, size_t max, size_t *n, bool *more, int64_t *now_ms,
    enum stk_answer *v);

struct stk_area_item {
	char member[STK_AREA_MEMBER + 1]; /* "": longer, or not printable ASCII: no entry of ours */
	int64_t at_ms;                    /* -1: not a time */
	int64_t length;                   /* of the whole entry; 0: none stands there */
	struct stk_span head;
};

struct stk_area_page {
	struct stk_area_item items[STK_AREA_PAGE];
	size_t n;
	int64_t entries, now_ms;
};
/* From rank @from on, oldest first. OK, STORE. */
STK_CHECK enum stk_err stk_store_area_page(struct stk_store *s, const char *area, int64_t from,
    struct stk_area_page *out, enum stk_answer *v);

struct stk_area_whole {
	struct stk_span entry; /* empty: there is none, or it is too long */
	char digest[41];       /* of these bytes, for release */
	bool too_long;
};
/* The whole entry of @member, if it has at most @most bytes. OK, STORE. */
STK_CHECK enum stk_err stk_store_area_entry(struct stk_store *s, const char *area,
    const char *member, int64_t most, struct stk_area_whole *out, enum stk_answer *v);

/*
 * In one script: @member leaves the area and @payload stands at the back of @queue; or STALE and
 * nothing, if the entry is no longer the one whose SHA-1 is @digest (hex). OK, STALE, STORE.
 */
STK_CHECK enum stk_err stk_store_area_release(struct stk_store *s, const char *area,
    const char *member, const char *digest, const char *queue, struct stk_span payload,
    enum stk_answer *v);

/* @n members (at most STK_AREA_PAGE) go; *dropped says how many were there. OK, STORE. */
STK_CHECK enum stk_err stk_store_area_drop(struct stk_store *s, const char *area,
    const char *const *members, size_t n, int64_t *dropped, enum stk_answer *v);
/* The whole area goes, also one of a wrong type. */
STK_CHECK enum stk_err stk_store_area_wipe(
    struct stk_store *s, const char *area, int64_t *dropped, enum stk_answer *v);

/* Is this an area's name: quarantine:<q>, quarantine:<q>#<reason>, revoked:<kid>, unknownkey:<q>?
 */
bool stk_area_name_ok(const char *name);
/* The two parts behind the first colon; @reason is "" where the name has none. Cut to fit. */
void stk_area_parts(const char *name, char queue[static STK_QUEUE_MAX + 1], char reason[static 40]);

#endif
