/*
 * vectors.c - runs published vectors through the objects that the worker is made of.
 *
 *   stockade-vectors explain --vectors FILE [--case NAME]   STK1 vectors: verdict, authenticated,
 * job id stockade-vectors recognise FILE                         exit 0: well-formed JSON, 1: not
 *   stockade-vectors outer DIR EXPECTED                     lines "file verdict recogniser" to
 * compare with
 *
 * A test tool: its class table is made in memory from the vectors' own list of handlers, and it may
 * build trees with jansson because the vectors are ours.
 */
#include "worker/admit.h"
#include "worker/scan.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (64u << 20)

static int complain(const char *what, const char *why)
{
	printf("not ok - %s: %s\n", what, why);
	return 1;
}

static enum stk_err read_path(const char *path, uint8_t **bytes, size_t *len)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	*bytes = NULL;
	return fd == -1 ? STK_E_SYSTEM : stk_read_all(fd, FILE_MAX_BYTES, bytes, len);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static int64_t number(const json_t *o, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(o, key));
}

/* Standard, padded base64, as the vectors carry raw bytes. */
static size_t base64(const char *in, uint8_t *out)
{
	static const char set[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (; *in != '\0' && *in != '='; in++) {
		acc = acc << 6 | (uint32_t)(strchr(set, *in) - set);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(acc >> bits);
		}
	}
	return n;
}

/* --- the ring and the class table that the vectors describe
 * ---------------------------------------- */

static size_t strings(const json_t *array, char **out, size_t max)
{
	size_t n = json_array_size(array) < max ? json_array_size(array) : max;

	for (size_t i = 0; i < n; i++)
		out[i] = strdup(json_string_value(json_array_get(array, i)));
	return n;
}

static void free_strings(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
}

static enum stk_err add_grants(
    struct stk_keyring *r, size_t principal, const json_t *allow, const char **why)
{
	enum stk_err e = STK_OK;

	for (size_t i = 0; i < json_array_size(allow) && e == STK_OK; i++) {
		const json_t *g = json_array_get(allow, i);
		char *queues[16], *classes[16];
		size_t n_queues = strings(json_object_get(g, "queues"), queues, 16);
		size_t n_classes = strings(json_object_get(g, "classes"), classes, 16);

		e = stk_keyring_add_grant(
		    r, principal, queues, n_queues, classes, n_classes, number(g, "max_body"), why);
		free_strings(queues, n_queues);
		free_strings(classes, n_classes);
	}
	return e;
}

static enum stk_err add_key(struct stk_keyring *r, const json_t *k, const char **why)
{
	struct stk_principal p = { .max_runs = number(k, "max_runs"),
		.max_delay_s = number(k, "max_delay"),
		.max_window_s = number(k, "max_window"),
		.rate_per_h = 3600,
		.burst = 1,
		.park_max = 1,
		.quarantine_max = 1 };
	struct stk_key key = { .revoked = json_is_true(json_object_get(k, "revoked")),
		.iat_from_s = number(k, "iat_from"),
		.iat_to_s = number(k, "iat_to"),
		.principal = r->n_principals };
	enum stk_err e;

	(void)snprintf(p.name, sizeof(p.name), "%s", text(k, "kid"));
	(void)snprintf(key.kid, sizeof(key.kid), "%s", text(k, "kid"));
	*why = "the key's material does not decode";
	if (!stk_alg_find(stk_span_str(text(k, "alg")), &key.alg))
		return STK_E_FORMAT;
	if (key.alg == STK_ALG_HMAC_SHA256) {
		key.secret = stk_secret_new();
		if (key.secret == NULL ||
		    !stk_b64url_decode(stk_span_str(text(k, "secret")), key.secret, STK_KEY_LEN))
			return STK_E_FORMAT;
	} else if (!stk_b64url_decode(
		       stk_span_str(text(k, "public")), key.public_key, STK_KEY_LEN)) {
		return STK_E_FORMAT;
	}
	if ((e = stk_keyring_add_principal(r, &p, why)) != STK_OK)
		return e;
	if ((e = add_grants(r, key.principal, json_object_get(k, "allow"), why)) != STK_OK)
		return e;
	return stk_keyring_add_key(r, &key, why);
}

static struct stk_keyring *make_ring(const json_t *config, const char **why)
{
	struct stk_keyring *r = stk_keyring_new();
	const json_t *auds = json_object_get(config, "audiences"),
		     *keys = json_object_get(config, "keys");
	enum stk_err e = r != NULL ? stk_seal_init() : STK_E_NOMEM;

	for (size_t i = 0; i < json_array_size(auds) && e == STK_OK; i++)
		e = stk_keyring_add_audience(r, json_string_value(json_array_get(auds, i)), why);
	for (size_t i = 0; i < json_array_size(keys) && e == STK_OK; i++)
		e = add_key(r, json_array_get(keys, i), why);
	if (e == STK_OK)
		return r;
	stk_keyring_free(r);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct stk_class_desc *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void make_classes(const json_t *handlers, struct stk_class_table *t)
{
	size_t n = json_array_size(handlers);

	t->classes = calloc(n + 1, sizeof(*t->classes));
	if (t->classes == NULL)
		return;
	t->head.n_classes = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(t->classes[i].name, sizeof(t->classes[i].name), "%s",
		    json_string_value(json_array_get(handlers, i)));
	qsort(t->classes, n, sizeof(*t->classes), by_name);
}

/* --- explain
 * ------------------------------------------------------------------------------------------ */

/* Prints the case's TAP line; true if everything is as the vector says. */
static bool run_case(const struct stk_gate *gate, const json_t *c)
{
	STK_AUTO_FREE uint8_t *raw = malloc(strlen(text(c, "raw_b64")) + 1);
	struct stk_parcel parcel = { 0 };
	struct stk_admission a;
	char id[2 * STK_JOB_ID_LEN + 1] = "";
	const char *name = text(c, "name"), *expect = text(c, "expect");
	bool auth = json_is_true(json_object_get(c, "auth")), ok;

	if (raw == NULL)
		return false;
	(void)snprintf(parcel.queue, sizeof(parcel.queue), "%s", text(c, "queue"));
	parcel.bytes = stk_span_of(raw, base64(text(c, "raw_b64"), raw));
	(void)stk_admit(gate, &parcel, number(c, "now"), &a);
	if (a.authenticated)
		stk_hex(a.job_id, sizeof(a.job_id), id);
	ok = strcmp(stk_verdict_text(a.verdict), expect) == 0 && a.authenticated == auth &&
	     strcmp(id, text(c, "id")) == 0 && (a.ticket != NULL) == (a.verdict == STK_V_ACCEPT) &&
	     stk_verdict_authenticated(a.verdict) == auth;
	printf("%s - stk1: %s\n", ok ? "ok" : "not ok", name);
	if (!ok)
		printf("# expected %s auth=%d id=%s, got %s auth=%d id=%s\n", expect, auth,
		    text(c, "id"), stk_verdict_text(a.verdict), a.authenticated, id);
	stk_admission_clear(&a);
	return ok;
}

static int run_cases(const json_t *root, const char *only)
{
	const json_t *config = json_object_get(root, "config"),
		     *cases = json_object_get(root, "cases");
	struct stk_class_table classes = { 0 };
	const char *why = "no keys";
	struct stk_keyring *ring = make_ring(config, &why);
	struct stk_gate gate = { .ring = ring,
		.classes = &classes,
		.max_payload_bytes = (size_t)number(config, "max_payload"),
		.max_body_bytes = (size_t)number(config, "max_body"),
		.skew_s = number(config, "skew") };
	size_t good = 0, all = 0;

	if (ring == NULL)
		return complain("the vectors' key ring", why);
	make_classes(json_object_get(config, "handlers"), &classes);
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *c = json_array_get(cases, i);

		if (only != NULL && strcmp(only, text(c, "name")) != 0)
			continue;
		all++;
		good += run_case(&gate, c);
	}
	printf("# %zu/%zu vectors agree\n", good, all);
	free(classes.classes);
	stk_keyring_free(ring);
	return all > 0 && good == all ? 0 : 1;
}

static int explain(const char *path, const char *only)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);
	int rc;

	if (root == NULL)
		return complain(path, error.text);
	rc = run_cases(root, only);
	json_decref(root);
	return rc;
}

/* --- recognise, outer
 * ------------------------------------------------------------------------------------ */

static int recognise(const char *path)
{
	STK_AUTO_FREE uint8_t *bytes = NULL;
	size_t len;

	if (read_path(path, &bytes, &len) != STK_OK)
		return 2;
	return stk_json_recognise(stk_span_of(bytes, len), STK_JSON_DEPTH, STK_JSON_ANY, NULL) ==
		       STK_OK
		   ? 0
		   : 1;
}

/* What admit with an empty ring and the recogniser say to one file of raw bytes. */
static void judge_file(const char *path, char *out, size_t cap)
{
	static const struct stk_keyring no_keys;
	static const struct stk_class_table no_classes;
	const struct stk_gate gate = { .ring = &no_keys,
		.classes = &no_classes,
		.max_payload_bytes = 128u << 10,
		.max_body_bytes = 64u << 10,
		.skew_s = 60 };
	STK_AUTO_FREE uint8_t *bytes = NULL;
	struct stk_parcel parcel = { .queue = "images" };
	struct stk_admission a;
	enum stk_err e;
	size_t len;

	if (read_path(path, &bytes, &len) != STK_OK) {
		(void)snprintf(out, cap, "unreadable");
		return;
	}
	parcel.bytes = stk_span_of(bytes, len);
	(void)stk_admit(&gate, &parcel, 1800000000, &a);
	e = stk_json_recognise(parcel.bytes, STK_JSON_DEPTH, STK_JSON_OBJECT, NULL);
	(void)snprintf(out, cap, "%s %s", stk_verdict_text(a.verdict),
	    e == STK_OK         ? "well-formed"
	    : e == STK_E_TOOBIG ? "too-deep"
				: "refused");
	stk_admission_clear(&a);
}

/* Every line of @table is "file verdict recogniser"; the files lie under @dir. */
static int outer(const char *dir, const char *table)
{
	FILE *f = fopen(table, "re");
	char file[256], want[128], got[128], path[1024];
	int bad = 0;

	if (f == NULL)
		return complain(table, "cannot be opened");
	while (fscanf(f, " %255s %127[^\n]", file, want) == 2) {
		if (file[0] == '#')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
		judge_file(path, got, sizeof(got));
		printf("%s - resque payload %s: %s\n", strcmp(got, want) == 0 ? "ok" : "not ok",
		    file, got);
		bad += strcmp(got, want) != 0;
	}
	(void)fclose(f);
	return bad == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "explain") == 0 && strcmp(argv[2], "--vectors") == 0)
		return explain(
		    argv[3], argc == 6 && strcmp(argv[4], "--case") == 0 ? argv[5] : NULL);
	if (argc == 3 && strcmp(argv[1], "recognise") == 0)
		return recognise(argv[2]);
	if (argc == 4 && strcmp(argv[1], "outer") == 0)
		return outer(argv[2], argv[3]);
	(void)fprintf(stderr, "usage: stockade-vectors explain --vectors FILE [--case NAME]\n"
			      "       stockade-vectors recognise FILE\n"
			      "       stockade-vectors outer DIR EXPECTED\n");
	return 64;
}
