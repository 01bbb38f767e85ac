/*
 * policy.c - see policy.h: the table of what a policy may say, and its way into a ring.
 */
#include "worker/policy.h"

#include "worker/parcel.h"
#include "worker/watch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct grant_text {
	struct stk_strings queues, classes;
	int64_t max_body_bytes, rate_per_h, burst;
	int line;
};

struct key_text {
	char *kid, *public_text, *secret_file;
	int alg;
	int64_t iat_from_s, iat_to_s;
	bool revoked;
	int line;
};

struct principal_text {
	char *name;
	struct stk_conf_list keys, grants;
	int64_t max_runs, max_delay_ms, max_window_ms, rate_per_h, burst, park_max, quarantine_max;
	bool is_operator;
	int line;
};

struct limit_text {
	char *cls, *queue;
	int64_t rate_per_h, burst, max_running;
	int line;
};

struct policy_text {
	struct stk_strings audiences;
	struct stk_conf_list principals, limits;
};

/* In the order of enum stk_alg. */
static const char *const algs[] = { "ed25519", "hmac-sha256", NULL };

#define COUNT_MAX 100000000
#define YEARS_MS  (10LL * 366 * 86400 * 1000)

#define NEED(T, nam, typ, member, ...)                                \
	{                                                             \
		.name = nam, .type = STK_SET_##typ, .required = true, \
		.offset = offsetof(T, member), __VA_ARGS__            \
	}
#define MAY(T, nam, typ, member, ...)                                                          \
	{                                                                                      \
		.name = nam, .type = STK_SET_##typ, .offset = offsetof(T, member), __VA_ARGS__ \
	}

// clang-format off
static const struct stk_setting grant_table[] = {
	NEED(struct grant_text, "queues", STRINGS, queues, .min = 1, .doc = "exact names, no wildcards"),
	NEED(struct grant_text, "classes", STRINGS, classes, .min = 1, .doc = "exact names, no wildcards"),
	NEED(struct grant_text, "max_body", BYTES, max_body_bytes, .min = 2, .max = STK_CONF_FILE_MAX,
	    .doc = "the most that the arguments' JSON may measure"),
	MAY(struct grant_text, "rate", RATE, rate_per_h, .max = 3600LL * COUNT_MAX, .doc = "starts of each of these classes"),
	MAY(struct grant_text, "burst", COUNT, burst, .max = COUNT_MAX, .doc = "starts at once before that rate counts"),
	{ .type = STK_SET_LINE, .offset = offsetof(struct grant_text, line) },
};

static const struct stk_setting key_table[] = {
	NEED(struct key_text, "kid", STRING, kid, .min = 1, .max = STK_KID_MAX, .doc = "the key's name in headers"),
	NEED(struct key_text, "alg", CHOICE, alg, .choices = algs, .doc = "ed25519 or hmac-sha256"),
	MAY(struct key_text, "public", STRING, public_text, .max = 64, .doc = "43 characters of base64url"),
	MAY(struct key_text, "secret_file", STRING, secret_file, .doc = "file with the HMAC key, mode 0400"),
	NEED(struct key_text, "iat_from", TIME, iat_from_s, .doc = "first second in which the key may sign"),
	NEED(struct key_text, "iat_to", TIME, iat_to_s, .doc = "from this second on it may not"),
	MAY(struct key_text, "revoked", BOOL, revoked, .def = "false"),
	{ .type = STK_SET_LINE, .offset = offsetof(struct key_text, line) },
};

#define P struct principal_text
static const struct stk_setting principal_table[] = {
	NEED(P, "name", STRING, name, .min = 1, .max = STK_PRINCIPAL_MAX, .doc = "a service, like \"web\""),
	NEED(P, "keys", LIST, keys, .sub = key_table, .n_sub = STK_ARRAY_LEN(key_table), .min = 1,
	    .item_size = sizeof(struct key_text), .doc = "its keys"),
	NEED(P, "grants", LIST, grants, .sub = grant_table, .n_sub = STK_ARRAY_LEN(grant_table), .min = 1,
	    .item_size = sizeof(struct grant_text), .doc = "what it may enqueue"),
	NEED(P, "max_runs", COUNT, max_runs, .min = 1, .max = STK_RUNS_MAX, .doc = "most starts of one job"),
	NEED(P, "max_delay", DURATION_MS, max_delay_ms, .max = YEARS_MS, .doc = "longest from issue to start"),
	NEED(P, "max_window", DURATION_MS, max_window_ms, .min = 1000, .max = YEARS_MS,
	    .doc = "longest from start to end time"),
	NEED(P, "rate", RATE, rate_per_h, .min = 1, .max = 3600LL * COUNT_MAX, .doc = "jobs it may start, like \"50/s\""),
	NEED(P, "burst", COUNT, burst, .min = 1, .max = COUNT_MAX, .doc = "jobs at once before the rate counts"),
	NEED(P, "park_max", COUNT, park_max, .min = 1, .max = COUNT_MAX, .doc = "most of its jobs that may wait parked"),
	NEED(P, "quarantine_max", COUNT, quarantine_max, .min = 1, .max = COUNT_MAX,
	    .doc = "most of its refused jobs kept for re-admission"),
	MAY(P, "operator", BOOL, is_operator, .def = "false", .doc = "may sign refused jobs again (quarantine readmit)"),
	{ .type = STK_SET_LINE, .offset = offsetof(P, line) },
};
#undef P

#define L struct limit_text
static const struct stk_setting limit_table[] = {
	MAY(L, "class", STRING, cls, .max = STK_CLASS_MAX, .doc = "exact name"),
	MAY(L, "queue", STRING, queue, .max = STK_QUEUE_MAX, .doc = "exact name"),
	MAY(L, "rate", RATE, rate_per_h, .max = 3600LL * COUNT_MAX, .doc = "starts, like \"50/s\""),
	MAY(L, "burst", COUNT, burst, .max = COUNT_MAX, .doc = "starts at once before the rate counts"),
	MAY(L, "max_running", COUNT, max_running, .max = COUNT_MAX, .doc = "most that run at once on all workers"),
	{ .type = STK_SET_LINE, .offset = offsetof(L, line) },
};
#undef L

static const struct stk_setting policy_table[] = {
	NEED(struct policy_text, "audiences", STRINGS, audiences, .min = 1, .doc = "names of this installation"),
	NEED(struct policy_text, "principals", LIST, principals, .sub = principal_table,
	    .n_sub = STK_ARRAY_LEN(principal_table), .item_size = sizeof(struct principal_text), .min = 1,
	    .doc = "who may sign"),
	MAY(struct policy_text, "limits", LIST, limits, .sub = limit_table,
	    .n_sub = STK_ARRAY_LEN(limit_table), .item_size = sizeof(struct limit_text),
	    .doc = "limits of classes, of queues and of all together"),
};
// clang-format on

struct load {
	const char *path, *base,
	    *shown; /* shown: the same folder by the name that outlives the load */
	struct stk_keyring *ring;
	struct stk_conf_error *e;
};

static enum stk_err blame(
    struct load *l, int line, const char *what, const char *name, const char *why)
{
	return stk_conf_blame(l->e, l->path, line, "%s \"%.64s\": %s", what, name, why);
}

/* The key's material from the file or the text, whichever its algorithm wants, and not the other.
 */
static enum stk_err take_material(struct load *l, const struct key_text *t, struct stk_key *k)
{
	enum stk_alg found;
	const char *why;
	enum stk_err e;

	if (k->alg == STK_ALG_ED25519) {
		if (t->public_text == NULL || t->secret_file != NULL)
			return blame(l, t->line, "key", t->kid,
			    "ed25519 wants `public` and no `secret_file`");
		if (!stk_b64url_decode(stk_span_str(t->public_text), k->public_key, STK_KEY_LEN))
			return blame(l, t->line, "key", t->kid,
			    "`public` is not 43 characters of base64url");
		return STK_OK;
	}
	if (t->secret_file == NULL || t->public_text != NULL)
		return blame(
		    l, t->line, "key", t->kid, "hmac-sha256 wants `secret_file` and no `public`");
	e = stk_key_file_read(l->base, t->secret_file, &found, &k->secret, &why);
	if (e != STK_OK)
		return stk_conf_blame(l->e, l->path, t->line, "key \"%.64s\": %.255s %s", t->kid,
		    t->secret_file, why);
	if (found == k->alg)
		return STK_OK;
	stk_secret_free(k->secret);
	k->secret = NULL;
	return blame(l, t->line, "key", t->kid,
	    "`secret_file` holds an ed25519 seed, which no worker needs");
}

/* The worker asks later whether a handler could read the file that the secret came from, and
 * whether it is still the same one. */
static enum stk_err remember_file(struct load *l, const struct key_text *t, struct stk_key *k)
{
	bool relative = t->secret_file != NULL && t->secret_file[0] != '/';

	if (t->secret_file == NULL)
		return STK_OK;
	if (asprintf(&k->secret_path, "%s%s%s", relative ? l->shown : "", relative ? "/" : "",
		t->secret_file) == -1) {
		k->secret_path = NULL;
		return STK_E_NOMEM;
	}
	l->ring->seen += stk_watch_file(k->secret_path);
	return STK_OK;
}

static enum stk_err add_key(struct load *l, size_t principal, const struct key_text *t)
{
	struct stk_key k = { .alg = t->alg == 0 ? STK_ALG_ED25519 : STK_ALG_HMAC_SHA256,
		.revoked = t->revoked,
		.iat_from_s = t->iat_from_s,
		.iat_to_s = t->iat_to_s,
		.principal = principal };
	const char *why;
	enum stk_err e = remember_file(l, t, &k);

	if (e == STK_OK)
		e = take_material(l, t, &k);
	if (e == STK_OK) {
		(void)snprintf(k.kid, sizeof(k.kid), "%s", t->kid);
		if (stk_keyring_add_key(l->ring, &k, &why) == STK_OK)
			return STK_OK;
		e = blame(l, t->line, "key", t->kid, why);
	}
	stk_secret_free(k.secret);
	free(k.secret_path);
	return e;
}

static enum stk_err add_principal(struct load *l, const struct principal_text *t)
{
	struct stk_principal p = { .max_runs = t->max_runs,
		.max_delay_s = t->max_delay_ms / 1000,
		.max_window_s = t->max_window_ms / 1000,
		.rate_per_h = t->rate_per_h,
		.burst = t->burst,
		.park_max = t->park_max,
		.quarantine_max = t->quarantine_max,
		.is_operator = t->is_operator };
	const struct grant_text *grants = t->grants.items;
	const struct key_text *keys = t->keys.items;
	const char *why;
	enum stk_err e = STK_OK;
	size_t me;

	(void)snprintf(p.name, sizeof(p.name), "%s", t->name);
	if (stk_keyring_add_principal(l->ring, &p, &why) != STK_OK)
		return blame(l, t->line, "principal", t->name, why);
	me = l->ring->n_principals - 1;
	for (size_t i = 0; i < t->grants.n; i++)
		if (stk_keyring_add_grant(l->ring, me, grants[i].queues.v, grants[i].queues.n,
			grants[i].classes.v, grants[i].classes.n, grants[i].max_body_bytes,
			&why) != STK_OK ||
		    stk_keyring_limit_grant(
			l->ring, me, grants[i].rate_per_h, grants[i].burst, &why) != STK_OK)
			return blame(l, grants[i].line, "a grant of", t->name, why);
	for (size_t i = 0; i < t->keys.n && e == STK_OK; i++)
		e = add_key(l, me, &keys[i]);
	return e;
}

static enum stk_err add_limit(struct load *l, const struct limit_text *t)
{
	const struct stk_policy_limit limit = { .cls = t->cls,
		.queue = t->queue,
		.rate_per_h = t->rate_per_h,
		.burst = t->burst,
		.max_running = t->max_running };
	const char *name = t->cls != NULL ? t->cls : t->queue != NULL ? t->queue : "all jobs";
	const char *why;

	if (stk_keyring_add_limit(l->ring, &limit, &why) == STK_OK)
		return STK_OK;
	return blame(l, t->line, "the limit of", name, why);
}

static enum stk_err fill(struct load *l, const struct policy_text *t)
{
	const struct principal_text *principals = t->principals.items;
	const char *why;
	enum stk_err e = STK_OK;

	for (size_t i = 0; i < t->audiences.n; i++)
		if (stk_keyring_add_audience(l->ring, t->audiences.v[i], &why) != STK_OK)
			return blame(l, 0, "audience", t->audiences.v[i], why);
	for (size_t i = 0; i < t->principals.n && e == STK_OK; i++)
		e = add_principal(l, &principals[i]);
	for (size_t i = 0; i < t->limits.n && e == STK_OK; i++)
		e = add_limit(l, (const struct limit_text *)t->limits.items + i);
	return e;
}

static enum stk_err parse(const char *path, const char *base, const char *shown,
    const uint8_t *bytes, size_t len, struct stk_keyring **out, struct stk_conf_error *error)
{
	struct policy_text t = { 0 };
	struct load l = {
		.path = path, .base = base, .shown = shown, .ring = stk_keyring_new(), .e = error
	};
	enum stk_err e;

	*out = NULL;
	if (l.ring == NULL || stk_seal_init() != STK_OK) {
		stk_keyring_free(l.ring);
		(void)stk_conf_blame(error, path, 0, "out of memory, or no source of randomness");
		return STK_E_NOMEM;
	}
	e = stk_conf_parse(path, bytes, len, policy_table, STK_ARRAY_LEN(policy_table), &t, error);
	if (e == STK_OK)
		e = fill(&l, &t);
	stk_conf_clear(policy_table, STK_ARRAY_LEN(policy_table), &t);
	if (e != STK_OK) {
		stk_keyring_free(l.ring);
		return e;
	}
	stk_sha256(stk_span_of(bytes, len), l.ring->digest);
	*out = l.ring;
	return STK_OK;
}

enum stk_err stk_policy_parse(const char *path, const char *base, const uint8_t *bytes, size_t len,
    struct stk_keyring **out, struct stk_conf_error *error)
{
	return parse(path, base, base, bytes, len, out, error);
}

/*
 * A mounted directory (Kubernetes) shows one generation of its files through the symlink ..data and
 * swaps that. It is opened once, so that policy and keys are never of two generations. -1: no such.
 */
static int open_generation(const char *folder, const char *name)
{
	char path[4096];
	struct stat st;
	int fd, n = snprintf(path, sizeof(path), "%s/..data", folder);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1 && fstatat(fd, name, &st, 0) == -1)
		stk_close(&fd);
	return fd;
}

static enum stk_err load(const char *path, struct stk_keyring **out, struct stk_conf_error *error)
{
	STK_AUTO_FREE uint8_t *bytes = NULL;
	STK_AUTO_FREE char *folder = strdup(path);
	const char *slash = strrchr(path, '/'), *base_of;
	const char *name = slash == NULL ? path : slash + 1;
	char base[64], file[4096];
	STK_AUTO_CLOSE int generation = -1;
	size_t len;
	enum stk_err e;

	*out = NULL;
	if (folder == NULL) {
		(void)stk_conf_blame(error, path, 0, "out of memory");
		return STK_E_NOMEM;
	}
	base_of = dirname(folder); /* NOLINT(clang-analyzer-unix.Malloc): the attribute frees it */
	generation = open_generation(base_of, name);
	if (generation == -1) {
		if ((e = stk_conf_read(path, &bytes, &len, error)) != STK_OK)
			return e; /* NOLINT(clang-analyzer-unix.Malloc): the attribute frees it */
		return parse(path, base_of, base_of, bytes, len, out, error);
	}
	(void)snprintf(base, sizeof(base), "/proc/self/fd/%d", generation);
	(void)snprintf(file, sizeof(file), "%s/%s", base, name);
	if ((e = stk_conf_read(file, &bytes, &len, error)) != STK_OK)
		return e; /* NOLINT(clang-analyzer-unix.Malloc): the attribute frees it */
	return parse(path, base, base_of, bytes, len, out, error);
}

enum stk_err stk_policy_load(
    const char *path, struct stk_keyring **out, struct stk_conf_error *error)
{
	uint64_t seen = stk_watch_file(path);
	enum stk_err e = load(path, out, error);

	if (e == STK_OK)
		(*out)->seen += seen;
	return e;
}

uint64_t stk_policy_seen(const char *path, const struct stk_keyring *ring)
{
	uint64_t sum = stk_watch_file(path);

	for (size_t i = 0; i < ring->n_keys; i++)
		sum += stk_watch_file(ring->keys[i].secret_path);
	return sum;
}
