/*
 * ledger_link.c - see ledger_link.h.
 *
 * The epoch that this worker has seen lives in its memory, and a copy beside the queues on the main
 * link (`ledger`), so that a worker which starts anew knows it too. A restored or emptied ledger
 * then contradicts one of them.
 */
#include "worker/ledger_link.h"

#include "worker/cli/cli.h"
#include "worker/secret.h"
#include "worker/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_MS 1000 /* how far the copy beside the queues may lag behind while jobs run */

static const struct {
	const char *name, *sentence;
} troubles[] = {
#define X(id, text) [STK_LEDGER_##id] = { "LEDGER_" #id, text },
	STK_LEDGER_TROUBLES(X)
#undef X
};

const char *stk_ledger_trouble_text(enum stk_ledger_trouble t)
{
	return troubles[t].name;
}

const char *stk_ledger_trouble_sentence(enum stk_ledger_trouble t)
{
	return troubles[t].sentence;
}

/* --- judging it ------------------------------------------------------------------------------- */

static void set_trouble(struct stk_worker *w, enum stk_ledger_trouble t, const char *detail)
{
	struct stk_ledger_link *l = &w->ledger;
	struct stk_jw *line;

	if (l->trouble == t)
		return;
	if (t == STK_LEDGER_NONE)
		line = stk_log_start(STK_LOG_INFO, "ledger.fit", "success",
		    "the ledger is believed again: signed jobs start");
	else
		line = stk_log_start(STK_LOG_ERROR, "ledger.unfit", "failure",
		    "%s: nothing signed starts: %s%s%s", troubles[t].name, troubles[t].sentence,
		    detail[0] != '\0' ? ": " : "", detail);
	stk_jw_cstr(line, "event.reason", troubles[t == STK_LEDGER_NONE ? l->trouble : t].name);
	stk_log_end();
	l->trouble = t;
	(void)snprintf(l->detail, sizeof(l->detail), "%s", detail);
	w->counters.ledger_troubles += t != STK_LEDGER_NONE;
}

/* The copy beside the queues; what is no epoch says nothing. */
static enum stk_err read_copy(struct stk_worker *w, struct stk_epoch *out)
{
	char key[STK_NS_MAX + 32];
	struct stk_reply *r = NULL;
	enum stk_err e;

	*out = (struct stk_epoch){ 0 };
	(void)snprintf(key, sizeof(key), "%s:stockade:ledger", w->config->ns);
	e = stk_redis_words(w->link, &r, "GETRANGE", key, "0", "100", (char *)NULL);
	if (e == STK_OK && r->type == STK_REPLY_STRING && stk_epoch_parse(r->bytes, out))
		memcpy(w->ledger.noted_id, out->id, sizeof(out->id));
	stk_reply_free(r);
	if (e == STK_E_REFUSED && stk_redis_problem(w->link) == STK_RP_WRONGTYPE)
		e = STK_OK;
	return e;
}

static void write_copy(struct stk_worker *w)
{
	struct stk_ledger_link *l = &w->ledger;
	char key[STK_NS_MAX + 32], text[STK_EPOCH_TEXT];
	struct stk_reply *r = NULL;

	if (w->rehearsal || (l->ledger.known.mark_ms == l->noted_mark_ms &&
				strcmp(l->ledger.known.id, l->noted_id) == 0))
		return;
	(void)snprintf(key, sizeof(key), "%s:stockade:ledger", w->config->ns);
	stk_epoch_text(&l->ledger.known, text);
	/* a full Redis refuses it: the memory of those who live has to do until the next time */
	if (stk_redis_words(w->link, &r, "SET", key, text, (char *)NULL) == STK_OK) {
		l->noted_mark_ms = l->ledger.known.mark_ms;
		memcpy(l->noted_id, l->ledger.known.id, sizeof(l->noted_id));
	}
	stk_reply_free(r);
}

static int64_t main_now_ms(struct stk_worker *w)
{
	struct stk_reply *r = NULL;
	int64_t ms = 0;

	if (stk_redis_words(w->link, &r, "TIME", (char *)NULL) == STK_OK &&
	    r->type == STK_REPLY_ARRAY && r->n == 2 && r->elements[0].type == STK_REPLY_STRING)
		ms = strtoll((const char *)r->elements[0].bytes.p, NULL, 10) * 1000;
	stk_reply_free(r);
	return ms;
}

static bool far(int64_t a_ms, int64_t b_ms, int64_t skew_ms)
{
	return a_ms - b_ms > skew_ms || b_ms - a_ms > skew_ms;
}

/*
 * An epoch other than the ledger's own that begins in the future was begun by nobody: who can write
 * there could else keep every worker from starting, and no `ledger init` would be young enough to
 * end it.
 */
static void doubt_copy(
    struct stk_worker *w, const struct stk_ledger_sight *s, struct stk_epoch *copy)
{
	int64_t begins_ms = copy->at_ms;
	struct stk_jw *line;

	if (begins_ms <= s->now_ms + w->config->skew_ms || strcmp(copy->id, s->epoch.id) == 0)
		return;
	*copy = (struct stk_epoch){ 0 };
	if (w->ledger.doubted_ms == begins_ms)
		return; /* said at an earlier look */
	w->ledger.doubted_ms = begins_ms;
	line = stk_log_start(STK_LOG_ERROR, "ledger.copy_forged", "failure",
	    "LEDGER_COPY_FORGED: %s:stockade:ledger says that the ledger began in the future, "
	    "which "
	    "nobody can have seen: it is not believed; find out who can write to this Redis",
	    w->config->ns);
	stk_jw_cstr(line, "event.reason", "LEDGER_COPY_FORGED");
	stk_log_end();
	w->counters.ledger_copies_forged++;
}

static enum stk_ledger_trouble judge(
    struct stk_worker *w, const struct stk_ledger_sight *s, char *detail, size_t cap)
{
	int64_t own_ms = stk_worker_now_s() * 1000, main_ms = main_now_ms(w);
	int64_t skew_ms = w->config->skew_ms + 1000; /* the looks are not of one moment */
	struct stk_epoch copy = { 0 };

	if (strcmp(s->policy, "noeviction") != 0) {
		(void)snprintf(
		    detail, cap, "it is %s", s->policy[0] != '\0' ? s->policy : "unknown");
		return STK_LEDGER_EVICTS;
	}
	if (far(own_ms, s->now_ms, skew_ms) || (main_ms != 0 && far(main_ms, s->now_ms, skew_ms))) {
		(void)snprintf(detail, cap, "ledger %" PRId64 ", Redis %" PRId64 ", here %" PRId64,
		    s->now_ms / 1000, main_ms / 1000, own_ms / 1000);
		return STK_LEDGER_SKEW;
	}
	if (!w->ledger.looked || w->ledger.trouble == STK_LEDGER_LOST) {
		if (read_copy(w, &copy) != STK_OK) {
			/* it answers; what others saw of it cannot be asked */
			(void)snprintf(detail, cap, "its copy beside the queues: %.120s%s",
			    stk_redis_why(w->link),
			    stk_outage_advice(stk_redis_problem(w->link), false));
			return STK_LEDGER_DOWN;
		}
		doubt_copy(w, s, &copy);
	}
	if (!stk_epoch_follows(&w->ledger.ledger.known, &s->epoch) ||
	    !stk_epoch_follows(&copy, &s->epoch) || s->shards < 1)
		return STK_LEDGER_LOST;
	return STK_LEDGER_NONE;
}

/* Far more than a clock is slewed by between two looks, and far less than a job's times are apart.
 */
#define JUMP_MS 1000

static int64_t clock_now_ms(void)
{
	return stk_realtime_ms() - stk_monotonic_ms();
}

bool stk_ledger_clock_jumped(const struct stk_worker *w)
{
	return w->ledger.looked && far(clock_now_ms(), w->ledger.clock_ms, JUMP_MS);
}

bool stk_ledger_unasked(const struct stk_worker *w)
{
	return stk_ledger_fit(w) && stk_monotonic_ms() < w->ledger.next_check_ms &&
	       !stk_ledger_clock_jumped(w);
}

/* One look, and what follows from it. */
static enum stk_err check(struct stk_worker *w)
{
	struct stk_ledger_link *l = &w->ledger;
	struct stk_ledger_sight sight;
	char detail[256] = "";
	enum stk_ledger_trouble t;
	int64_t clock_ms = clock_now_ms();
	enum stk_err e = stk_ledger_look(&l->ledger, &sight);

	stk_outage_note(&l->outage, e);
	if (e != STK_OK)
		return e;
	l->connected_ms = stk_monotonic_ms() - stk_redis_age_ms(l->link);
	l->clock_ms = clock_ms;
	t = judge(w, &sight, detail, sizeof(detail));
	stk_meter_memory(w, "ledger", sight.used_bytes, sight.max_bytes);
	l->next_check_ms =
	    stk_monotonic_ms() + (t == STK_LEDGER_NONE ? STK_LEDGER_CHECK_MS : w->config->beat_ms);
	if (t == STK_LEDGER_NONE) {
		if (l->looked && strcmp(l->ledger.known.id, sight.epoch.id) != 0) {
			(void)stk_log_start(STK_LOG_WARN, "ledger.epoch", "unknown",
			    "an operator began a new epoch; jobs issued before %" PRId64
			    " are refused as E_BEFORE_LEDGER",
			    sight.min_iat_s);
			stk_log_end();
		}
		if (strcmp(l->ledger.known.id, sight.epoch.id) != 0 ||
		    sight.epoch.mark_ms > l->ledger.known.mark_ms)
			l->ledger.known = sight.epoch;
		l->looked = true;
		write_copy(w);
	}
	set_trouble(w, t, detail);
	return STK_OK;
}

bool stk_ledger_fit(const struct stk_worker *w)
{
	return w->ledger.trouble == STK_LEDGER_NONE && !w->ledger.outage.away;
}

void stk_ledger_distrust(struct stk_worker *w, enum stk_ledger_trouble t)
{
	set_trouble(w, t, t == STK_LEDGER_STORE ? w->ledger.ledger.call.bad_key : "");
	w->ledger.next_check_ms = 0; /* perhaps an operator began a new epoch */
}

/* What was checked on one connection says nothing about the server behind the next. */
static bool is_new(const struct stk_ledger_link *l)
{
	return stk_monotonic_ms() - stk_redis_age_ms(l->link) > l->connected_ms + 2;
}

enum stk_err stk_ledger_sure(struct stk_worker *w)
{
	if (!stk_redis_connected(w->ledger.link))
		return STK_E_CLOSED;
	return is_new(&w->ledger) ? check(w) : STK_OK;
}

bool stk_ledger_ready(struct stk_worker *w)
{
	struct stk_ledger_link *l = &w->ledger;
	int64_t now = stk_monotonic_ms();

	if (!stk_redis_connected(l->link)) {
		if (!l->outage.away)
			stk_outage_note_beat(&l->outage, STK_E_CLOSED);
		if (now < l->outage.retry_at_ms || !stk_outage_connect(&l->outage))
			return false;
	}
	if (l->outage.away ? now >= l->outage.retry_at_ms
			   : now >= l->next_check_ms || is_new(l) || stk_ledger_clock_jumped(w))
		(void)check(w);
	if (stk_ledger_fit(w) && l->ledger.known.mark_ms >= l->noted_mark_ms + NOTE_MS)
		write_copy(w);
	return stk_ledger_fit(w);
}

void stk_ledger_note(struct stk_worker *w)
{
	if (w->ledger.looked && stk_redis_connected(w->link) && stk_ledger_fit(w))
		write_copy(w);
}

bool stk_ledger_again(struct stk_worker *w, enum stk_err e, bool outcome_in_hand)
{
	return stk_life_again_on(&w->life, &w->ledger.outage, e, outcome_in_hand);
}

/* --- opening it ------------------------------------------------------------------------------- */

static int make_link(struct stk_worker *w, int password_fd)
{
	const struct stk_config *c = w->config;
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES], name[64];
	struct stk_redis_config config = {
		.url = &url,
		.password_fd = password_fd,
		.client_name = name,
		.connect_timeout_ms = (int)c->redis_timeout_ms,
		.command_timeout_ms = (int)c->redis_timeout_ms,
		.caps = STK_REDIS_CAPS_DEFAULT,
	};
	enum stk_err e;

	if (stk_redis_url_parse(c->ledger_url, &url, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "ledger_url: %s", why);
	(void)snprintf(url.user, sizeof(url.user), "%s", c->ledger_user);
	(void)snprintf(name, sizeof(name), "stockade-ledger-%d", (int)getpid());
	e = stk_redis_new(&config, &w->ledger.link);
	stk_redis_url_clear(&url);
	if (e != STK_OK || stk_store_init(&w->ledger.ledger.call, w->ledger.link, c->ns,
			       w->store.id[0] != '\0' ? w->store.id : "ledger") != STK_OK)
		return stk_complain(STK_EX_OS, "the ledger's link: out of memory");
	w->ledger.outage.link = w->ledger.link;
	w->ledger.outage.of_ledger = true;
	return 0;
}

/* Before anything ever worked somebody may have mistyped; later it is waited for. */
static int first_look(struct stk_worker *w, const struct stk_worker_start *start)
{
	struct stk_ledger_link *l = &w->ledger;
	int64_t give_up = stk_monotonic_ms() + w->config->redis_start_wait_ms;

	for (;;) {
		enum stk_err e;

		stk_pulse_patience(w->life.pulse, 60000);
		e = stk_redis_connect(l->link);
		if (e == STK_OK)
			e = check(w);
		if (e == STK_OK && l->trouble == STK_LEDGER_NONE)
			return 0;
		if (w->life.stop != STK_STOP_NO)
			return stk_complain(
			    STK_EX_REDIS, "told to stop before the ledger was ready");
		if (start->again)
			return 0; /* the loop waits for it, and says so by name */
		if (stk_monotonic_ms() < give_up) {
			stk_life_wait(&w->life, 250);
			continue;
		}
		if (e != STK_OK)
			return stk_complain(STK_EX_REDIS, "LEDGER_DOWN: the ledger at %s: %s%s",
			    w->config->ledger_url, stk_redis_why(l->link),
			    stk_outage_advice(stk_redis_problem(l->link), true));
		return stk_complain(STK_EX_REDIS, "%s: %s%s%s", troubles[l->trouble].name,
		    troubles[l->trouble].sentence, l->detail[0] != '\0' ? ": " : "", l->detail);
	}
}

int stk_ledger_open(struct stk_worker *w, const struct stk_worker_start *start)
{
	const char *file = w->config->ledger_password_file;
	struct stk_conf_error wrong = { 0 };
	int fd, code;

	if (stk_config_check_ledger(w->config, &wrong) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "%s", wrong.sentence);
	fd = file == NULL ? -1 : stk_open_password_file(file);
	if (file != NULL && fd == -1)
		return stk_complain(STK_EX_NOINPUT, "cannot read ledger_password_file %s: %s", file,
		    strerror(errno));
	if ((code = make_link(w, fd)) != 0)
		return code;
	w->ledger.ledger.call.meter = w->metering.sheet;
	memcpy(w->ledger.ledger.call.instance, w->store.instance, sizeof(w->store.instance));
	return first_look(w, start);
}

void stk_ledger_close(struct stk_ledger_link *l)
{
	stk_store_clear(&l->ledger.call);
	stk_redis_free(l->link);
	l->link = NULL;
}
