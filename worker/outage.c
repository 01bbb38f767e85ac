/*
 * outage.c - see outage.h.
 */
#include "worker/outage.h"

#include "worker/log.h"

#include <string.h>
#include <sys/random.h>

/*
 * What each refusal means for us. Another server may stand behind the name after a failover, and a
 * new login reads the password file again: those are asked anew on a fresh connection.
 */
static const struct {
	bool anew;
	const char *meaning;
} answers[STK_RP_OTHER + 1] = {
	[STK_RP_NONE] = { false, "nobody answers" },
	[STK_RP_LOADING] = { false, "it still reads its data" },
	[STK_RP_OOM] = { false, "it is full (maxmemory): make room; jobs wait where they are" },
	[STK_RP_READONLY] = { true, "it is a replica now; the name is resolved again" },
	[STK_RP_MISCONF] = { false, "it cannot write its data to disk: mend that first" },
	[STK_RP_NOSCRIPT] = { false,
	    "it forgot a script while loading it: SCRIPT FLUSH in a loop?" },
	[STK_RP_NOAUTH] = { true, "it wants a password: redis_password_file" },
	[STK_RP_WRONGPASS] = { true,
	    "it refuses user or password: redis_user, redis_password_file" },
	[STK_RP_NOPERM] = { false,
	    "its ACL refuses this user a command or key: ACL LOG on that "
	    "server names it, SECURITY.md has the rights this worker needs" },
	[STK_RP_WRONGTYPE] = { false, "a key has another type than this protocol keeps there" },
	[STK_RP_MASTERDOWN] = { true, "it is a replica without its master" },
	[STK_RP_NOREPLICAS] = { false, "too few replicas (min-replicas-to-write)" },
	[STK_RP_BUSY] = { false, "a script holds it: SCRIPT KILL, if it is not ours to wait for" },
	[STK_RP_UNBLOCKED] = { true, "its role changed" },
	[STK_RP_OTHER] = { false, "an error of no name that this worker knows" },
};

const char *stk_outage_advice(enum stk_redis_problem p, bool of_ledger)
{
	static const struct {
		const char *of_queues, *of_ledger;
	} advice[STK_RP_OTHER + 1] = {
		[STK_RP_NOAUTH] = { ": it wants a password: redis_password_file, and redis_user "
				    "for "
				    "a user of its ACL",
		    ": it wants a login: ledger_user and ledger_password_file" },
		[STK_RP_WRONGPASS] = { ": redis_user or redis_password_file is wrong",
		    ": ledger_user or ledger_password_file is wrong, or what `stockade ledger acl` "
		    "prints was not given to that Redis" },
		[STK_RP_NOPERM] = { ": its ACL refuses this user: SECURITY.md has the rights that "
				    "a "
				    "worker needs, ACL LOG says which one lacks",
		    ": its ACL refuses this user: `stockade ledger acl` prints the rights that it "
		    "needs" },
	};
	const char *text = of_ledger ? advice[p].of_ledger : advice[p].of_queues;

	return text == NULL ? "" : text;
}

/* Half of the step is fixed, half random: a fleet does not come back in one wave. */
static int64_t backoff_ms(uint32_t tries)
{
	int64_t step = (int64_t)STK_OUTAGE_FIRST_MS << (tries < 6 ? tries : 6);
	uint32_t r = 0;

	if (step > STK_OUTAGE_MAX_MS)
		step = STK_OUTAGE_MAX_MS;
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return step;
	return step / 2 + (int64_t)(r % (uint32_t)(step / 2 + 1));
}

static void tell(const struct stk_outage *o)
{
	const char *name =
	    o->problem == STK_RP_NONE ? "UNREACHABLE" : stk_redis_problem_text(o->problem);
	/* the ledger's user and rights are others' than the queues'; behind ": " */
	const char *advice = o->of_ledger ? stk_outage_advice(o->problem, true) : "";
	struct stk_jw *line = stk_log_start(STK_LOG_WARN,
	    o->of_ledger ? "ledger.away" : "redis.away", "failure", "%s: %s%s (%s)", name,
	    o->of_ledger ? "D_LEDGER_DOWN, nothing signed starts: " : "",
	    advice[0] != '\0' ? advice + 2 : answers[o->problem].meaning, stk_redis_why(o->link));

	stk_jw_cstr(line, "event.reason", name);
	stk_log_end();
}

static void back(struct stk_outage *o)
{
	struct stk_jw *line;

	if (!o->away)
		return;
	line = stk_log_start(STK_LOG_INFO, o->of_ledger ? "ledger.back" : "redis.back", "success",
	    "%s serves this worker again", o->of_ledger ? "the ledger" : "Redis");
	stk_jw_int(line, "event.duration", (stk_monotonic_ms() - o->since_ms) * 1000000);
	stk_log_end();
	o->away = false;
	o->by_call = false;
	o->problem = STK_RP_NONE;
}

static void gone(struct stk_outage *o, enum stk_err e)
{
	enum stk_redis_problem p = e == STK_E_REFUSED ? stk_redis_problem(o->link) : STK_RP_NONE;
	bool news;

	/* a call on the link that we closed because of what it said: still that */
	if (o->away && e == STK_E_CLOSED)
		p = o->problem;
	news = !o->away || p != o->problem;
	if (!o->away) {
		o->n++;
		o->since_ms = stk_monotonic_ms();
	}
	o->away = true;
	o->problem = p;
	o->problems[p]++;
	o->retry_at_ms = stk_monotonic_ms() + backoff_ms(o->tries);
	if (o->tries < UINT32_MAX)
		o->tries++;
	if (news)
		tell(o);
	/* an answer that is no answer: what the next one would belong to is unknown */
	if (answers[p].anew || e != STK_E_REFUSED)
		stk_redis_close(o->link);
}

void stk_outage_note(struct stk_outage *o, enum stk_err e)
{
	if (e == STK_OK) {
		back(o);
		o->tries = 0;
		o->odd = 0;
		return;
	}
	gone(o, e);
	o->by_call = e == STK_E_REFUSED;
	if (e == STK_E_FORMAT || e == STK_E_TOOBIG)
		o->hopeless = ++o->odd >= STK_OUTAGE_ODD_MAX;
}

void stk_outage_note_beat(struct stk_outage *o, enum stk_err e)
{
	if (e != STK_OK) {
		gone(o, e);
	} else if (!o->by_call) {
		back(o);
		o->tries = 0;
	}
}

bool stk_outage_connect(struct stk_outage *o)
{
	enum stk_err e = STK_OK;

	if (!stk_redis_connected(o->link))
		e = stk_redis_connect(o->link);
	if (e != STK_OK)
		gone(o, e);
	return e == STK_OK;
}
