/*
 * test_handed.c - secrets and settings: what is read, what a class gets, what no other job finds,
 * and what is blotted out when a handler talks.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include "worker/handed.h"
#include "worker/seal.h"
#include "worker/vault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_LEN 16u

static struct stk_stand stand;
static struct stk_config config;
static char alpha_path[300], beta_path[300];

static void put(const char *path, const char *bytes, size_t len, mode_t mode)
{
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd != -1);
	assert_int_equal(stk_write_all(fd, bytes, len), STK_OK);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void map(struct stk_map *m, const char *const (*pairs)[2], size_t n)
{
	m->v = calloc(n + 1, sizeof(*m->v));
	assert_non_null(m->v);
	for (m->n = 0; m->n < n; m->n++) {
		m->v[m->n].name = strdup(pairs[m->n][0]);
		m->v[m->n].value = strdup(pairs[m->n][1]);
	}
}

/* Drawn anew for each run, and never whole in a constant: the search must not find the test. */
static void draw(char out[KEY_LEN + 1], char masked[2 * KEY_LEN + 1])
{
	unsigned char mask[KEY_LEN];

	stk_random(mask, sizeof(mask));
	for (size_t i = 0; i < KEY_LEN; i++) {
		out[i] = (char)('a' + mask[i] % 26);
		mask[i] = (unsigned char)(out[i] ^ 0x5a);
	}
	out[KEY_LEN] = '\0';
	stk_hex(mask, sizeof(mask), masked);
}

static char alpha[KEY_LEN + 1], alpha_masked[2 * KEY_LEN + 1];
static char beta[KEY_LEN + 1], beta_masked[2 * KEY_LEN + 1];

static int up(void **state)
{
	const char *pairs[2][2] = { { "alpha", alpha_path }, { "beta", beta_path } };
	const char *const settings[][2] = { { "colour", "teal" } };
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("test/hostile-cage", program), NULL);
	assert_int_equal(stk_seal_init(), STK_OK);
	(void)snprintf(alpha_path, sizeof(alpha_path), "%s-alpha", stand.dir);
	(void)snprintf(beta_path, sizeof(beta_path), "%s-beta", stand.dir);
	draw(alpha, alpha_masked);
	draw(beta, beta_masked);
	put(alpha_path, alpha, KEY_LEN, 0400);
	put(beta_path, beta, KEY_LEN, 0400);
	map(&config.secrets, (const char *const(*)[2])pairs, 2);
	map(&config.settings, settings, 1);
	return 0;
}

static int down(void **state)
{
	(void)state;
	(void)unlink(alpha_path);
	(void)unlink(beta_path);
	stand_close(&stand);
	for (size_t i = 0; i < config.secrets.n; i++) {
		free(config.secrets.v[i].name);
		free(config.secrets.v[i].value);
	}
	free(config.secrets.v);
	free(config.settings.v[0].name);
	free(config.settings.v[0].value);
	free(config.settings.v);
	return 0;
}

static int index_of(const char *class_name)
{
	int i = stk_class_find(&stand.table, stk_span_str(class_name));

	assert_true(i >= 0);
	return i;
}

/* Everything that the classes of the stand's cage program are handed, as a worker holds it. */
static void load(struct stk_handed *h)
{
	char why[512] = "";
	int code = stk_handed_load(&config, &stand.table, -1, h, why, sizeof(why));

	if (code != 0)
		fail_msg("%d: %s", code, why);
}

static void run(
    const struct stk_handed *h, const char *class_name, const char *args, struct stk_outcome *o)
{
	stand.handed = stk_handed_span(h, (uint32_t)index_of(class_name));
	assert_int_equal(stand_run(&stand, class_name, args, o), STK_OK);
	stand.handed = stk_span_of(NULL, 0);
}

/* --- what a class gets ------------------------------------------------------------------------ */

static void a_class_gets_what_it_names(void **state)
{
	struct stk_handed h;
	struct stk_outcome o;
	char want[128];

	(void)state;
	load(&h);
	assert_true(h.of[index_of("Hostile::ShowHanded")].len > 0);
	assert_null(h.of[index_of("Hostile::FindSecret")].block);
	run(&h, "Hostile::ShowHanded", "[\"alpha\",\"beta\",\"colour\",\"gamma\"]", &o);
	(void)snprintf(
	    want, sizeof(want), "alpha=%s/-;beta=%s/-;colour=-/teal;gamma=-/-;", alpha, beta);
	if (o.name != STK_OUT_DONE || o.output_tail_len != strlen(want) ||
	    memcmp(o.output_tail, want, strlen(want)) != 0)
		fail_msg("%s: %.*s", o.why, (int)o.output_tail_len, (const char *)o.output_tail);
	stk_outcome_clear(&o);
	stk_handed_clear(&h);
}

/* As large as it may be: more than a pipe holds at once. */
static void a_full_vault_arrives_whole(void **state)
{
	char *big = malloc(STK_HANDED_EACH + 1);
	struct stk_handed h;
	struct stk_outcome o;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', STK_HANDED_EACH);
	put(alpha_path, big, STK_HANDED_EACH, 0400);
	put(beta_path, big, STK_HANDED_EACH, 0440);
	load(&h);
	run(&h, "Hostile::ShowHanded", "[\"colour\"]", &o);
	assert_int_equal(o.name, STK_OUT_DONE);
	stk_outcome_clear(&o);
	stk_handed_clear(&h);
	put(alpha_path, alpha, KEY_LEN, 0400);
	put(beta_path, beta, KEY_LEN, 0400);
	free(big);
}

static void a_vault_of_the_wrong_shape_runs_nothing(void **state)
{
	static const uint8_t wrong[][8] = { { 255, 255, 255, 255 }, { 1, 0, 0, 0, 'x', 'x' },
		{ 3 } };
	struct stk_outcome o;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(wrong); i++) {
		stand.handed = stk_span_of(wrong[i], sizeof(wrong[i]) - i);
		assert_int_equal(stand_run(&stand, "Hostile::TellSecret", "[]", &o), STK_OK);
		stand.handed = stk_span_of(NULL, 0);
		assert_int_equal(o.name, STK_OUT_NON_ZERO_EXIT);
		stk_outcome_clear(&o);
	}
}

/* --- what is refused at start ----------------------------------------------------------------- */

static void refused(int want, const char *part)
{
	struct stk_handed h;
	char why[512] = "";
	int code = stk_handed_load(
	    &config, &stand.table, index_of("Hostile::TellSecret"), &h, why, sizeof(why));

	if (code != want || strstr(why, part) == NULL || strstr(why, "alpha") == NULL)
		fail_msg("%d: %s (expected %d: ...%s...)", code, why, want, part);
	assert_null(strstr(why, alpha));
	stk_handed_clear(&h);
}

static void a_bad_file_stops_the_start_by_name(void **state)
{
	char big[STK_HANDED_EACH + 1], link[320];
	size_t n = config.secrets.n;

	(void)state;
	put(alpha_path, alpha, KEY_LEN, 0444);
	refused(78, "chmod 0400");
	put(alpha_path, alpha, KEY_LEN, 0600);
	refused(78, "chmod 0400");
	put(alpha_path, "", 0, 0400);
	refused(78, "is empty");
	put(alpha_path, "\n", 1, 0400);
	refused(78, "is empty");
	memset(big, 'x', sizeof(big));
	put(alpha_path, big, sizeof(big), 0400);
	refused(78, "larger than 4096 bytes");
	(void)unlink(alpha_path);
	refused(66, "no such file");
	(void)snprintf(link, sizeof(link), "/etc/passwd");
	assert_int_equal(symlink(link, alpha_path), 0);
	refused(78, "symlink out of its own folder");
	config.secrets.n = 0;
	refused(78, "add secrets = { alpha =");
	config.secrets.n = n;
	put(alpha_path, alpha, KEY_LEN, 0400);
}

static void one_newline_is_the_editors(void **state)
{
	struct stk_handed h;
	struct stk_span s;

	(void)state;
	put(alpha_path, "pass\n\n", 6, 0400);
	load(&h);
	s = stk_handed_span(&h, (uint32_t)index_of("Hostile::TellSecret"));
	assert_int_equal(s.len, 4 + 5 + 1);
	assert_memory_equal(s.p + 4, "pass\n", 6);
	stk_handed_clear(&h);
	put(alpha_path, alpha, KEY_LEN, 0400);
}

/* --- what no other job finds ------------------------------------------------------------------ */

static void search(const struct stk_handed *h, const char *class_name, const char *masked,
    const char *where, enum stk_outcome_name want)
{
	struct stk_outcome o;
	char args[128];

	(void)snprintf(args, sizeof(args), "[\"%s\",\"%s\"]", masked, where);
	run(h, class_name, args, &o);
	if (o.name != want)
		fail_msg("%s in %s: %s: %s", class_name, where, stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
}

static void another_classes_secret_is_nowhere(void **state)
{
	static const char *const places[] = { "memory", "fds", "proc" };
	struct stk_handed h;

	(void)state;
	load(&h);
	/* the search is no blind one: its own secret it does find */
	search(&h, "Hostile::FindOwnSecret", alpha_masked, "memory", STK_OUT_DONE);
	for (size_t i = 0; i < STK_ARRAY_LEN(places); i++) {
		search(&h, "Hostile::FindOwnSecret", beta_masked, places[i], STK_OUT_FAILED);
		search(&h, "Hostile::FindSecret", alpha_masked, places[i], STK_OUT_FAILED);
		search(&h, "Hostile::FindSecret", beta_masked, places[i], STK_OUT_FAILED);
	}
	stk_handed_clear(&h);
}

/* A zygote is as clean after a job as before it. */
static void another_jobs_arguments_and_secret_are_nowhere(void **state)
{
	char canary[KEY_LEN + 1], masked[2 * KEY_LEN + 1], args[128];
	struct stk_handed h;
	struct stk_outcome o;

	(void)state;
	load(&h);
	draw(canary, masked);
	(void)snprintf(args, sizeof(args), "[\"%s\",\"memory\",\"%s\"]", masked, canary);
	run(&h, "Hostile::FindSecret", args, &o);
	assert_int_equal(o.name, STK_OUT_DONE); /* its own arguments it has */
	stk_outcome_clear(&o);
	search(&h, "Hostile::FindSecret", masked, "memory", STK_OUT_FAILED);
	search(&h, "Hostile::FindOwnSecret", masked, "memory", STK_OUT_FAILED);
	stk_handed_clear(&h);
}

/* --- what a handler gives away ---------------------------------------------------------------- */

static void what_a_handler_tells_is_blotted_out(void **state)
{
	uint8_t text[64] = "xyz";
	struct stk_handed h;
	const struct stk_handed_class *own;
	const struct stk_class_desc *d;
	int i = index_of("Hostile::TellSecret");

	(void)state;
	load(&h);
	own = &h.of[i];
	d = &stand.table.classes[i];
	assert_false(stk_handed_redact(own, d, text, 3));
	assert_false(stk_handed_redact(own, d, NULL, 0));
	(void)snprintf((char *)text, sizeof(text), "a%sb%s", alpha, alpha);
	assert_true(stk_handed_redact(own, d, text, strlen((char *)text)));
	assert_string_equal((char *)text, "a****************b****************");
	/* another class's secret is none of its own, and a part of one is no secret */
	(void)snprintf((char *)text, sizeof(text), "%s%.15s.", beta, alpha);
	assert_false(stk_handed_redact(own, d, text, strlen((char *)text)));
	/* unless it is cut where the text is */
	(void)snprintf((char *)text, sizeof(text), "%s, %.15s", alpha + 1, alpha);
	assert_true(stk_handed_redact(own, d, text, strlen((char *)text)));
	assert_string_equal((char *)text, "***************, ***************");
	(void)snprintf((char *)text, sizeof(text), "%s, %.5s", alpha + 11, alpha);
	assert_false(stk_handed_redact(own, d, text, strlen((char *)text)));
	stk_handed_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_gets_what_it_names),
		cmocka_unit_test(a_full_vault_arrives_whole),
		cmocka_unit_test(a_vault_of_the_wrong_shape_runs_nothing),
		cmocka_unit_test(a_bad_file_stops_the_start_by_name),
		cmocka_unit_test(one_newline_is_the_editors),
		cmocka_unit_test(another_classes_secret_is_nowhere),
		cmocka_unit_test(another_jobs_arguments_and_secret_are_nowhere),
		cmocka_unit_test(what_a_handler_tells_is_blotted_out),
	};

	return cmocka_run_group_tests(tests, up, down);
}
