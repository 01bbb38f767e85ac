/*
 * test_kept.c - quarantine entries read back, ours and anybody's; and the script behind the
 * `quarantine` commands: an entry is in its area or in its queue, never in both, never in neither.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/kept.h"
#include "worker/record.h"
#include "worker/seal.h"
#include "worker/store_quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AREA   "quarantine:q#E_EXPIRED"
#define SHA256 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define JOB    "0123456789abcdef0123456789abcdef"
#define ULID   "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define FRONT                     \
	"{\"v\":1,\"id\":\"" ULID \
	"\",\"reason\":\"E_EXPIRED\",\"queue\":\"q\",\"at\":\"2026-11-23T06:55:05Z\","

static struct test_redis server;

static int start_server(void **state)
{
	(void)state;
	return stk_seal_init() == STK_OK && test_redis_start(&server, NULL) ? 0 : -1;
}

static int stop_server(void **state)
{
	(void)state;
	test_redis_stop(&server);
	return 0;
}

static struct stk_kept_entry parse(const char *text)
{
	struct stk_kept_entry k;

	stk_kept_parse(stk_span_str(text), &k);
	return k;
}

/* --- entries ---------------------------------------------------------------------------------- */

static void reads_back_what_a_worker_wrote(void **state)
{
	static const uint8_t raw[] = { 't', 'e', 's', 't', 0, 0xff, '"' };
	struct stk_quarantine_entry e = { .id = ULID,
		.reason = "E_EXPIRED",
		.queue = "q",
		.kid = "web-1",
		.job_id = JOB,
		.now_s = 1795416905 };
	char hex[65];
	uint8_t digest[32], *out;
	struct stk_kept_entry k;
	struct stk_jw w;
	size_t len;

	(void)state;
	for (size_t n = 0; n <= sizeof(raw); n++) {
		e.raw = stk_span_of(raw, n);
		stk_sha256(e.raw, digest);
		stk_hex(digest, sizeof(digest), hex);
		e.sha256 = hex;
		stk_jw_init(&w, 4096);
		stk_record_quarantine(&w, &e);
		k = parse(w.buf);
		assert_true(k.ours);
		assert_string_equal(k.id, ULID);
		assert_string_equal(k.kid, "web-1");
		assert_string_equal(k.job, JOB);
		assert_string_equal(k.at, "2026-11-23T06:55:05Z");
		assert_int_equal(k.n, 1);
		assert_int_equal(stk_kept_payload(&k, &out, &len), STK_OK);
		assert_int_equal(len, n);
		assert_memory_equal(out, raw, n);
		free(out);
		stk_jw_clear(&w);
	}
}

static void takes_no_field_of_another_form(void **state)
{
	static const char *const bad[] = { "", "[]", "null", "\"id\"", "{", "{}", "{\"id\"",
		"{\"id\":", "{\"id\":}", "{\"id\":[\"" ULID "\"]}", "{\"id\":\"\\u001b[31m\"}",
		"{\"id\":\"\x1b[31m\"}", "{\"reason\":\"E_\\n\"}", "{\"queue\":\"a b\"}",
		"{\"queue\":\"../x\"}", "{\"kid\":\"k\\u0000\"}", "{\"kid\":{}}",
		"{\"job\":\"" JOB "0\"}", "{\"job\":\"" ULID "\"}", "{\"sha256\":\"x\"}",
		"{\"at\":\"2026-11-23 06:55:05\"}", "{\"bytes\":-1}", "{\"bytes\":1e9}",
		"{\"bytes\":\"5\"}", "{\"n\":9999999999999999}", "{\"n\":1.0}",
		"{\"x\":{\"id\":\"" ULID "\"}}", "\xff\xfe{\"id\":\"" ULID "\"}" };
	static const struct stk_kept_entry none = { .bytes = -1, .n = -1 };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		struct stk_kept_entry k = parse(bad[i]);

		assert_false(k.ours);
		assert_memory_equal(k.id, none.id, sizeof(none.id));
		assert_string_equal(k.reason, "");
		assert_string_equal(k.queue, "");
		assert_string_equal(k.kid, "");
		assert_string_equal(k.job, "");
		assert_string_equal(k.sha256, "");
		assert_string_equal(k.at, "");
		assert_int_equal(k.bytes, -1);
		assert_int_equal(k.n, -1);
	}
}

static void a_beginning_is_enough_for_a_list(void **state)
{
	struct stk_kept_entry k =
	    parse(FRONT "\"bytes\":5,\"sha256\":\"" SHA256 "\",\"kid\":null,\"job\":\"" JOB
			"\",\"n\":7,\"raw_b64\":\"AAAA");

	(void)state;
	assert_true(k.ours);
	assert_int_equal(k.n, 7);
	assert_string_equal(k.kid, "");
	assert_string_equal(k.job, JOB);
	assert_int_equal(k.raw_b64.len, 0);
}

static void believes_no_payload_that_is_not_what_was_refused(void **state)
{
	static const struct {
		const char *rest;
		enum stk_err want;
	} cases[] = {
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dGVzdA==\"}",
		    STK_OK },
		{ "\"bytes\":4,\"sha256\":null,\"n\":1,\"raw_b64\":\"dGVzdA==\"}", STK_E_ABSENT },
		{ "\"bytes\":3,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dGVzdA==\"}",
		    STK_E_FORMAT },
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dGVzdB==\"}",
		    STK_E_FORMAT }, /* bits that no encoder of ours leaves */
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dGVzdQ==\"}",
		    STK_E_FORMAT },
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dGVzdA\"}",
		    STK_E_FORMAT },
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dGVzdA=\"}",
		    STK_E_FORMAT },
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dG=zdA==\"}",
		    STK_E_FORMAT },
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"dGVz\\ndA==\"}",
		    STK_E_FORMAT },
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1,\"raw_b64\":\"====\"}",
		    STK_E_FORMAT },
		{ "\"bytes\":4,\"sha256\":\"" SHA256 "\",\"n\":1}", STK_E_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		char text[1024];
		uint8_t *out;
		size_t len;
		struct stk_kept_entry k;

		(void)snprintf(text, sizeof(text), FRONT "%s", cases[i].rest);
		k = parse(text);
		assert_int_equal(stk_kept_payload(&k, &out, &len), cases[i].want);
		assert_int_equal(out != NULL, cases[i].want == STK_OK);
		free(out);
	}
}

static void knows_an_areas_name(void **state)
{
	static const char *const good[] = { "quarantine:q", "quarantine:a:b.c-d_E",
		"quarantine:q#E_EXPIRED", "revoked:k.1", "unknownkey:q" };
	static const char *const bad[] = { "", "quarantine", "quarantine:", "quarantine:#count",
		"quarantine:#note:E_X:q", "quarantine:q#", "quarantine:q#e",
		"quarantine:q#E_EXPIRED#e", "quarantine:a b", "revoked:", "revoked:a:b",
		"unknownkey:", "live", "w:x", "parked:q", "../quarantine:q",
		"quarantine:0123456789012345678901234567890123456789012345678901234567890123x" };
	char queue[STK_QUEUE_MAX + 1], reason[40];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++)
		assert_true(stk_area_name_ok(good[i]));
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		assert_false(stk_area_name_ok(bad[i]));
	stk_area_parts("quarantine:a:b#E_EXPIRED", queue, reason);
	assert_string_equal(queue, "a:b");
	assert_string_equal(reason, "E_EXPIRED");
	stk_area_parts("revoked:k", queue, reason);
	assert_string_equal(queue, "");
	assert_string_equal(reason, "");
}

/* --- the script ------------------------------------------------------------------------------- */

static struct stk_redis *begin(struct stk_store *s)
{
	struct stk_redis *r = test_redis_link(&server);

	assert_non_null(r);
	stk_reply_free(test_redis_do(r, "FLUSHALL"));
	assert_int_equal(stk_store_init(s, r, "resque", "stockade:0:test"), STK_OK);
	stk_reply_free(test_redis_do(r, "ZADD resque:stockade:" AREA " 1000 one 2000 two"));
	stk_reply_free(test_redis_do(r, "HSET resque:stockade:" AREA "#e one first two second"));
	stk_reply_free(
	    test_redis_do(r, "HSET resque:stockade:quarantine:#count " AREA ":bytes 11"));
	return r;
}

static void end(struct stk_store *s, struct stk_redis *r)
{
	stk_store_clear(s);
	stk_redis_free(r);
}

static void releases_an_entry_once_and_only_as_it_was_judged(void **state)
{
	struct stk_span payload = stk_span_str("payload");
	struct stk_area_whole whole;
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	enum stk_answer v;

	(void)state;
	assert_int_equal(stk_store_area_entry(&s, AREA, "one", 3, &whole, &v), STK_OK);
	assert_true(whole.too_long && whole.entry.len == 0);
	assert_int_equal(stk_store_area_entry(&s, AREA, "three", 100, &whole, &v), STK_OK);
	assert_true(!whole.too_long && whole.entry.len == 0);
	assert_int_equal(stk_store_area_entry(&s, AREA, "one", 100, &whole, &v), STK_OK);
	assert_true(stk_span_eq(whole.entry, stk_span_str("first")));
	stk_reply_free(test_redis_do(r, "HSET resque:stockade:" AREA "#e one changed"));
	assert_int_equal(
	    stk_store_area_release(&s, AREA, "one", whole.digest, "q", payload, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_STALE);
	assert_int_equal(test_redis_int(r, "EXISTS resque:queue:q"), 0);
	stk_reply_free(test_redis_do(r, "HSET resque:stockade:" AREA "#e one first"));
	stk_reply_free(test_redis_do(r, "SET resque:queue:q oops"));
	assert_int_equal(
	    stk_store_area_release(&s, AREA, "one", whole.digest, "q", payload, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_STORE);
	assert_string_equal(s.bad_key, "queue:q");
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:" AREA), 2);
	stk_reply_free(test_redis_do(r, "DEL resque:queue:q"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    stk_store_area_release(&s, AREA, "one", whole.digest, "q", payload, &v),
		    STK_OK);
		assert_int_equal(v, i == 0 ? STK_ANSWER_OK : STK_ANSWER_STALE);
		assert_int_equal(test_redis_int(r, "LLEN resque:queue:q"), 1);
	}
	assert_true(test_redis_says(r, "LINDEX resque:queue:q 0", "payload"));
	assert_int_equal(test_redis_int(r, "SISMEMBER resque:queues q"), 1);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:" AREA), 1);
	assert_int_equal(test_redis_int(r, "HLEN resque:stockade:" AREA "#e"), 1);
	assert_true(
	    test_redis_says(r, "HGET resque:stockade:quarantine:#count " AREA ":bytes", "6"));
	end(&s, r);
}

/* Also in a full Redis: what goes back is gone from elsewhere first. */
static void releases_and_drops_at_maxmemory(void **state)
{
	static const char *const members[] = { "two", "three" };
	struct stk_area_whole whole;
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	enum stk_answer v;
	int64_t n;

	(void)state;
	assert_int_equal(stk_store_area_entry(&s, AREA, "one", 100, &whole, &v), STK_OK);
	stk_reply_free(test_redis_do(r, "CONFIG SET maxmemory 1"));
	assert_int_equal(
	    stk_store_area_release(&s, AREA, "one", whole.digest, "q", stk_span_str("p"), &v),
	    STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	assert_int_equal(stk_store_area_drop(&s, AREA, members, 2, &n, &v), STK_OK);
	assert_int_equal(n, 1);
	stk_reply_free(test_redis_do(r, "CONFIG SET maxmemory 0"));
	assert_int_equal(test_redis_int(r, "LLEN resque:queue:q"), 1);
	assert_int_equal(test_redis_int(r, "EXISTS resque:stockade:" AREA), 0);
	end(&s, r);
}

static void tells_areas_and_pages(void **state)
{
	static const char *const names[] = { "quarantine:none", AREA };
	static struct stk_area areas[STK_AREAS_MAX];
	static struct stk_area_page page;
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	enum stk_answer v;
	int64_t now_ms;
	size_t n;
	bool more;

	(void)state;
	stk_reply_free(test_redis_do(r,
	    "HSET resque:stockade:quarantine:#count junk:bytes 1 quarantine:#x:bytes 1 "
	    "quarantine:gone:bytes 5 quarantine:bad:bytes x"));
	stk_reply_free(test_redis_do(r, "SET resque:stockade:quarantine:bad oops"));
	assert_int_equal(
	    stk_store_areas(&s, NULL, 0, areas, STK_AREAS_MAX, &n, &more, &now_ms, &v), STK_OK);
	assert_int_equal(n, 2);
	assert_false(more);
	if (areas[0].entries < 0)
		areas[0] = areas[1];
	assert_string_equal(areas[0].name, AREA);
	assert_int_equal(areas[0].entries, 2);
	assert_int_equal(areas[0].oldest_ms, 1000);
	assert_int_equal(areas[0].newest_ms, 2000);
	assert_int_equal(stk_store_areas(&s, NULL, 0, areas, 1, &n, &more, &now_ms, &v), STK_OK);
	assert_true(n == 1 && more);
	/* whoever floods the counts hides no area that is asked for by name */
	stk_reply_free(test_redis_do(r, "DEL resque:stockade:quarantine:#count"));
	assert_int_equal(
	    stk_store_areas(&s, NULL, 0, areas, STK_AREAS_MAX, &n, &more, &now_ms, &v), STK_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    stk_store_areas(&s, names, 2, areas, STK_AREAS_MAX, &n, &more, &now_ms, &v), STK_OK);
	assert_int_equal(n, 1);
	assert_string_equal(areas[0].name, AREA);
	assert_int_equal(areas[0].entries, 2);
	assert_int_equal(stk_store_area_page(&s, AREA, 1, &page, &v), STK_OK);
	assert_int_equal(page.n, 1);
	assert_int_equal(page.entries, 2);
	assert_string_equal(page.items[0].member, "two");
	assert_int_equal(page.items[0].length, 6);
	assert_int_equal(stk_store_area_page(&s, "quarantine:bad", 0, &page, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_STORE);
	end(&s, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_what_a_worker_wrote),
		cmocka_unit_test(takes_no_field_of_another_form),
		cmocka_unit_test(a_beginning_is_enough_for_a_list),
		cmocka_unit_test(believes_no_payload_that_is_not_what_was_refused),
		cmocka_unit_test(knows_an_areas_name),
		cmocka_unit_test(releases_an_entry_once_and_only_as_it_was_judged),
		cmocka_unit_test(releases_and_drops_at_maxmemory),
		cmocka_unit_test(tells_areas_and_pages),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
