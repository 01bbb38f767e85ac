/*
 * keys_look.c - `stockade keys show|check|diff`: what keys there are, what is wrong with them or
 * soon will be, and what changed. Reads secrets only to know their public halves; prints none.
 */
#include "worker/cli/keys.h"
#include "worker/cli/options.h"
#include "worker/jsonw.h"
#include "worker/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SOON_S (30 * 86400)

static void day(int64_t s, char out[static 16])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(out, 16, "?");
}

/* An HMAC key has no public half; a short digest tells two of them apart and nothing more. */
static void fingerprint(
    enum stk_alg alg, const uint8_t *secret, const uint8_t *public_key, char out[static 44])
{
	uint8_t digest[STK_SHA256_LEN];
	static const char salt[] = "stockade hmac key fingerprint v1";
	uint8_t text[sizeof(salt) + STK_KEY_LEN];

	if (alg == STK_ALG_ED25519) {
		stk_b64url_encode(public_key, STK_KEY_LEN, out, 44);
		return;
	}
	memcpy(text, salt, sizeof(salt));
	memcpy(text + sizeof(salt), secret, STK_KEY_LEN);
	stk_sha256(stk_span_of(text, sizeof(text)), digest);
	stk_wipe(text, sizeof(text));
	stk_b64url_encode(digest, 6, out, 44);
}

/* --- show ------------------------------------------------------------------------------------- */

static int show_one(const char *path)
{
	uint8_t public_key[STK_KEY_LEN] = { 0 };
	const char *why = NULL;
	uint8_t *secret;
	enum stk_alg alg;
	char text[44];

	if (stk_key_file_read(NULL, path, &alg, &secret, &why) != STK_OK)
		return stk_complain(STK_EX_NOINPUT, "%s: %s", path, why);
	if (alg == STK_ALG_ED25519)
		stk_seal_public(secret, public_key);
	fingerprint(alg, secret, public_key, text);
	stk_secret_free(secret);
	(void)printf("%s: alg = \"%s\"; %s\n", path, stk_alg_text(alg),
	    alg == STK_ALG_ED25519 ? "" : "secret_file; ");
	(void)printf("    %s %s\n", alg == STK_ALG_ED25519 ? "public" : "fingerprint", text);
	return 0;
}

int stk_keys_show(int argc, char **argv)
{
	int code = 0;

	if (argc < 2 || argv[1][0] == '-')
		return stk_usage(
		    &stk_cmd_keys, argc > 1 && strcmp(argv[1], "--help") == 0 ? 0 : STK_EX_USAGE);
	if (stk_seal_init() != STK_OK)
		return stk_complain(STK_EX_OS, "libsodium did not start");
	for (int i = 1; i < argc; i++) {
		int one = show_one(argv[i]);

		code = code == 0 ? one : code;
	}
	return code;
}

/* --- check ------------------------------------------------------------------------------------ */

enum state {
	ACTIVE,
	NOT_YET,
	RETIRING,
	RETIRED,
	REVOKED,
};
static const char *const state_names[] = {
	[ACTIVE] = "active",
	[NOT_YET] = "not yet",
	[RETIRING] = "ends soon",
	[RETIRED] = "ended",
	[REVOKED] = "revoked",
};

static enum state state_of(const struct stk_key *k, int64_t now)
{
	if (k->revoked)
		return REVOKED;
	if (now >= k->iat_to_s)
		return RETIRED;
	if (now < k->iat_from_s)
		return NOT_YET;
	return k->iat_to_s - now < SOON_S ? RETIRING : ACTIVE;
}

/* A principal none of whose keys signs today, or will in a month, is about to fall silent. */
static bool covered(const struct stk_keyring *ring, size_t principal, int64_t at)
{
	for (size_t i = 0; i < ring->n_keys; i++) {
		const struct stk_key *k = &ring->keys[i];

		if (k->principal == principal && !k->revoked && k->iat_from_s <= at &&
		    at < k->iat_to_s)
			return true;
	}
	return false;
}

static void check_line(struct stk_jw *w, bool json, const struct stk_keyring *ring,
    const struct stk_key *k, int64_t now)
{
	enum state s = state_of(k, now);
	char from[16], to[16], print[44];

	day(k->iat_from_s, from);
	day(k->iat_to_s, to);
	fingerprint(k->alg, k->secret, k->public_key, print);
	if (!json) {
		(void)printf("%-9s %-24s %-16s %-11s %s  %s  %s\n", state_names[s], k->kid,
		    ring->principals[k->principal].name, stk_alg_text(k->alg), from, to, print);
		return;
	}
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "kid", k->kid);
	stk_jw_cstr(w, "principal", ring->principals[k->principal].name);
	stk_jw_cstr(w, "alg", stk_alg_text(k->alg));
	stk_jw_cstr(w, "state", state_names[s]);
	stk_jw_int(w, "iat_from", k->iat_from_s);
	stk_jw_int(w, "iat_to", k->iat_to_s);
	stk_jw_cstr(w, "fingerprint", print);
	stk_jw_close(w, '}');
}

/* Complaints go to stderr, so that the table and the JSON stay what they are. */
static bool check_principals(const struct stk_keyring *ring, int64_t now)
{
	bool wrong = false;

	for (size_t p = 0; p < ring->n_principals; p++) {
		const char *name = ring->principals[p].name;

		if (!covered(ring, p, now)) {
			(void)stk_complain(1, "%s has no key that may sign today; add one", name);
			wrong = true;
		} else if (!covered(ring, p, now + SOON_S)) {
			(void)stk_complain(1,
			    "%s has no key that may sign in 30 days; publish its next one now",
			    name);
			wrong = true;
		}
	}
	return wrong;
}

/* Does this private key belong to the policy, and may it still sign? */
static bool check_file(const struct stk_keyring *ring, const char *path, int64_t now)
{
	uint8_t public_key[STK_KEY_LEN] = { 0 };
	const struct stk_key *k = NULL;
	const char *why = NULL;
	uint8_t *secret;
	enum stk_alg alg;

	if (stk_key_file_read(NULL, path, &alg, &secret, &why) != STK_OK) {
		(void)stk_complain(1, "%s: %s", path, why);
		return true;
	}
	if (alg == STK_ALG_ED25519)
		stk_seal_public(secret, public_key);
	for (size_t i = 0; k == NULL && i < ring->n_keys; i++)
		if (ring->keys[i].alg == alg &&
		    (alg == STK_ALG_ED25519
			    ? memcmp(ring->keys[i].public_key, public_key, STK_KEY_LEN) == 0
			    : stk_same_secret(ring->keys[i].secret, secret, STK_KEY_LEN)))
			k = &ring->keys[i];
	stk_secret_free(secret);
	if (k == NULL)
		(void)stk_complain(1,
		    "%s is in no principal of this policy: what it signs is "
		    "E_KEY_UNKNOWN",
		    path);
	else if (state_of(k, now) != ACTIVE)
		(void)stk_complain(
		    1, "%s is %s, whose state is: %s", path, k->kid, state_names[state_of(k, now)]);
	return k == NULL || state_of(k, now) != ACTIVE;
}

static int check(const struct stk_options *o, const char *policy, char *const *files, int n)
{
	struct stk_keyring *ring;
	struct stk_conf_error e;
	int64_t now = (int64_t)time(NULL);
	bool wrong, bold = !o->json && isatty(STDOUT_FILENO) == 1;
	struct stk_jw w;

	if (stk_policy_load(policy, &ring, &e) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	stk_jw_init(&w, 4 << 20);
	stk_jw_open(&w, NULL, '[');
	if (!o->json)
		(void)printf("%s%-9s %-24s %-16s %-11s %-10s  %-10s  %s%s\n", bold ? "\033[1m" : "",
		    "state", "kid", "principal", "alg", "from", "to", "public or fingerprint",
		    bold ? "\033[0m" : "");
	for (size_t i = 0; i < ring->n_keys; i++)
		check_line(&w, o->json, ring, &ring->keys[i], now);
	stk_jw_close(&w, ']');
	if (o->json)
		(void)puts(w.buf);
	stk_jw_clear(&w);
	wrong = check_principals(ring, now);
	for (int i = 0; i < n; i++)
		wrong = check_file(ring, files[i], now) || wrong;
	stk_keyring_free(ring);
	return wrong ? 1 : 0;
}

int stk_keys_check(int argc, char **argv)
{
	struct stk_options o;
	struct stk_config config;
	int code = stk_options_parse(&stk_cmd_keys, "cpj", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if ((code = stk_options_config(&o, false, &config)) != 0)
		return code;
	if (stk_seal_init() != STK_OK)
		code = stk_complain(STK_EX_OS, "libsodium did not start");
	else
		code = check(&o, config.policy, argv + o.first_operand, argc - o.first_operand);
	stk_config_clear(&config);
	return code;
}

/* --- diff ------------------------------------------------------------------------------------- */

static const struct stk_key *find_kid(const struct stk_keyring *ring, const char *kid)
{
	for (size_t i = 0; i < ring->n_keys; i++)
		if (strcmp(ring->keys[i].kid, kid) == 0)
			return &ring->keys[i];
	return NULL;
}

struct change {
	const char *what; /* "added", "removed", or which member changed */
	char from[80], to[80];
};

static size_t changes(const struct stk_keyring *ra, const struct stk_key *a,
    const struct stk_keyring *rb, const struct stk_key *b, struct change out[static 6])
{
	char pa[44], pb[44], day_a[16], day_b[16];
	size_t n = 0;

#define CHANGE(name, x, y)                                                         \
	do {                                                                       \
		if (strcmp(x, y) != 0) {                                           \
			out[n].what = (name);                                      \
			(void)snprintf(out[n].from, sizeof(out[n].from), "%s", x); \
			(void)snprintf(out[n++].to, sizeof(out[0].to), "%s", y);   \
		}                                                                  \
	} while (0)
	fingerprint(a->alg, a->secret, a->public_key, pa);
	fingerprint(b->alg, b->secret, b->public_key, pb);
	CHANGE("key", pa, pb);
	CHANGE("alg", stk_alg_text(a->alg), stk_alg_text(b->alg));
	CHANGE("principal", ra->principals[a->principal].name, rb->principals[b->principal].name);
	CHANGE("revoked", a->revoked ? "yes" : "no", b->revoked ? "yes" : "no");
	day(a->iat_from_s, day_a);
	day(b->iat_from_s, day_b);
	CHANGE("iat_from", day_a, day_b);
	day(a->iat_to_s, day_a);
	day(b->iat_to_s, day_b);
	CHANGE("iat_to", day_a, day_b);
#undef CHANGE
	return n;
}

static void tell(struct stk_jw *w, bool json, const char *kid, const struct change *c)
{
	if (!json) {
		(void)printf("%-24s %-9s %s%s%s\n", kid, c->what, c->from,
		    c->to[0] == '\0' ? "" : " -> ", c->to);
		return;
	}
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "kid", kid);
	stk_jw_cstr(w, "change", c->what);
	stk_jw_cstr(w, "from", c->from);
	stk_jw_cstr(w, "to", c->to);
	stk_jw_close(w, '}');
}

static bool compare(const struct stk_keyring *old, const struct stk_keyring *new, bool json)
{
	struct change c[6];
	bool any = false;
	struct stk_jw w;

	stk_jw_init(&w, 4 << 20);
	stk_jw_open(&w, NULL, '[');
	for (size_t i = 0; i < old->n_keys; i++) {
		const struct stk_key *k = find_kid(new, old->keys[i].kid);
		size_t n = 1;

		c[0] = (struct change){ .what = "removed" };
		if (k != NULL)
			n = changes(old, &old->keys[i], new, k, c);
		for (size_t j = 0; j < n; j++)
			tell(&w, json, old->keys[i].kid, &c[j]);
		any = any || n > 0;
	}
	for (size_t i = 0; i < new->n_keys; i++) {
		if (find_kid(old, new->keys[i].kid) != NULL)
			continue;
		c[0] = (struct change){ .what = "added" };
		(void)snprintf(c[0].from, sizeof(c[0].from), "to %s",
		    new->principals[new->keys[i].principal].name);
		tell(&w, json, new->keys[i].kid, &c[0]);
		any = true;
	}
	stk_jw_close(&w, ']');
	if (json)
		(void)puts(w.buf);
	stk_jw_clear(&w);
	return any;
}

int stk_keys_diff(int argc, char **argv)
{
	struct stk_keyring *old = NULL, *new = NULL;
	struct stk_conf_error e;
	struct stk_options o;
	int code = stk_options_parse(&stk_cmd_keys, "j", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (argc - o.first_operand != 2)
		return stk_usage(&stk_cmd_keys, STK_EX_USAGE);
	if (stk_seal_init() != STK_OK)
		return stk_complain(STK_EX_OS, "libsodium did not start");
	if (stk_policy_load(argv[o.first_operand], &old, &e) != STK_OK ||
	    stk_policy_load(argv[o.first_operand + 1], &new, &e) != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	else
		code = compare(old, new, o.json) ? 1 : 0;
	stk_keyring_free(old);
	stk_keyring_free(new);
	return code;
}
