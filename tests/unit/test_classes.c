/*
 * test_classes.c - the description as a peer's word: the honest one parses, every single thing that
 * can be wrong with it is refused by a sentence. And the digest it rests on.
 */
#include "tests/harness.h"

#include "jobs/cage/cage.h"
#include "sandbox/cage.h"
#include "sandbox/digest.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t schema[] = "{}";
static const struct stockade_class honest[] = {
	{ .name = "Zoo",
	    .schema = schema,
	    .schema_end = schema + 2,
	    .profile = STOCKADE_PROFILE_pure,
	    .retry_max = 3,
	    .retry_kind = STK_RETRY_EXPONENTIAL,
	    .retry_base_ms = 5000 },
	{ .name = "Images::Resize",
	    .schema = schema,
	    .schema_end = schema + 2,
	    .profile = STOCKADE_PROFILE_files | STOCKADE_PROFILE_threads | STOCKADE_PROFILE_net |
		       STOCKADE_PROFILE_exec,
	    .reads = { "b", "a" },
	    .writes = { "out" },
	    .nets = { "*:443", "10.1.0.0/16:*" },
	    .program = "/usr/bin/convert",
	    .dynamic = 1,
	    .trees = { "/lib" },
	    .secrets = { "api-key" },
	    .settings = { "region" },
	    .tasks = 4,
	    .work_mib = 16 },
};

struct image {
	struct stk_desc_header head;
	struct stk_class_desc classes[2];
};
_Static_assert(
    sizeof(struct image) == sizeof(struct stk_desc_header) + 2 * sizeof(struct stk_class_desc),
    "as sent");

static struct image describe(void)
{
	static struct stockade_table t;
	struct image i;

	assert_null(stockade_table_build(honest, 2, &t));
	i.head = t.head;
	memcpy(i.classes, t.classes, sizeof(i.classes));
	return i;
}

static void seal(struct image *i)
{
	stk_digest(i->classes, sizeof(i->classes), i->head.registry_digest);
}

static void an_honest_description_is_the_table(void **state)
{
	struct image i = describe();
	struct stk_class_table t;
	const char *why;

	(void)state;
	assert_int_equal(stk_class_table_parse((const uint8_t *)&i, sizeof(i), &t, &why), STK_OK);
	assert_int_equal(stk_class_find(&t, stk_span_str("Images::Resize")), 0);
	assert_int_equal(stk_class_find(&t, stk_span_str("Zoo")), 1);
	assert_int_equal(stk_class_find(&t, stk_span_str("zoo")), -1);
	assert_int_equal(stk_class_find(&t, stk_span_of("Zoo\0", 4)), -1);
	assert_int_equal(t.head.n_labels, 3);
	assert_string_equal(t.head.labels[0], "a");
	assert_int_equal(t.classes[0].grants[0].label_index, 1);
	assert_int_equal(t.classes[0].profiles, STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE |
						    STK_PROFILE_THREADS | STK_PROFILE_NET |
						    STK_PROFILE_EXEC | STK_PROFILE_EXEC_DYNAMIC);
	assert_string_equal(t.classes[0].nets[1], "10.1.0.0/16:*");
	assert_string_equal(t.classes[0].program, "/usr/bin/convert");
	assert_string_equal(t.classes[0].trees[0], "/lib");
	assert_string_equal(t.classes[0].secrets[0], "api-key");
	assert_string_equal(t.classes[0].settings[0], "region");
	assert_int_equal(t.classes[0].ask.tasks, 4);
	assert_int_equal(t.classes[0].ask.work_bytes, 16u << 20);
	assert_int_equal(t.classes[1].ask.tasks, 1);
	assert_int_equal(t.classes[1].ask.mem_bytes, 256u << 20);
	assert_int_equal(t.classes[1].ask.wall_ms, 60000);
	stk_class_table_clear(&t);
}

static void refused(const struct image *i, size_t len, const char *part)
{
	struct stk_class_table t;
	const char *why;

	assert_int_equal(stk_class_table_parse((const uint8_t *)i, len, &t, &why), STK_E_FORMAT);
	assert_null(t.classes);
	if (strstr(why, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, part);
}

#define WRONG(change, part)                   \
	do {                                  \
		struct image i = describe();  \
		change;                       \
		seal(&i);                     \
		refused(&i, sizeof(i), part); \
	} while (0)

static void every_lie_is_refused(void **state)
{
	struct image whole = describe();

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++)
		refused(&whole, len, "");
	WRONG(i.head.magic++, "not a description");
	WRONG(i.head.abi = 0, "CAGE_ABI: it was built with another job.h");
	WRONG(i.head.class_size--, "another version");
	WRONG(i.head.n_classes = 0, "no classes");
	WRONG(i.head.n_classes = 257, "too many classes");
	WRONG(i.head.n_classes = 1, "count disagree");
	WRONG(i.head.n_labels = 33, "too many");
	WRONG(i.head.labels[4][0] = 'x', "beyond the count");
	WRONG(i.head.labels[0][0] = 'A', "foreign alphabet");
	WRONG(memset(i.head.labels[2], 'x', STK_LABEL_MAX), "foreign alphabet");
	WRONG(i.head.labels[0][0] = 'b', "not sorted");
	WRONG(i.classes[0].name[0] = '\0', "class name");
	WRONG(i.classes[0].name[0] = ' ', "class name");
	WRONG(i.classes[0].name[0] = '1', "class name");
	WRONG(i.classes[0].name[20] = 'x', "class name");
	WRONG(memset(i.classes[0].name, 'I', sizeof(i.classes[0].name)), "class name");
	WRONG(i.classes[0].name[0] = 'z', "classes not sorted");
	WRONG(i.classes[0] = i.classes[1], "classes not sorted");
	WRONG(i.classes[0].profiles |= 1u << 7, "unknown profile");
	WRONG(i.classes[0].profiles = 0, "profiles do not hold");
	WRONG(i.classes[0].retry_kind = 3, "kind of retry");
	WRONG(i.classes[0].retry_max = 1001, "retry rule");
	WRONG(i.classes[0].idempotent = 2, "retry rule");
	WRONG(i.classes[0].n_grants = 9, "too many grants");
	WRONG(i.classes[0].n_grants = 2, "beyond the count");
	WRONG(i.classes[0].n_nets = 9, "a destination");
	WRONG(i.classes[0].n_nets = 1, "a destination");
	WRONG(i.classes[0].n_nets = 3, "a destination");
	WRONG(i.classes[0].nets[0][1] = '\n', "a destination");
	WRONG(i.classes[0].profiles &= ~(uint32_t)STK_PROFILE_NET, "a destination");
	WRONG(i.classes[0].program[0] = 'x', "a program");
	WRONG(memcpy(i.classes[0].program, "/usr/../x", 9), "a program");
	WRONG(i.classes[0].program[120] = 'x', "a program");
	WRONG(i.classes[0].profiles &= ~(uint32_t)STK_PROFILE_EXEC, "a program");
	WRONG(i.classes[1].program[0] = '/', "a program");
	WRONG(i.classes[0].n_trees = 0, "a library tree");
	WRONG(i.classes[0].profiles &= ~(uint32_t)STK_PROFILE_EXEC_DYNAMIC, "a library tree");
	WRONG(i.classes[0].secrets[0][0] = 'A', "a secret");
	WRONG(i.classes[0].settings[1][0] = 'a', "a setting");
	WRONG(i.classes[1].ask.work_bytes = 1, "a work directory");
	WRONG(i.classes[1].ask.tasks = 2, "tasks");
	WRONG(i.classes[1].ask.tasks = 0, "a limit");
	WRONG(i.classes[1].ask.silence_ms = UINT32_MAX, "a limit");
	WRONG(i.classes[1].keep_result_s = 604801, "kept longer");
	WRONG(i.classes[1].releases = 9, "released jobs");
	WRONG(i.classes[0].grants[0].kind = STK_PROFILE_EXEC, "unknown kind");
	WRONG(i.classes[0].grants[0].label_index = 3, "label table");
	WRONG(i.classes[0].grants[0].label_index = UINT32_MAX, "label table");
	WRONG(i.classes[0].grants[0].label[0] = 'z', "label table");
	WRONG(i.classes[0].ask.mem_bytes = 0, "a limit");
	WRONG(i.classes[0].ask.wall_ms = 0, "a limit");
	WRONG(i.classes[0].ask.result_bytes = UINT32_MAX, "a limit");
	whole.head.registry_digest[31] ^= 1;
	refused(&whole, sizeof(whole), "digest");
}

#define NAMED(change, part)                                                     \
	do {                                                                    \
		struct stockade_class w = honest[1];                            \
		w.change;                                                       \
		assert_non_null(strstr(stockade_table_build(&w, 1, &t), part)); \
	} while (0)

static void a_wrong_registry_is_named(void **state)
{
	static struct stockade_table t;
	struct stockade_class c = honest[1];

	(void)state;
	assert_non_null(stockade_table_build(honest, 0, &t));
	NAMED(profile = STOCKADE_PROFILE_pure | STOCKADE_PROFILE_files, "no other");
	NAMED(profile = STOCKADE_PROFILE_none, "no PROFILE");
	NAMED(profile &= ~(uint32_t)STOCKADE_PROFILE_files, "WORK_MIB belong together");
	NAMED(profile &= ~(uint32_t)STOCKADE_PROFILE_net, "CONNECT belong together");
	NAMED(profile &= ~(uint32_t)STOCKADE_PROFILE_exec, "EXEC_DYNAMIC belong together");
	NAMED(profile &= ~(uint32_t)STOCKADE_PROFILE_threads, "threads) belong together");
	NAMED(nets[0] = "", "empty or too long");
	c.reads[0] = "a-label-that-is-much-too-long-for-its-field";
	assert_non_null(strstr(stockade_table_build(&c, 1, &t), "longer than 31"));
}

static void the_digest_is_sha256(void **state)
{
	static uint8_t bytes[300];

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		uint8_t ours[STK_DIGEST_BYTES], theirs[crypto_hash_sha256_BYTES];

		if (len > 0)
			bytes[len - 1] = (uint8_t)(len * 37);
		stk_digest(bytes, len, ours);
		(void)crypto_hash_sha256(theirs, bytes, len);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_description_is_the_table),
		cmocka_unit_test(every_lie_is_refused),
		cmocka_unit_test(a_wrong_registry_is_named),
		cmocka_unit_test(the_digest_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
