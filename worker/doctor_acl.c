/*
 * doctor_acl.c - see doctor.h: who else may write our queues. ACL LIST says who there is; what each
 * may do Redis itself judges (ACL DRYRUN, Redis 7), so that no pattern is interpreted twice. Hashes
 * that ride along in the list are not looked at.
 */
#include "worker/doctor.h"

#include <stdio.h>
#include <string.h>

#define USERS_MAX  64 /* looked at; more is said */
#define QUEUES_MAX 16

struct user {
	struct stk_span name;
	bool on, nopass;
};

/* The next word of @s, which is moved past it; empty at the end. */
static struct stk_span word(struct stk_span *s)
{
	struct stk_span w;

	while (s->len > 0 && *s->p == ' ') {
		s->p++;
		s->len--;
	}
	w = stk_span_of(s->p, 0);
	while (s->len > 0 && *s->p != ' ') {
		s->p++;
		s->len--;
		w.len++;
	}
	return w;
}

/* "user NAME on nopass ...": false if it is something else. */
static bool parse_user(struct stk_span line, struct user *u)
{
	struct stk_span w = word(&line);

	*u = (struct user){ 0 };
	if (!stk_span_eq(w, stk_span_str("user")))
		return false;
	u->name = word(&line);
	while ((w = word(&line)).len > 0) {
		u->on = u->on || stk_span_eq(w, stk_span_str("on"));
		u->nopass = u->nopass || stk_span_eq(w, stk_span_str("nopass"));
	}
	return u->name.len > 0;
}

enum answer {
	MAY,
	MAY_NOT,
	NOT_TOLD
};

static enum answer may(
    const struct stk_doctor_redis *d, struct stk_span user, const char *command, const char *queue)
{
	char key[256];
	struct stk_span argv[6] = { stk_span_str("ACL"), stk_span_str("DRYRUN"), user,
		stk_span_str(command), { NULL, 0 }, stk_span_str("1") };
	struct stk_reply *r = NULL;
	enum answer a = NOT_TOLD;

	(void)snprintf(key, sizeof(key), "%s:queue:%s", d->config->ns, queue);
	argv[4] = stk_span_str(key);
	if (stk_redis_call(d->link, argv, STK_ARRAY_LEN(argv), &r) == STK_OK)
		a = stk_reply_is(r, "OK") ? MAY : r->type == STK_REPLY_STRING ? MAY_NOT : NOT_TOLD;
	stk_reply_free(r);
	return a;
}

/* The queues for which @command is allowed, as "a, b"; false if Redis does not tell. */
static bool allowed(const struct stk_doctor_redis *d, struct stk_span user, const char *command,
    char *out, size_t size)
{
	size_t used = 0, most = d->n_queues < QUEUES_MAX ? d->n_queues : QUEUES_MAX;

	out[0] = '\0';
	for (size_t i = 0; i < most; i++) {
		enum answer a = may(d, user, command, d->queues[i]);

		if (a == NOT_TOLD)
			return false;
		if (a == MAY && used + strlen(d->queues[i]) + 3 < size)
			used += (size_t)snprintf(
			    out + used, size - used, "%s%s", used > 0 ? ", " : "", d->queues[i]);
	}
	return true;
}

/* False ends the look: Redis does not tell what users may do. */
static bool one_user(const struct stk_doctor_redis *d, const struct user *u, struct stk_findings *f)
{
	char name[STK_NAME_MAX], label[STK_NAME_MAX + 8], push[128], take[128];

	stk_find_clean(u->name, name, sizeof(name) - 8);
	(void)snprintf(label, sizeof(label), "user %s", name);
	if (!allowed(d, u->name, "RPUSH", push, sizeof(push)) ||
	    !allowed(d, u->name, "LPOP", take, sizeof(take)))
		return false;
	if (take[0] != '\0')
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, label,
				 "may take and change what is in %s%s", take,
				 u->nopass ? ", and needs no password" : ""),
		    "ACL SETUSER %s: off, or the rights of a producer (SECURITY.md)", name);
	else if (push[0] != '\0' && u->nopass)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, label,
				 "may push to %s and needs no password", push),
		    "ACL SETUSER %s resetpass >...", name);
	else if (push[0] != '\0')
		(void)stk_find(
		    f, STK_GRADE_OK, STK_AREA_REDIS, label, "may push to %s and no more", push);
	return true;
}

static bool is_us(const struct stk_doctor_redis *d, struct stk_span name)
{
	const char *us = d->config->redis_user != NULL ? d->config->redis_user : "default";

	return stk_span_eq(name, stk_span_str(us));
}

static void look_at_users(
    const struct stk_doctor_redis *d, const struct stk_reply *list, struct stk_findings *f)
{
	size_t others = 0;
	bool told = true;

	for (size_t i = 0; i < list->n && told; i++) {
		struct user u;

		if (list->elements[i].type != STK_REPLY_STRING ||
		    !parse_user(list->elements[i].bytes, &u) || !u.on || is_us(d, u.name))
			continue;
		if (++others > USERS_MAX)
			break;
		told = one_user(d, &u, f);
	}
	if (!told)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "users",
				 "there are others, and Redis does not tell what they may do"),
		    "ask as a user who has +acl|dryrun (Redis 7): --as USER --as-password FILE, or "
		    "look at ACL LIST yourself");
	else if (others > USERS_MAX)
		(void)stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "users",
		    "more than %d users; the first %d were looked at", USERS_MAX, USERS_MAX);
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "users",
		    "%zu other users are enabled", others);
}

void stk_doctor_acl(const struct stk_doctor_redis *d, struct stk_findings *f)
{
	struct stk_reply *r = NULL;
	char why[128];

	if (d->n_queues == 0 || !stk_redis_connected(d->link))
		return;
	if (stk_redis_words(d->link, &r, "ACL", "LIST", NULL) != STK_OK ||
	    r->type != STK_REPLY_ARRAY) {
		stk_find_clean(stk_span_str(stk_redis_why(d->link)), why, sizeof(why));
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "users",
				 "not told who else may write the queues: %s", why),
		    "ask as a user who has +acl|list: --as USER --as-password FILE (SECURITY.md "
		    "has "
		    "its ACL)");
	} else {
		look_at_users(d, r, f);
	}
	stk_reply_free(r);
}
