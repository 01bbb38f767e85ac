/*
 * reexamine.c - after a change of the key ring: genuine jobs of keys that are revoked no more, and
 * jobs of keys that the policy knows now, return to the back of their queues and are judged anew.
 *
 * Each worker does so for its own queues, a bounded step a pass; the script takes each entry once,
 * whoever comes first. Entries are ours, but stand where others may write: their queue must be one
 * of this worker's, their bytes are only ever pushed back where they came from, to be judged.
 */
#include "worker/worker.h"

#include "worker/scan.h"
#include "worker/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_A_PASS 32
#define KIDS_MAX     200

/* The member @name of a flat object: a string without escapes; empty if it has none. */
static struct stk_span member(struct stk_span entry, const char *name)
{
	struct stk_scan s = { .bytes = entry };
	struct stk_span key, value;

	if (stk_scan_next(&s, NULL) != STK_TOKEN_OBJECT_BEGIN)
		return stk_span_of("", 0);
	while (stk_scan_next(&s, &key) == STK_TOKEN_STRING) {
		if (stk_scan_next(&s, NULL) != STK_TOKEN_COLON)
			break;
		enum stk_token t = stk_scan_next(&s, &value);

		if (t == STK_TOKEN_BAD || t == STK_TOKEN_END)
			break;
		if (stk_json_string_is(key, name))
			return t == STK_TOKEN_STRING ? value : stk_span_of("", 0);
		if (stk_scan_next(&s, NULL) != STK_TOKEN_COMMA)
			break;
	}
	return stk_span_of("", 0);
}

/* Areas in order: unknownkey:<q> of each queue, then revoked:<kid> of each key that is not. */
static bool name_area(struct stk_worker *w, char *out, size_t cap, bool *of_queue)
{
	while (w->reload.area < w->n_queues + w->ring->n_keys) {
		size_t at = w->reload.area;
		const struct stk_key *k =
		    at < w->n_queues ? NULL : &w->ring->keys[at - w->n_queues];

		*of_queue = k == NULL;
		if (k == NULL || !k->revoked) {
			(void)snprintf(out, cap, "%s:%s", k == NULL ? "unknownkey" : "revoked",
			    k == NULL ? w->queues[at] : k->kid);
			return true;
		}
		w->reload.area++;
	}
	return false;
}

static const char *own_queue(const struct stk_worker *w, struct stk_span name)
{
	for (size_t i = 0; i < w->n_queues; i++)
		if (stk_span_eq(stk_span_str(w->queues[i]), name))
			return w->queues[i];
	return NULL;
}

/* True: it went back to its queue (or somebody else took it); false: it stays where it is. */
static bool release(struct stk_worker *w, const char *area, const struct stk_kept *kept)
{
	const char *queue = own_queue(w, member(kept->entry, "queue"));
	struct stk_span text = member(kept->entry, "raw_b64"), kid = member(kept->entry, "kid");
	STK_AUTO_FREE uint8_t *raw = NULL;
	enum stk_answer v;
	size_t n = 0;

	if (queue == NULL || text.len == 0 || stk_keyring_find(w->ring, kid) == NULL ||
	    (raw = malloc(text.len)) == NULL || !stk_b64_decode(text, raw, text.len, &n))
		return false;
	if (stk_store_release(&w->store, area, kept->member, queue, stk_span_of(raw, n), &v) !=
	    STK_OK)
		return false;
	w->counters.readmitted += v == STK_ANSWER_OK;
	return v == STK_ANSWER_OK || v == STK_ANSWER_STALE;
}

static bool step(struct stk_worker *w)
{
	const char *kids[KIDS_MAX];
	char area[STK_AREA_BYTES];
	struct stk_kept kept;
	bool of_queue;
	size_t n = 0;
	enum stk_answer v;

	if (!name_area(w, area, sizeof(area), &of_queue))
		return false;
	/* a longer ring is compared here alone */
	if (of_queue && w->ring->n_keys <= KIDS_MAX)
		for (; n < w->ring->n_keys; n++)
			kids[n] = w->ring->keys[n].kid;
	if (stk_store_examine(&w->store, area, w->reload.rank, kids, n, &kept, &v) != STK_OK ||
	    v != STK_ANSWER_OK) {
		if (v == STK_ANSWER_FENCED)
			w->life.fenced = true;
		if (!stk_redis_connected(w->link)) /* asked again when Redis is back */
			return !w->life.fenced;
		w->reload.area++; /* a wrong-typed area holds up no other */
		w->reload.rank = 0;
		return !w->life.fenced;
	}
	w->reload.rank = kept.rank;
	if (kept.rank < 0) {
		w->reload.area++;
		w->reload.rank = 0;
	} else if (kept.entry.len > 0 && !release(w, area, &kept)) {
		w->reload.rank++;
	}
	return true;
}

void stk_reexamine(struct stk_worker *w)
{
	uint64_t before = w->counters.readmitted;

	for (int i = 0; i < STEPS_A_PASS && w->reload.examining; i++)
		w->reload.examining = step(w);
	if (w->counters.readmitted == before)
		return;
	(void)stk_log_start(STK_LOG_INFO, "jobs.reexamined", "success",
	    "%llu jobs of keys that the policy knows now went back to their queues",
	    (unsigned long long)(w->counters.readmitted - before));
	stk_log_end();
}
