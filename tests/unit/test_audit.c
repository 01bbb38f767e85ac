/*
 * test_audit.c - the audit trail: the chain goes on over restarts, files and torn lines; every way
 * of changing a trail afterwards is found; a policy's key cannot sign its heads.
 */
#include "tests/harness.h"

#include "worker/audit.h"
#include "worker/audit_check.h"
#include "worker/trail.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[256], key_file[300];

static int fresh_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");
	uint8_t seed[STK_KEY_LEN];
	char text[44];
	FILE *f;

	(void)state;
	assert_int_equal(stk_seal_init(), STK_OK);
	(void)snprintf(dir, sizeof(dir), "%s/audit-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(key_file, sizeof(key_file), "%s/heads.key", dir);
	stk_random(seed, sizeof(seed));
	stk_b64url_encode(seed, sizeof(seed), text, sizeof(text));
	f = fopen(key_file, "w");
	assert_non_null(f);
	(void)fprintf(f, "ed25519:%s\n", text);
	(void)fclose(f);
	assert_int_equal(chmod(key_file, 0400), 0);
	return 0;
}

static int drop_dir(void **state)
{
	char command[300];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command); /* NOLINT(cert-env33-c): a directory of our own making */
}

static struct stk_audit_options options(void)
{
	return (struct stk_audit_options){ .dir = dir, .slot = 0, .max_bytes = 1 << 20 };
}

static void open_audit(struct stk_audit *a, const struct stk_audit_options *o)
{
	enum stk_err e = stk_audit_open(a, o);

	if (e != STK_OK)
		fail_msg("open: %s", a->why);
}

static void add(struct stk_audit *a, const char *word)
{
	stk_jw_cstr(stk_audit_start(a, "decision"), "word", word);
	assert_true(stk_audit_end(a));
}

static struct stk_audit_found found[STK_AUDIT_SLOTS_MAX];

static const struct stk_audit_found *check(const char *key)
{
	const struct stk_audit_wanted w = { .key = key };
	size_t n;

	assert_int_equal(stk_audit_check(dir, &w, found, &n), STK_OK);
	assert_int_equal(n, 1);
	return &found[0];
}

static void whole(int64_t lines)
{
	const struct stk_audit_found *f = check(NULL);

	if (f->broken)
		fail_msg("%s, line %lld: %s", f->where, (long long)f->line, f->why);
	assert_int_equal(f->n_lines, lines);
}

static void path_of(int64_t first, char out[400])
{
	char name[STK_AUDIT_NAME_MAX];

	stk_audit_name(0, first, name);
	(void)snprintf(out, 400, "%s/%s", dir, name);
}

static char *slurp(const char *path, size_t *len)
{
	uint8_t *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(stk_read_all(fd, 1 << 20, &p, len), STK_OK);
	(void)close(fd);
	return (char *)p;
}

static void spit(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_int_equal(stk_write_all(fd, text, len), STK_OK);
	(void)close(fd);
}

static void the_chain_goes_on_after_a_restart(void **state)
{
	const struct stk_audit_options o = options();
	struct stk_audit a;

	(void)state;
	open_audit(&a, &o);
	add(&a, "one");
	add(&a, "two");
	stk_audit_close(&a); /* writes a head */
	open_audit(&a, &o);
	assert_int_equal(a.seq, 3);
	add(&a, "three");
	stk_audit_close(&a);
	whole(5);
	assert_int_equal(check(NULL)->n_heads, 2);
	assert_int_equal(check(NULL)->n_signed, 0);
}

static void a_full_file_is_followed_by_another(void **state)
{
	struct stk_audit_options o = options();
	struct stk_audit a;

	(void)state;
	o.max_bytes = 4096;
	open_audit(&a, &o);
	for (int i = 0; i < 100; i++)
		add(&a, "a word that fills the file");
	stk_audit_close(&a);
	open_audit(&a, &o);
	assert_int_equal(a.seq, 101);
	add(&a, "after");
	stk_audit_close(&a);
	whole(103);
	assert_true(check(NULL)->n_files > 3);
}

/* One of many files taken away from the middle; the oldest ones may be archived elsewhere. */
static void a_missing_file_is_found(void **state)
{
	struct stk_audit_options o = options();
	struct stk_audit a;
	int64_t firsts[64], seq;
	size_t n = 0;
	unsigned slot;
	char path[400];

	(void)state;
	o.max_bytes = 4096;
	open_audit(&a, &o);
	for (int i = 0; i < 100; i++) {
		char name[STK_AUDIT_NAME_MAX];

		stk_audit_name(0, a.seq + 1, name);
		assert_true(stk_audit_name_parse(name, &slot, &seq));
		add(&a, "a word that fills the file");
		path_of(seq, path);
		if (access(path, F_OK) == 0)
			firsts[n++] = seq;
	}
	stk_audit_close(&a);
	assert_true(n >= 4);
	path_of(firsts[0], path);
	assert_int_equal(unlink(path), 0);
	assert_false(check(NULL)->broken);
	assert_int_equal(check(NULL)->first_seq, firsts[1]);
	path_of(firsts[2], path);
	assert_int_equal(unlink(path), 0);
	assert_true(check(NULL)->broken);
	assert_string_equal(check(NULL)->why, "lines are missing before this one");
}

static void a_torn_line_is_told_and_nothing_else_is_forgiven(void **state)
{
	const struct stk_audit_options o = options();
	struct stk_audit a;
	char path[400];
	size_t len;
	char *text;
	FILE *f;

	(void)state;
	open_audit(&a, &o);
	add(&a, "one");
	path_of(1, path);
	f = fopen(path, "a");
	(void)fputs("{\"v\":1,\"seq\":2,\"at", f); /* as a crash leaves it */
	(void)fclose(f);
	(void)close(a.fd);
	a.fd = -1;
	stk_audit_close(&a);
	whole(1); /* the newest line may be in the middle of its writing */
	open_audit(&a, &o);
	assert_int_equal(a.seq, 1);
	add(&a, "two");
	stk_audit_close(&a);
	whole(3);
	assert_int_equal(check(NULL)->n_torn, 1);

	/* the same hole, longer than what the next line says */
	text = slurp(path, &len);
	f = fopen(path, "w");
	for (size_t i = 0; i < len; i++) {
		(void)fputc(text[i], f);
		if (strncmp(text + i, ",\"at\n", 5) == 0)
			(void)fputs("xx", f);
	}
	(void)fclose(f);
	free(text);
	assert_true(check(NULL)->broken);
}

/* Each change to a trail of ten lines, by line number from 0; the file is put back in between. */
static void every_change_is_found(void **state)
{
	const struct stk_audit_options o = options();
	struct stk_audit a;
	char path[400], *text, *copy, *lines[11];
	size_t len, n = 0;

	(void)state;
	open_audit(&a, &o);
	for (int i = 0; i < 9; i++)
		add(&a, "word");
	stk_audit_close(&a);
	path_of(1, path);
	text = slurp(path, &len);
	for (size_t i = 0; i < len; i++)
		if (i == 0 || text[i - 1] == '\n')
			lines[n++] = text + i;
	assert_int_equal(n, 10);
	lines[10] = text + len;
	copy = malloc(2 * len);
	for (size_t l = 0; l < 9; l++) {
		size_t at = (size_t)(lines[l] - text), size = (size_t)(lines[l + 1] - lines[l]);

		/* a changed word; the last line but one is guarded by the head behind it */
		memcpy(copy, text, len);
		*strstr(copy + at, "word\":\"word") = 'W';
		spit(path, copy, len);
		assert_true(check(NULL)->broken);
		/* a line taken out; without the first, what came before is simply elsewhere, but
		 * the file's name tells */
		memcpy(copy, text, at);
		memcpy(copy + at, text + at + size, len - at - size);
		spit(path, copy, len - size);
		assert_true(check(NULL)->broken);
		/* a line that stands twice */
		memcpy(copy, text, at + size);
		memcpy(copy + at + size, text + at, len - at);
		spit(path, copy, len + size);
		assert_true(check(NULL)->broken);
		/* a line of garbage put in */
		memcpy(copy, text, at);
		memcpy(copy + at, "garbage\n", 8);
		memcpy(copy + at + 8, text + at, len - at);
		spit(path, copy, len + 8);
		assert_true(check(NULL)->broken);
	}
	spit(path, text, len);
	whole(10);
	free(copy);
	free(text);
}

static void heads_are_signed_and_checked(void **state)
{
	struct stk_audit_options o = options();
	struct stk_audit a;
	char path[400], key[44], *text, *sig;
	size_t len;

	(void)state;
	o.key_file = key_file;
	open_audit(&a, &o);
	memcpy(key, a.key, sizeof(key));
	for (int i = 0; i < 600; i++) {
		add(&a, "word");
		stk_audit_tick(&a);
	}
	stk_audit_close(&a);
	whole(603);
	assert_int_equal(check(key)->n_signed, 3);
	assert_false(check(key)->broken);
	assert_string_equal(check(key)->key, key);
	assert_true(check("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")->broken);
	path_of(1, path);
	text = slurp(path, &len);
	sig = strstr(text, "\"sig\":\"") + 10;
	*sig = *sig == 'A' ? 'B' : 'A';
	spit(path, text, len);
	free(text);
	assert_true(check(NULL)->broken);
	assert_string_equal(check(NULL)->why, "a head's signature does not fit");
}

static void a_key_of_the_policy_is_refused(void **state)
{
	struct stk_keyring *ring = stk_keyring_new();
	struct stk_principal p = { .name = "web",
		.max_runs = 1,
		.max_delay_s = 1,
		.max_window_s = 1,
		.rate_per_h = 1,
		.burst = 1,
		.park_max = 1,
		.quarantine_max = 1 };
	struct stk_key k = { .kid = "web-1", .alg = STK_ALG_ED25519, .iat_to_s = 4000000000 };
	struct stk_audit_options o = options();
	struct stk_audit a;
	enum stk_alg alg;
	uint8_t *seed;
	const char *why;

	(void)state;
	assert_int_equal(stk_key_file_read(NULL, key_file, &alg, &seed, &why), STK_OK);
	stk_seal_public(seed, k.public_key);
	stk_secret_free(seed);
	assert_int_equal(stk_keyring_add_principal(ring, &p, &why), STK_OK);
	assert_int_equal(stk_keyring_add_key(ring, &k, &why), STK_OK);
	o.key_file = key_file;
	o.ring = ring;
	assert_int_equal(stk_audit_open(&a, &o), STK_E_REFUSED);
	assert_non_null(strstr(a.why, "in the policy"));
	stk_audit_close(&a);
	stk_keyring_free(ring);
}

static void a_foreign_file_is_not_appended_to(void **state)
{
	const struct stk_audit_options o = options();
	struct stk_audit a;
	char path[400];

	(void)state;
	path_of(1, path);
	spit(path, "hello\n", 6);
	assert_int_equal(stk_audit_open(&a, &o), STK_E_FORMAT);
	stk_audit_close(&a);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(stk_audit_open(&a, &o), STK_E_SYSTEM);
	stk_audit_close(&a);
}

static void without_a_directory_nothing_is_kept(void **state)
{
	const struct stk_audit_options o = { .dir = NULL };
	struct stk_trail t = { 0 };
	const struct stk_decision d = { .verdict = STK_V_ACCEPT, .queue = "q" };

	(void)state;
	open_audit(&t.audit, &o);
	assert_true(stk_trail_decide(&t, &d));
	stk_trail_count(&t, STK_V_E_UNSIGNED, "q", 5);
	assert_int_equal(t.n_sums, 0);
	stk_trail_close(&t);
}

/* A flood of anybody's making leaves sums, and of one copied job a hundred lines a minute; of what
 * a key's holder signs a thousand. */
static void floods_leave_sums(void **state)
{
	const struct stk_audit_options o = options();
	static struct stk_trail t;
	struct stk_decision d = { .verdict = STK_V_E_QUEUE_MISMATCH, .queue = "q" };
	char queue[16];
	int64_t before;

	(void)state;
	memset(&t, 0, sizeof(t));
	open_audit(&t.audit, &o);
	t.minute = INT64_MAX; /* until told otherwise */
	for (int i = 0; i < 10000; i++)
		assert_true(stk_trail_decide(&t, &d));
	/* the minute of the budget may turn once meanwhile */
	assert_true(t.audit.seq >= 100 && t.audit.seq <= 210);
	/* what only a key's holder signs, and then anybody repeats: bounded too, not so soon */
	d.verdict = STK_V_E_POLICY_DENIED;
	for (int i = 0; i < 10000; i++)
		assert_true(stk_trail_decide(&t, &d));
	assert_true(t.audit.seq >= 1100 && t.audit.seq <= 2210);
	/* each start has its line */
	d.verdict = STK_V_ACCEPT;
	before = t.audit.seq;
	for (int i = 0; i < 3000; i++)
		assert_true(stk_trail_decide(&t, &d));
	assert_int_equal(t.audit.seq, before + 3000);
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(queue, sizeof(queue), "q%d", i % 1000);
		stk_trail_count(&t, STK_V_E_UNSIGNED, queue, 1);
		stk_trail_count(&t, STK_V_E_OUTER_JSON, queue, 1);
		t.minute = (int64_t)time(NULL) / 60;
	}
	assert_true(t.n_sums <= STK_TRAIL_SUMS);
	stk_trail_close(&t);
	assert_true(check(NULL)->n_lines < 6300);
	assert_false(check(NULL)->broken);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, fresh_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		EACH(the_chain_goes_on_after_a_restart),
		EACH(a_full_file_is_followed_by_another),
		EACH(a_missing_file_is_found),
		EACH(a_torn_line_is_told_and_nothing_else_is_forgiven),
		EACH(every_change_is_found),
		EACH(heads_are_signed_and_checked),
		EACH(a_key_of_the_policy_is_refused),
		EACH(a_foreign_file_is_not_appended_to),
		EACH(without_a_directory_nothing_is_kept),
		EACH(floods_leave_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
