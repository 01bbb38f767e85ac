/*
 * prune.c - dead Ruby workers, pruned as Resque prunes them: by heartbeat, under its lock, with its
 * record and its deletions (PROTOCOL.md, "Who is dead"). See recover.h.
 *
 * Ruby dies of an entry it cannot parse; here such an entry is left alone, as are workers without a
 * heartbeat and those of goworker, jesque and node, whose ids are of another form. Ours are known
 * by `wid` and never pruned: their beats decide.
 */
#include "worker/recover.h"

#include "worker/scan.h"
#include "worker/seal.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGES_MAX        32 /* of one pass; the next one goes on from there */
#define RETRY_MS         60000
#define PASS_MS          500 /* so long may a job wait for a pass; the next one goes on */
#define LINES_PER_MINUTE 10  /* whoever floods `workers` with the dead does not flood the log */

/* --- what is parsed --------------------------------------------------------------------------- */

/* @n digits at @at; -1: none such. */
static int digits(struct stk_span s, size_t at, size_t n)
{
	int v = 0;

	if (s.len < at + n)
		return -1;
	for (size_t i = at; i < at + n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

static bool marks(struct stk_span s, const char *pattern)
{
	for (size_t i = 0; pattern[i] != '\0'; i++)
		if (i >= s.len || (pattern[i] != '0' && s.p[i] != (uint8_t)pattern[i]))
			return false;
	return true;
}

/* "Z", "+HH:MM" or "-HHMM" in seconds. */
static bool zone(struct stk_span s, size_t at, int *seconds)
{
	size_t left = s.len - at, minutes = left == 6 ? at + 4 : at + 3;
	int h, m;

	*seconds = 0;
	if (left == 1 && s.p[at] == 'Z')
		return true;
	if ((left != 5 && !(left == 6 && s.p[at + 3] == ':')) || (s.p[at] != '+' && s.p[at] != '-'))
		return false;
	h = digits(s, at + 1, 2);
	m = digits(s, minutes, 2);
	if (h < 0 || h > 23 || m < 0 || m > 59)
		return false;
	*seconds = (h * 3600 + m * 60) * (s.p[at] == '-' ? -1 : 1);
	return true;
}

bool stk_heartbeat_parse(struct stk_span s, int64_t *out_s)
{
	size_t at = strlen("0000-00-00T00:00:00");
	struct tm tm = { 0 }, back;
	int offset;
	time_t t;

	if (!marks(s, "0000-00-00T00:00:00"))
		return false;
	tm.tm_year = digits(s, 0, 4) - 1900;
	tm.tm_mon = digits(s, 5, 2) - 1;
	tm.tm_mday = digits(s, 8, 2);
	tm.tm_hour = digits(s, 11, 2);
	tm.tm_min = digits(s, 14, 2);
	tm.tm_sec = digits(s, 17, 2);
	if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_hour < 0 || tm.tm_min < 0 ||
	    tm.tm_sec < 0)
		return false;
	back = tm;
	t = timegm(&back);
	/* timegm mends 31 February; a heartbeat that needs mending is no heartbeat */
	if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon || back.tm_hour != tm.tm_hour ||
	    back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
		return false;
	if (at < s.len && s.p[at] == '.') {
		size_t first = ++at;

		while (at < s.len && s.p[at] >= '0' && s.p[at] <= '9')
			at++;
		if (at == first)
			return false;
	}
	if (at >= s.len || !zone(s, at, &offset))
		return false;
	*out_s = (int64_t)t - offset;
	return true;
}

bool stk_ruby_worker_id(const char *id)
{
	const char *pid = strchr(id, ':'), *queues;
	size_t n;

	if (pid == NULL || pid == id)
		return false;
	n = strspn(++pid, "0123456789");
	queues = pid + n;
	if (n == 0 || n > 10 || *queues++ != ':' || *queues == '\0')
		return false;
	for (const char *p = id; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f ||
		    strchr("\"'\\<>&", *p) != NULL)
			return false;
	for (const char *p = queues; p != NULL; p = strchr(p, ','), p = p == NULL ? NULL : p + 1)
		if (*p == ',' || *p == '\0')
			return false;
	return true;
}

/* --- worker:<id> ------------------------------------------------------------------------------ */

struct shown {
	char queue[256];
	struct stk_span payload;
	uint8_t class_name[128];
	size_t class_len;
};

/* The bytes of the value that stands next in @s, which the recogniser vouched for. */
static struct stk_span value_of(struct stk_scan *s, struct stk_span *text, enum stk_token *first)
{
	size_t from, depth = 0;
	struct stk_span skipped;

	*first = stk_scan_next(s, text);
	from = (size_t)(text->p - s->bytes.p);
	for (enum stk_token t = *first;; t = stk_scan_next(s, &skipped)) {
		if (t == STK_TOKEN_OBJECT_BEGIN || t == STK_TOKEN_ARRAY_BEGIN)
			depth++;
		else if (t == STK_TOKEN_OBJECT_END || t == STK_TOKEN_ARRAY_END)
			depth--;
		if (depth == 0 || t == STK_TOKEN_END || t == STK_TOKEN_BAD)
			return stk_span_of(s->bytes.p + from, s->at - from);
	}
}

/* Calls for the members of an object that was recognised: the last of a name wins, as in Ruby. */
static bool member(struct stk_span object, const char *name, struct stk_span *raw,
    struct stk_span *text, enum stk_token *kind)
{
	struct stk_scan s = { .bytes = object };
	struct stk_span key, value, inner;
	enum stk_token t, k;
	bool found = false;

	if (stk_scan_next(&s, NULL) != STK_TOKEN_OBJECT_BEGIN)
		return false;
	while ((t = stk_scan_next(&s, &key)) == STK_TOKEN_STRING || t == STK_TOKEN_COMMA) {
		if (t == STK_TOKEN_COMMA)
			continue;
		if (stk_scan_next(&s, NULL) != STK_TOKEN_COLON)
			return false;
		value = value_of(&s, &inner, &k);
		if (!stk_json_string_is(key, name))
			continue;
		found = true;
		*raw = value;
		*text = inner;
		*kind = k;
	}
	return found;
}

static bool parse_shown(struct stk_span value, struct shown *out)
{
	struct stk_span raw, text;
	enum stk_token kind;
	size_t n;

	if (stk_json_recognise(value, STK_JSON_DEPTH, STK_JSON_OBJECT, NULL) != STK_OK ||
	    !member(value, "queue", &raw, &text, &kind) || kind != STK_TOKEN_STRING)
		return false;
	n = stk_json_unescape(text, (uint8_t *)out->queue, sizeof(out->queue) - 1);
	if (n == 0 || n >= sizeof(out->queue) || memchr(out->queue, '\0', n) != NULL)
		return false;
	out->queue[n] = '\0';
	if (!member(value, "payload", &out->payload, &text, &kind) ||
	    kind != STK_TOKEN_OBJECT_BEGIN)
		return false;
	out->class_len = 0;
	if (member(out->payload, "class", &raw, &text, &kind) && kind == STK_TOKEN_STRING) {
		n = stk_json_unescape(text, out->class_name, sizeof(out->class_name));
		out->class_len = n <= sizeof(out->class_name) ? n : 0;
	}
	return true;
}

/* --- one worker ------------------------------------------------------------------------------- */

static void build_record(struct stk_worker *w, const struct stk_beating *who, struct shown *job)
{
	struct stk_span name = stk_span_of(job->class_name, job->class_len);
	bool safe = stk_class_safe(name);
	char text[1024], digest[65];
	uint8_t hash[32];

	stk_sha256(job->payload, hash);
	stk_hex(hash, sizeof(hash), digest);
	(void)snprintf(text, sizeof(text),
	    "Worker %s did not gracefully exit while processing %.*s", who->id,
	    safe ? (int)name.len : 13, safe ? (const char *)name.p : "<Unknown Job>");
	struct stk_record_job record = { .queue = job->queue,
		.worker_id = who->id,
		.payload = job->payload,
		.recognised = true,
		.class_name = name,
		.sha256 = digest };

	stk_record_failed(&w->record, &record, "Resque::PruneDeadWorkerDirtyExit",
	    stk_span_str(text), NULL, 0, stk_worker_now_s());
}

static void log_pruned(struct stk_recovery *r, const char *id, bool had_job)
{
	struct stk_jw *line;
	uint64_t missed;

	if (!stk_log_allow(&r->prune_lines, LINES_PER_MINUTE, stk_monotonic_ms(), &missed))
		return;
	line = stk_log_start(STK_LOG_WARN, "worker.pruned", "success",
	    "a Resque worker's heartbeat stopped: unregistered%s",
	    had_job ? ", its job is in `failed`" : "");
	stk_jw_str(line, "stockade.worker", stk_span_str(id), STK_WORKER_ID_MAX);
	if (missed > 0)
		stk_jw_int(line, "stockade.lines_left_out", (int64_t)missed);
	stk_log_end();
}

static enum stk_err prune_one(struct stk_worker *w, const struct stk_beating *who)
{
	enum stk_answer answer = STK_ANSWER_OK;
	struct stk_span value;
	struct shown job;
	bool too_long;
	enum stk_err e = stk_store_prune_show(&w->store, who->id, &value, &too_long, &answer);

	if (e != STK_OK || answer != STK_ANSWER_OK || too_long)
		return e; /* another type, or longer than any job: left alone */
	stk_jw_reset(&w->record);
	if (value.len > 0) {
		if (!parse_shown(value, &job))
			return STK_OK;
		build_record(w, who, &job);
		if (w->record.sour || w->record.len == 0)
			return STK_OK;
	}
	e = stk_store_prune_file(
	    &w->store, who, value, stk_span_of(w->record.buf, w->record.len), &answer);
	if (e == STK_OK && answer == STK_ANSWER_OK) {
		w->counters.pruned++;
		log_pruned(&w->recovery, who->id, value.len > 0);
	}
	return e;
}

/* --- the pass --------------------------------------------------------------------------------- */

static bool is_dead(const struct stk_worker *w, const struct stk_beating *who, int64_t now_ms)
{
	int64_t beat_s;

	return stk_ruby_worker_id(who->id) &&
	       stk_heartbeat_parse(stk_span_str(who->heartbeat), &beat_s) &&
	       now_ms / 1000 - beat_s > w->config->prune_after_ms / 1000;
}

static bool goes_on(const struct stk_worker *w, int64_t until_ms)
{
	return !w->life.fenced && w->life.stop == STK_STOP_NO && stk_monotonic_ms() < until_ms;
}

static enum stk_err prune_page(struct stk_worker *w, struct stk_beating *page, int64_t until_ms)
{
	enum stk_answer answer = STK_ANSWER_OK;
	int64_t now_ms = 0;
	size_t n = 0;
	enum stk_err e = stk_store_prune_look(
	    &w->store, &w->recovery.prune_cursor, page, STK_PRUNE_PAGE, &n, &now_ms, &answer);

	if (e == STK_OK && answer != STK_ANSWER_OK) {
		w->life.fenced = answer == STK_ANSWER_FENCED;
		w->recovery.prune_cursor = 0;
		return STK_OK;
	}
	/* what is left of a page is seen again when the cursor comes round */
	for (size_t i = 0; i < n && e == STK_OK && goes_on(w, until_ms); i++) {
		if (is_dead(w, &page[i], now_ms))
			e = prune_one(w, &page[i]);
		(void)stk_life_tick(&w->life);
	}
	return e;
}

static enum stk_err prune_pages(struct stk_worker *w)
{
	struct stk_beating *page = calloc(STK_PRUNE_PAGE, sizeof(*page));
	int64_t until_ms = stk_monotonic_ms() + PASS_MS;
	enum stk_err e = STK_OK;

	if (page == NULL)
		return STK_OK; /* the next pass may have memory */
	for (int i = 0; i < PAGES_MAX && e == STK_OK && goes_on(w, until_ms); i++) {
		e = prune_page(w, page, until_ms);
		if (w->recovery.prune_cursor == 0)
			break;
	}
	free(page);
	return e;
}

enum stk_err stk_prune_pass(struct stk_worker *w)
{
	struct stk_recovery *r = &w->recovery;
	int64_t now = stk_monotonic_ms(), after = w->config->prune_after_ms;
	bool hold = w->config->prune_lock == 1, held = false;
	enum stk_err e = STK_OK;

	if (hold && (e = stk_recovery_lock(w, &held)) != STK_OK)
		return e;
	/* a young connection has not seen whether those heartbeats were to come */
	if (now < r->next_prune_ms || stk_redis_age_ms(w->link) < after)
		return STK_OK;
	if (!hold && (e = stk_recovery_lock(w, &held)) != STK_OK)
		return e;
	if (!held) {
		r->next_prune_ms = now + (after < RETRY_MS ? after : RETRY_MS);
		return STK_OK;
	}
	e = prune_pages(w);
	if (e == STK_OK && r->prune_cursor == 0)
		r->next_prune_ms = now + after;
	return e;
}
