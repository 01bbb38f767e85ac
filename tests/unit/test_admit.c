/*
 * test_admit.c - from parcel to ticket: what a ticket says, what is told about a refusal, and that
 * no changed bit gets through. The verdicts themselves are tests/vectors/signing.sh.
 */
#include "tests/harness.h"

#include "tests/lib/signed_job.h"
#include "worker/crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stk_keyring *ring;
static struct stk_gate gate;
static char header[STK_HEADER_MAX + 1], payload[8192];
static struct stk_parcel parcel;
static struct stk_admission adm;

static enum stk_verdict admit(size_t len, int64_t now_s)
{
	stk_admission_clear(&adm);
	parcel = (struct stk_parcel){ .queue = "images", .bytes = stk_span_of(payload, len) };
	return stk_admit(&gate, &parcel, now_s, &adm);
}

static size_t good(const char *kid)
{
	test_header(kid, header);
	return test_payload("Resize", header, "[\"k\",{\"w\":1}]", payload, sizeof(payload));
}

/* good() with @from replaced by @to in the header before signing. */
static size_t changed(const char *from, const char *to)
{
	char line[STK_HEADER_MAX + 1];
	const char *at;

	test_header("k1", header);
	at = strstr(header, from);
	assert_non_null(at);
	(void)snprintf(
	    line, sizeof(line), "%.*s%s%s", (int)(at - header), header, to, at + strlen(from));
	return test_payload("Resize", line, "[]", payload, sizeof(payload));
}

static void a_ticket_carries_the_signed_bytes(void **state)
{
	struct stk_ticket *t;
	uint8_t digest[STK_SHA256_LEN];
	char message[4096];

	(void)state;
	assert_int_equal(admit(good("k1"), TEST_NOW_S), STK_V_ACCEPT);
	assert_true(adm.authenticated && adm.signature_valid);
	assert_string_equal(adm.kid, "k1");
	assert_string_equal(adm.principal, "web");
	assert_string_equal(adm.header, header);
	t = adm.ticket;
	adm.ticket = NULL; /* taken */
	stk_admission_clear(&adm);
	memset(payload, 'x', sizeof(payload)); /* the parcel is gone, the ticket stays */
	assert_true(stk_span_eq(stk_ticket_args(t), stk_span_str("[\"k\",{\"w\":1}]")));
	assert_true(stk_span_eq(stk_ticket_header(t), stk_span_str(header)));
	assert_true(stk_span_eq(stk_ticket_ref(t), stk_span_str("o.42")));
	assert_string_equal(stk_ticket_class(t), "Resize");
	assert_int_equal(stk_ticket_class_index(t), 0);
	assert_string_equal(stk_ticket_kid(t), "k1");
	assert_string_equal(stk_ticket_principal(t)->name, "web");
	assert_int_equal(stk_ticket_runs(t), 3);
	assert_int_equal(stk_ticket_iat_s(t), TEST_NOW_S);
	assert_int_equal(stk_ticket_nbf_s(t), TEST_NOW_S);
	assert_int_equal(stk_ticket_exp_s(t), TEST_NOW_S + 60);
	(void)snprintf(message, sizeof(message), "stockade-job-v1\n%s\n[\"k\",{\"w\":1}]", header);
	stk_sha256(stk_span_str(message), digest);
	assert_memory_equal(stk_ticket_job_id(t), digest, STK_JOB_ID_LEN);
	stk_ticket_free(t);
	stk_ticket_free(NULL);
}

static void hmac_keys_work_the_same(void **state)
{
	(void)state;
	assert_int_equal(admit(good("h1"), TEST_NOW_S), STK_V_ACCEPT);
	assert_non_null(adm.ticket);
}

static void no_single_changed_byte_is_admitted(void **state)
{
	size_t len = good("k1");
	char *copy = malloc(len);

	(void)state;
	assert_non_null(copy);
	memcpy(copy, payload, len);
	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(payload, copy, len);
			payload[i] = (char)(payload[i] ^ (1 << bit));
			if (admit(len, TEST_NOW_S) == STK_V_ACCEPT)
				fail_msg("bit %u of byte %zu changed nothing", bit, i);
			assert_null(adm.ticket);
		}
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(admit(cut, TEST_NOW_S), STK_V_ACCEPT);
	free(copy);
}

static void a_revoked_key_proves_but_opens_nothing(void **state)
{
	(void)state;
	ring->keys[0].revoked = true;
	assert_int_equal(admit(good("k1"), TEST_NOW_S), STK_V_E_KEY_REVOKED);
	assert_true(adm.signature_valid);
	assert_false(adm.authenticated);
	payload[strlen(payload) - 5] ^= 1;
	assert_int_equal(admit(strlen(payload), TEST_NOW_S), STK_V_E_KEY_REVOKED);
	assert_false(adm.signature_valid);
	ring->keys[0].revoked = false;
}

static void a_class_of_a_newer_build_waits_if_told_so(void **state)
{
	size_t len;

	(void)state;
	test_header("k1", header);
	memcpy(strstr(header, "cls=Resize"), "cls=Ghost;", 10);
	/* the name is a byte shorter: drop the doubled separator */
	memmove(strstr(header, ";;"), strstr(header, ";;") + 1, strlen(strstr(header, ";;")));
	len = test_payload("Ghost", header, "[]", payload, sizeof(payload));
	assert_int_equal(admit(len, TEST_NOW_S), STK_V_E_CLASS_UNKNOWN);
	gate.class_absent_defers = true;
	assert_int_equal(admit(len, TEST_NOW_S), STK_V_D_CLASS_ABSENT);
	assert_true(adm.authenticated);
	assert_null(adm.ticket);
	gate.class_absent_defers = false;
}

static void a_job_that_is_not_due_says_when(void **state)
{
	char nbf[32], early[32];

	(void)state;
	(void)snprintf(early, sizeof(early), "nbf=%d", TEST_NOW_S);
	(void)snprintf(nbf, sizeof(nbf), "nbf=%d", TEST_NOW_S + 30);
	assert_int_equal(admit(changed(early, nbf), TEST_NOW_S), STK_V_D_NOT_BEFORE);
	assert_int_equal(adm.not_before_s, TEST_NOW_S + 30);
	assert_null(adm.ticket);
	assert_int_equal(admit(strlen(payload), TEST_NOW_S + 30), STK_V_ACCEPT);
	assert_int_equal(admit(strlen(payload), TEST_NOW_S + 60), STK_V_E_EXPIRED);
}

static void the_earlier_check_names_the_refusal(void **state)
{
	size_t len;

	(void)state;
	/* wrong audience and expired: the audience comes first */
	assert_int_equal(admit(changed("aud=test", "aud=prod"), TEST_NOW_S + 99), STK_V_E_AUDIENCE);
	/* too many runs and expired: time comes before policy */
	assert_int_equal(admit(changed("runs=3", "runs=99"), TEST_NOW_S + 99), STK_V_E_EXPIRED);
	assert_int_equal(admit(strlen(payload), TEST_NOW_S), STK_V_E_POLICY_RUNS);
	/* unknown key: the claims are not even looked at */
	len = changed("kid=k1", "kid=k2");
	assert_int_equal(admit(len, TEST_NOW_S + 99), STK_V_E_KEY_UNKNOWN);
	assert_string_equal(adm.kid, "k2");
	assert_string_equal(adm.principal, "");
	/* size comes before everything, and nothing of an over-size payload is looked at */
	gate.max_payload_bytes = 16;
	assert_int_equal(admit(len, TEST_NOW_S), STK_V_E_TOO_LARGE);
	assert_string_equal(adm.kid, "");
	gate.max_payload_bytes = sizeof(payload);
}

static void the_queue_is_the_one_it_was_found_in(void **state)
{
	size_t len = good("k1");

	(void)state;
	parcel = (struct stk_parcel){ .queue = "billing", .bytes = stk_span_of(payload, len) };
	stk_admission_clear(&adm);
	assert_int_equal(stk_admit(&gate, &parcel, TEST_NOW_S, &adm), STK_V_E_QUEUE_MISMATCH);
}

static enum stk_verdict admit_text(const char *text)
{
	return admit((size_t)snprintf(payload, sizeof(payload), "%s", text), TEST_NOW_S);
}

static void plain_jobs_run_only_where_a_rule_says_so(void **state)
{
	static char q_images[] = "images", c_resize[] = "Resize", c_newer[] = "Newer";
	static char *queues[] = { q_images }, *classes[] = { c_resize, c_newer };
	static struct stk_queue_rule rule = {
		.queues = { queues, 1 }, .signatures = STK_SIGNATURES_OFF, .classes = { classes, 2 }
	};
	static const struct stk_config config = { .queue_rules = { &rule, 1 } };
	static const char plain[] =
	    "{\"class\":\"Resize\",\"args\":[ \"k\", {\"a\":[1]} ],\"id\":\"7\"}";
	uint8_t first[STK_JOB_ID_LEN];

	(void)state;
	assert_int_equal(admit_text(plain), STK_V_E_UNSIGNED);
	gate.config = &config;
	assert_int_equal(admit_text(plain), STK_V_ACCEPT);
	assert_true(adm.plain && !adm.authenticated && !adm.signature_valid);
	assert_true(stk_ticket_plain(adm.ticket));
	assert_null(stk_ticket_principal(adm.ticket));
	assert_true(
	    stk_span_eq(stk_ticket_args(adm.ticket), stk_span_str("[ \"k\", {\"a\":[1]} ]")));
	/* an id for each taking, not for its bytes */
	memcpy(first, stk_ticket_job_id(adm.ticket), sizeof(first));
	stk_admission_clear(&adm);
	parcel.seq = 2;
	assert_int_equal(stk_admit(&gate, &parcel, TEST_NOW_S, &adm), STK_V_ACCEPT);
	assert_memory_not_equal(first, stk_ticket_job_id(adm.ticket), sizeof(first));
	/* neither another class nor another queue, and no half of a signature */
	assert_int_equal(admit_text("{\"class\":\"Ghost\",\"args\":[]}"), STK_V_E_UNSIGNED);
	assert_int_equal(admit_text("{\"class\":\"Resize\"}"), STK_V_E_OUTER_SHAPE);
	assert_int_equal(admit_text("{\"class\":\"Resize\",\"args\":[1,}"), STK_V_E_OUTER_JSON);
	assert_int_equal(admit_text("{\"class\":\"Resize\",\"args\":{}}"), STK_V_E_OUTER_SHAPE);
	assert_int_equal(
	    admit_text("{\"class\":\"Resize\",\"args\":[],\"args\":[1]}"), STK_V_E_OUTER_SHAPE);
	assert_int_equal(admit_text("{\"class\":\"Newer\",\"args\":[]}"), STK_V_E_CLASS_UNKNOWN);
	assert_int_equal(admit(changed("kid=k1", "kid=k9"), TEST_NOW_S), STK_V_E_KEY_UNKNOWN);
	/* a signed job stays one there */
	assert_int_equal(admit(good("k1"), TEST_NOW_S), STK_V_ACCEPT);
	assert_true(adm.authenticated && !stk_ticket_plain(adm.ticket));
	parcel = (struct stk_parcel){ .queue = "other", .bytes = stk_span_str(plain) };
	stk_admission_clear(&adm);
	assert_int_equal(stk_admit(&gate, &parcel, TEST_NOW_S, &adm), STK_V_E_UNSIGNED);
	gate.config = NULL;
}

/* --- by two (crew.h) --- */

#define MANY STK_CREW_MOST
static struct {
	char bytes[1024];
	struct stk_parcel parcel;
	struct stk_admission by_two;
	enum stk_verdict alone;
} many[MANY];

static void judge(void *ctx, size_t i)
{
	(void)ctx;
	(void)stk_admit(&gate, &many[i].parcel, TEST_NOW_S, &many[i].by_two);
}

/* Genuine ones of both kinds, forged ones, unknown keys and junk, in turn. */
static void fill(size_t i)
{
	static const char *const kids[] = { "k1", "h1", "k1", "k2", "h1" };
	char *to = many[i].bytes;
	size_t len;

	test_header(i % 5 == 3 ? "k1" : kids[i % 5], header);
	if (i % 5 == 3)
		memcpy(strstr(header, "kid=k1"), "kid=k2", 6);
	len = test_payload("Resize", header, "[\"k\"]", to, sizeof(many[i].bytes));
	assert_true(len > 0 || i % 5 == 3);
	if (i % 5 == 2)
		to[len - 5] ^= 1;
	if (len == 0)
		len =
		    (size_t)snprintf(to, sizeof(many[i].bytes), "{\"class\":\"Junk\",\"args\":[]}");
	many[i].parcel =
	    (struct stk_parcel){ .queue = "images", .bytes = stk_span_of(to, len), .seq = 1 };
}

static void two_judge_what_one_would(void **state)
{
	(void)state;
	(void)stk_crew_open(); /* with one processor it is done by one */
	for (size_t i = 0; i < MANY; i++) {
		fill(i);
		judge(NULL, i);
		many[i].alone = many[i].by_two.verdict;
		stk_admission_clear(&many[i].by_two);
	}
	assert_int_equal(many[0].alone, STK_V_ACCEPT);
	assert_int_equal(many[1].alone, STK_V_ACCEPT);
	assert_int_not_equal(many[2].alone, STK_V_ACCEPT);
	for (int round = 0; round < 50; round++) {
		stk_crew_begin(judge, NULL, MANY);
		for (size_t i = 0; i < MANY; i++) {
			stk_crew_need(i);
			assert_int_equal(many[i].by_two.verdict, many[i].alone);
		}
		assert_int_equal(stk_crew_end(), MANY);
		for (size_t i = 0; i < MANY; i++)
			stk_admission_clear(&many[i].by_two);
	}
}

static int set_up(void **state)
{
	(void)state;
	if ((ring = test_ring()) == NULL)
		return -1;
	gate = (struct stk_gate){ .ring = ring,
		.classes = test_classes(),
		.max_payload_bytes = sizeof(payload),
		.max_body_bytes = 4096,
		.skew_s = 60 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stk_admission_clear(&adm);
	stk_keyring_free(ring);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_carries_the_signed_bytes),
		cmocka_unit_test(hmac_keys_work_the_same),
		cmocka_unit_test(no_single_changed_byte_is_admitted),
		cmocka_unit_test(a_revoked_key_proves_but_opens_nothing),
		cmocka_unit_test(a_class_of_a_newer_build_waits_if_told_so),
		cmocka_unit_test(a_job_that_is_not_due_says_when),
		cmocka_unit_test(the_earlier_check_names_the_refusal),
		cmocka_unit_test(plain_jobs_run_only_where_a_rule_says_so),
		cmocka_unit_test(the_queue_is_the_one_it_was_found_in),
		cmocka_unit_test(two_judge_what_one_would),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
