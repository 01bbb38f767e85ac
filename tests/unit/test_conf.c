/*
 * test_conf.c - a configuration file means one thing or is refused with file, line and a name.
 */
#include "tests/harness.h"

#include "worker/conf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct door {
	char *name;
	int64_t width_bytes;
	int line;
};

struct house {
	bool lit;
	int64_t rooms, wait_ms, size_bytes, rate_per_h, since_s;
	int paint;
	char *owner;
	struct stk_strings pets;
	struct stk_map rooms_by_label;
	struct {
		int64_t wall_ms;
		char *label;
	} ceiling;
	struct stk_conf_list doors;
};

static const char *const paints[] = { "white", "blue", NULL };

static const struct stk_setting door_table[] = {
	{ .name = "name",
	    .type = STK_SET_STRING,
	    .required = true,
	    .offset = offsetof(struct door, name),
	    .doc = "what the door is called" },
	{ .name = "width",
	    .type = STK_SET_BYTES,
	    .offset = offsetof(struct door, width_bytes),
	    .def = "1K" },
	{ .type = STK_SET_LINE, .offset = offsetof(struct door, line) },
};

static const struct stk_setting ceiling_table[] = {
	{ .name = "wall",
	    .type = STK_SET_DURATION_MS,
	    .offset = offsetof(struct house, ceiling.wall_ms) - offsetof(struct house, ceiling),
	    .def = "1h",
	    .min = 1000,
	    .max = 86400000 },
	{ .name = "label",
	    .type = STK_SET_STRING,
	    .offset = offsetof(struct house, ceiling.label) - offsetof(struct house, ceiling),
	    .max = 8 },
};

#define AT(m) .offset = offsetof(struct house, m)
static const struct stk_setting table[] = {
	{ .name = "lit", .type = STK_SET_BOOL, AT(lit), .def = "true" },
	{ .name = "rooms",
	    .type = STK_SET_COUNT,
	    AT(rooms),
	    .required = true,
	    .min = 1,
	    .max = 20,
	    .doc = "how many rooms" },
	{ .name = "wait", .type = STK_SET_DURATION_MS, AT(wait_ms), .def = "25s" },
	{ .name = "size", .type = STK_SET_BYTES, AT(size_bytes) },
	{ .name = "rate", .type = STK_SET_RATE, AT(rate_per_h) },
	{ .name = "since", .type = STK_SET_TIME, AT(since_s) },
	{ .name = "paint", .type = STK_SET_CHOICE, AT(paint), .choices = paints },
	{ .name = "owner", .type = STK_SET_STRING, AT(owner), .def = "nobody" },
	{ .name = "pets", .type = STK_SET_STRINGS, AT(pets), .max = 3 },
	{ .name = "directories", .type = STK_SET_MAP, AT(rooms_by_label) },
	{ .name = "ceiling",
	    .type = STK_SET_GROUP,
	    AT(ceiling),
	    .sub = ceiling_table,
	    .n_sub = STK_ARRAY_LEN(ceiling_table) },
	{ .name = "doors",
	    .type = STK_SET_LIST,
	    AT(doors),
	    .sub = door_table,
	    .n_sub = STK_ARRAY_LEN(door_table),
	    .item_size = sizeof(struct door),
	    .max = 4 },
};

static enum stk_err parse_bytes(
    const char *bytes, size_t len, struct house *h, struct stk_conf_error *e)
{
	memset(h, 0, sizeof(*h));
	memset(e, 0, sizeof(*e));
	return stk_conf_parse(
	    "t.conf", (const uint8_t *)bytes, len, table, STK_ARRAY_LEN(table), h, e);
}

static void clear(struct house *h)
{
	stk_conf_clear(table, STK_ARRAY_LEN(table), h);
}

/* The text is refused with exactly this sentence, and leaves nothing behind. */
static void refused(const char *text, const char *sentence)
{
	struct house h;
	struct stk_conf_error e;

	if (parse_bytes(text, strlen(text), &h, &e) == STK_OK)
		fail_msg("accepted: %s", text);
	assert_string_equal(e.sentence, sentence);
	assert_null(h.owner);
	assert_null(h.pets.v);
	assert_null(h.doors.items);
}

static void reads_every_type(void **state)
{
	static const char text[] =
	    "# a comment with /* and @include and \"\n"
	    "rooms = 3; lit = false; wait = \"2h\"; // more\n"
	    "size = \"64K\"; rate = \"50/s\"; since = \"2027-01-01T00:00:00Z\";\n"
	    "paint = \"blue\"; owner = \"J\xc3\xb6rg \\\"x\\\" \\\\\";\n"
	    "pets = [ \"cat\", \"dog\" ];\n"
	    "directories = { inputs = \"/srv/in\"; out = \"/srv/out\"; };\n"
	    "ceiling = { label = \"tall\"; };\n"
	    "doors = ( { name = \"front\"; },\n"
	    "  { name = \"back\"; width = \"2K\"; } );\n";
	struct house h;
	struct stk_conf_error e;
	struct door *doors;

	(void)state;
	if (parse_bytes(text, sizeof(text) - 1, &h, &e) != STK_OK)
		fail_msg("%s", e.sentence);
	assert_false(h.lit);
	assert_int_equal(h.rooms, 3);
	assert_int_equal(h.wait_ms, 7200000);
	assert_int_equal(h.size_bytes, 65536);
	assert_int_equal(h.rate_per_h, 180000);
	assert_int_equal(h.since_s, 1798761600);
	assert_int_equal(h.paint, 1);
	assert_string_equal(h.owner, "J\xc3\xb6rg \"x\" \\");
	assert_int_equal(h.pets.n, 2);
	assert_string_equal(h.pets.v[1], "dog");
	assert_int_equal(h.rooms_by_label.n, 2);
	assert_string_equal(h.rooms_by_label.v[0].name, "inputs");
	assert_string_equal(h.rooms_by_label.v[1].value, "/srv/out");
	assert_int_equal(h.ceiling.wall_ms, 3600000);
	assert_string_equal(h.ceiling.label, "tall");
	assert_int_equal(h.doors.n, 2);
	doors = h.doors.items;
	assert_string_equal(doors[0].name, "front");
	assert_int_equal(doors[0].width_bytes, 1024);
	assert_int_equal(doors[0].line, 8);
	assert_int_equal(doors[1].width_bytes, 2048);
	assert_int_equal(doors[1].line, 9);
	clear(&h);
	assert_null(h.owner);
}

static void refuses_unknown_names_and_offers_the_nearest(void **state)
{
	(void)state;
	refused("rooms = 3;\nowmer = \"x\";",
	    "t.conf:2: unknown setting `owmer`; did you mean `owner`?");
	refused("rooms = 3;\nzzzzzz = 1;", "t.conf:2: unknown setting `zzzzzz`");
	refused("rooms = 3;\ndoors = ( { name = \"a\"; \n wdth = \"1K\"; } );",
	    "t.conf:3: unknown setting `wdth`; did you mean `width`?");
	refused("rooms = 3; ceiling = { wal = \"1h\"; };",
	    "t.conf:1: unknown setting `wal`; did you mean `wall`?");
}

static void refuses_duplicates_and_missing_settings(void **state)
{
	(void)state;
	refused("rooms = 3;\nowner = \"a\";\nowner = \"b\";",
	    "t.conf:3: duplicate setting on this line (`owner`)");
	refused("owner = \"x\";", "t.conf: `rooms` is missing: how many rooms");
	refused("rooms = 3;\ndoors = (\n{ width = \"1K\"; } );",
	    "t.conf:3: `name` is missing in `doors`: what the door is called");
}

static void refuses_wrong_types_and_ranges(void **state)
{
	(void)state;
	refused(
	    "rooms = \"3\";", "t.conf:1: `rooms` wants a whole number, like 12: how many rooms");
	refused("rooms = 3.0;", "t.conf:1: `rooms` wants a whole number, like 12: how many rooms");
	refused("rooms = 21;",
	    "t.conf:1: `rooms` is out of range: 21, allowed 1 to 20: how many rooms");
	refused("rooms = 3; ceiling = { wall = \"100ms\"; };",
	    "t.conf:1: `wall` is out of range: 100ms, allowed 1s to 1d");
	refused("rooms = 3; ceiling = { wall = \"36h\"; };",
	    "t.conf:1: `wall` is out of range: 36h, allowed 1s to 1d");
	refused("rooms = 3; wait = 10;",
	    "t.conf:1: `wait` wants a quoted duration, like \"10s\", \"5m\", \"2h\" or \"7d\"");
	refused("rooms = 3; wait = \"10\";",
	    "t.conf:1: `wait` wants a quoted duration, like \"10s\", \"5m\", \"2h\" or \"7d\"");
	refused("rooms = 3; lit = 1;", "t.conf:1: `lit` wants true or false");
	refused("rooms = 3; paint = \"red\";",
	    "t.conf:1: `paint` cannot be \"red\"; it is one of: white, blue");
	refused("rooms = 3; pets = \"cat\";",
	    "t.conf:1: `pets` wants a list of quoted strings, like [ \"a\", \"b\" ]");
	refused("rooms = 3; pets = [ 1, 2 ];",
	    "t.conf:1: `pets` wants a list of quoted strings, like [ \"a\", \"b\" ]");
	refused("rooms = 3; pets = [ \"a\", \"b\", \"c\", \"d\" ];",
	    "t.conf:1: `pets` has 4 entries, allowed 0 to 3");
	refused("rooms = 3; directories = { a = 1; };",
	    "t.conf:1: `directories` wants a group of name = \"text\"; pairs");
	refused("rooms = 3; doors = { };",
	    "t.conf:1: `doors` wants a list of groups, like ( { name = value; } )");
	refused("rooms = 3; doors = ( 1 );",
	    "t.conf:1: `doors` wants a list of groups, like ( { name = value; } )");
	refused("rooms = 3; ceiling = { label = \"123456789\"; };",
	    "t.conf:1: `label` is 9 bytes, allowed 0 to 8");
	refused("rooms = 3; ceiling = ( );",
	    "t.conf:1: `ceiling` wants a group, like { name = value; }");
}

static void refuses_what_libconfig_would_swallow(void **state)
{
	static const char nul[] = "rooms = 3;\n\0owmer = 1;";
	struct house h;
	struct stk_conf_error e;

	(void)state;
	assert_int_equal(parse_bytes(nul, sizeof(nul) - 1, &h, &e), STK_E_FORMAT);
	assert_string_equal(e.sentence, "t.conf:2: a NUL byte in the file");
	refused("rooms = 4294967299;", "t.conf:1: a bare number has at most nine digits; "
				       "sizes and times are quoted, with a unit");
	refused("rooms = -4294967299;", "t.conf:1: a bare number has at most nine digits; "
					"sizes and times are quoted, with a unit");
	refused("rooms = 0x3;", "t.conf:1: hexadecimal numbers are not accepted");
	refused("rooms = 3; /* x */",
	    "t.conf:1: block comments are not accepted; begin each line with #");
	refused("rooms = 3;\n@include \"/etc/passwd\"\n",
	    "t.conf:2: @include is not accepted; one file says everything");
	refused("# ok\nowner = \"\xff\";", "t.conf:2: not valid UTF-8");
	refused("owner = \"a\\x00b\";",
	    "t.conf:1: \\x escapes are not accepted; write the character itself");
	refused("owner = \"a\nb\";", "t.conf:1: a string is not closed on its line");
	refused("owner = \"a", "t.conf:1: a string is not closed on its line");
	refused("rooms = 3;\nowner = ;", "t.conf:2: syntax error near here");
	refused("rooms = 3; owner = \"\\\\\"; /* x",
	    "t.conf:1: block comments are not accepted; begin each line with #");
}

static void flags_and_environment_use_the_same_table(void **state)
{
	struct house h = { 0 };
	struct stk_conf_error e = { 0 };
	const size_t n = STK_ARRAY_LEN(table);

	(void)state;
	assert_int_equal(stk_conf_defaults(table, n, &h, &e), STK_OK);
	assert_true(h.lit);
	assert_int_equal(h.wait_ms, 25000);
	assert_int_equal(h.ceiling.wall_ms, 3600000);
	assert_string_equal(h.owner, "nobody");
	assert_int_equal(stk_conf_set(table, n, &h, "pets", "a,b", "PETS", &e), STK_OK);
	assert_int_equal(h.pets.n, 2);
	assert_int_equal(stk_conf_set(table, n, &h, "owner", "me", "--owner", &e), STK_OK);
	assert_string_equal(h.owner, "me");
	assert_int_equal(stk_conf_set(table, n, &h, "lit", "0", "LIT", &e), STK_OK);
	assert_false(h.lit);
	assert_int_equal(stk_conf_set(table, n, &h, "ceiling.wall", "5s", "--wall", &e), STK_OK);
	assert_int_equal(h.ceiling.wall_ms, 5000);
	assert_int_equal(stk_conf_set(table, n, &h, "rooms", "0", "ROOMS", &e), STK_E_FORMAT);
	assert_string_equal(
	    e.sentence, "ROOMS: `rooms` is out of range: 0, allowed 1 to 20: how many rooms");
	assert_int_equal(stk_conf_set(table, n, &h, "doors", "x", "--doors", &e), STK_E_FORMAT);
	assert_string_equal(e.sentence, "--doors: `doors` can only be set in the file");
	assert_int_equal(stk_conf_set(table, n, &h, "wiat", "1s", "--wiat", &e), STK_E_ABSENT);
	assert_string_equal(e.sentence, "--wiat: unknown setting `wiat`; did you mean `wait`?");
	assert_int_equal(stk_conf_set(table, n, &h, "pets", "a,,b", "PETS", &e), STK_E_FORMAT);
	clear(&h);
}

static void reads_only_regular_files_of_bounded_size(void **state)
{
	char dir[] = "/tmp/stk-conf-XXXXXX", path[64];
	struct house h = { 0 };
	struct stk_conf_error e;
	uint8_t *bytes;
	size_t len;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/c", dir);
	assert_int_equal(stk_conf_read(path, &bytes, &len, &e), STK_E_SYSTEM);
	assert_non_null(strstr(e.sentence, "cannot be opened: No such file"));
	assert_int_equal(stk_conf_read(dir, &bytes, &len, &e), STK_E_FORMAT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(stk_conf_read(path, &bytes, &len, &e), STK_E_FORMAT);
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "rooms = 3;", 10), 10);
	assert_int_equal(stk_conf_load(path, table, STK_ARRAY_LEN(table), &h, &e), STK_OK);
	assert_int_equal(h.rooms, 3);
	clear(&h);
	assert_int_equal(ftruncate(fd, STK_CONF_FILE_MAX + 1), 0);
	assert_int_equal(stk_conf_read(path, &bytes, &len, &e), STK_E_TOOBIG);
	assert_null(bytes);
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_type),
		cmocka_unit_test(refuses_unknown_names_and_offers_the_nearest),
		cmocka_unit_test(refuses_duplicates_and_missing_settings),
		cmocka_unit_test(refuses_wrong_types_and_ranges),
		cmocka_unit_test(refuses_what_libconfig_would_swallow),
		cmocka_unit_test(flags_and_environment_use_the_same_table),
		cmocka_unit_test(reads_only_regular_files_of_bounded_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
