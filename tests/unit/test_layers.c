/*
 * test_layers.c - what is asked of the layers, by whom, and what follows from what the probes saw.
 */
#include "tests/harness.h"
#include "worker/layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct stk_class_desc classes[2] = {
	{ .name = "Pure", .profiles = STK_PROFILE_PURE },
	{ .name = "Thumb", .profiles = STK_PROFILE_EXEC | STK_PROFILE_FILES_READ },
};
static struct stk_class_table table = { .head = { .n_classes = 2 }, .classes = classes };

/* A configuration of these lines; NULL in @c and the sentence in @e if it is refused. */
static bool load(struct stk_config *c, const char *lines, struct stk_conf_error *e)
{
	char path[] = "/tmp/stockade-layers-XXXXXX";
	int fd = mkstemp(path);
	bool good;

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
	(void)close(fd);
	memset(e, 0, sizeof(*e));
	good = stk_config_load(c, path, e) == STK_OK;
	if (good && stk_config_check(c, false, e) != STK_OK) {
		stk_config_clear(c);
		good = false;
	}
	(void)unlink(path);
	return good;
}

static void settings_that_mean_nothing_are_refused(void **state)
{
	static const struct {
		const char *lines, *word;
	} bad[] = {
		{ "layers = { seccomp_trap = \"off\"; };", "cannot be asked for less" },
		{ "layers = { uid = \"prefer\"; };", "cannot be asked for less" },
		{ "layers = { mdvve = \"off\"; };", "mdwe" },
		{ "layers = { mdwe = \"maybe\"; };", "mdwe" },
		{ "landlock = \"off\";", "landlock" },
		{ "class_layers = ( { class = \"Pure\"; require = [ \"nothing\" ]; } );",
		    "a layer 'nothing'" },
		{ "class_layers = ( { class = \"Pure\"; require = [ \"mdwe\" ]; off = [ \"mdwe\" "
		  "]; } );",
		    "in two ways" },
		{ "class_layers = ( { class = \"Pure\"; off = [ \"pidfd\" ]; } );",
		    "cannot be asked for less" },
		{ "class_layers = ( { require = [ \"mdwe\" ]; } );", "class" },
		{ "layers = { landlock_fs = \"off\"; landlock_net = \"require\"; };",
		    "landlock_net cannot be required" },
		{ "layers = { landlock_fs = \"off\"; };"
		  "class_layers = ( { class = \"Pure\"; require = [ \"landlock_fs\" ]; } );",
		    "class Pure: landlock_fs cannot be required" },
	};
	struct stk_config c;
	struct stk_conf_error e;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		assert_false(load(&c, bad[i].lines, &e));
		if (strstr(e.sentence, bad[i].word) == NULL)
			fail_msg("%s: %s", bad[i].lines, e.sentence);
	}
}

static void judged(const char *lines, struct stk_config *c, struct stk_layer_plan *p)
{
	struct stk_conf_error e;

	if (!load(c, lines, &e))
		fail_msg("%s: %s", lines, e.sentence);
	memset(p, 0, sizeof(*p));
	for (unsigned l = 0; l < STK_LAYER_COUNT; l++)
		p->probes[l] = (struct stk_probe){ .layer = (enum stk_layer)l };
	p->probes[STK_LAYER_MDWE].state = STK_PROBE_MISSING;
	p->probes[STK_LAYER_MDWE].err = EINVAL;
	(void)snprintf(p->probes[STK_LAYER_MDWE].why, sizeof(p->probes[0].why), "missing");
	p->probes[STK_LAYER_LANDLOCK_FS].state = STK_PROBE_REFUSED;
	p->probes[STK_LAYER_LANDLOCK_FS].err = EPERM;
	stk_layers_judge(c, &table, p);
}

static void the_class_outdoes_the_rest_and_both_the_table(void **state)
{
	struct stk_config c;
	struct stk_layer_plan p;
	char why[512];

	(void)state;
	judged("", &c, &p);
	assert_true(stk_layers_degraded(&p, STK_LAYER_MDWE));
	assert_true(stk_layers_missing(&p, STK_LAYER_LANDLOCK_FS));
	assert_int_equal(stk_layers_first_missing(&p), STK_LAYER_LANDLOCK_FS);
	stk_config_clear(&c);

	judged("layers = { landlock_fs = \"prefer\"; mdwe = \"off\"; };", &c, &p);
	assert_false(stk_layers_degraded(&p, STK_LAYER_MDWE));
	assert_true(stk_layers_degraded(&p, STK_LAYER_LANDLOCK_FS));
	assert_int_equal(stk_layers_first_missing(&p), STK_LAYER_COUNT);
	assert_null(stk_layers_class_fault(&c, &p, &classes[0]));
	assert_string_equal(stk_layers_class_fault(&c, &p, &classes[1]),
	    "exec needs landlock_fs, which this machine does not give");
	stk_config_clear(&c);

	judged("layers = { landlock_fs = \"off\"; mdwe = \"off\"; };"
	       "class_layers = ( { class = \"Thumb\"; require = [ \"mdwe\" ]; } );",
	    &c, &p);
	assert_true(stk_layers_missing(&p, STK_LAYER_MDWE));
	assert_string_equal(p.asked_by[STK_LAYER_MDWE], "Thumb");
	stk_layers_say(&p, STK_LAYER_MDWE, why, sizeof(why));
	assert_non_null(strstr(why, "layer mdwe is missing"));
	assert_non_null(strstr(why, "class Thumb asks for it"));
	assert_non_null(
	    strstr(why, "class_layers = ( { class = \"Thumb\"; prefer = [ \"mdwe\" ]; } );"));
	assert_string_equal(stk_layers_class_fault(&c, &p, &classes[1]),
	    "exec needs landlock_fs, which is switched off");
	assert_null(stk_layers_stranger(&c, &table));
	stk_config_clear(&c);

	/* what that sentence says is a cure, and the other setting would be none */
	judged("layers = { landlock_fs = \"off\"; };"
	       "class_layers = ( { class = \"Thumb\"; prefer = [ \"mdwe\" ]; } );",
	    &c, &p);
	assert_false(stk_layers_missing(&p, STK_LAYER_MDWE));
	stk_config_clear(&c);
	judged("layers = { landlock_fs = \"off\"; mdwe = \"prefer\"; };"
	       "class_layers = ( { class = \"Thumb\"; require = [ \"mdwe\" ]; } );",
	    &c, &p);
	assert_true(stk_layers_missing(&p, STK_LAYER_MDWE));
	stk_config_clear(&c);

	judged("layers = { landlock_fs = \"off\"; mdwe = \"require\"; };"
	       "class_layers = ( { class = \"Pure\"; off = [ \"mdwe\" ]; },"
	       " { class = \"Elsewhere\"; prefer = [ \"mdwe\" ]; } );",
	    &c, &p);
	assert_true(stk_layers_missing(&p, STK_LAYER_MDWE));
	assert_int_equal(stk_layers_demand(&c, STK_LAYER_MDWE, &classes[0]), STK_DEMAND_OFF);
	assert_int_equal(stk_layers_demand(&c, STK_LAYER_MDWE, &classes[1]), STK_DEMAND_REQUIRE);
	assert_string_equal(stk_layers_stranger(&c, &table), "Elsewhere");
	stk_config_clear(&c);
}

static void what_is_fixed_stays(void **state)
{
	struct stk_config c;
	struct stk_layer_plan p;

	(void)state;
	judged("layers = { landlock_fs = \"off\"; pidfd = \"require\"; };", &c, &p);
	p.probes[STK_LAYER_PIDFD].state = STK_PROBE_MISSING;
	assert_int_equal(stk_layers_first_missing(&p), STK_LAYER_PIDFD);
	stk_config_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_mean_nothing_are_refused),
		cmocka_unit_test(the_class_outdoes_the_rest_and_both_the_table),
		cmocka_unit_test(what_is_fixed_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
