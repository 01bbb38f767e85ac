/*
 * classes.c - `stockade classes`: the whitelist, as the cage program describes itself.
 */
#include "worker/cli/options.h"
#include "worker/cli/profiles.h"
#include "worker/jsonw.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Appends, with a comma after what is there; what does not fit is left out: --json has it all. */
static void append(char *out, size_t size, const char *text, const char *more)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, size - n, "%s%s%s", n > 0 ? "," : "", text, more);
}

static void grants_text(const struct stk_class_desc *d, char *out, size_t size)
{
	out[0] = '\0';
	for (uint32_t g = 0; g < d->n_grants; g++)
		append(out, size, d->grants[g].label,
		    d->grants[g].kind == STK_PROFILE_FILES_WRITE ? "(write)" : "");
	if (d->ask.work_bytes > 0)
		append(out, size, "work", "");
	for (uint32_t i = 0; i < d->n_nets; i++)
		append(out, size, d->nets[i], "");
	if (d->program[0] != '\0')
		append(out, size, d->program, "");
	for (uint32_t i = 0; i < d->n_secrets; i++)
		append(out, size, d->secrets[i], "(secret)");
	if (out[0] == '\0')
		append(out, size, "-", "");
}

enum {
	NAME,
	PROFILE,
	GRANTS,
	COLUMNS
};

/* The columns whose words are of any length. */
static void cells(const struct stk_class_desc *d, char out[COLUMNS][256])
{
	(void)snprintf(out[NAME], sizeof(out[NAME]), "%s", d->name);
	stk_profiles_text(d->profiles, out[PROFILE], sizeof(out[PROFILE]));
	grants_text(d, out[GRANTS], sizeof(out[GRANTS]));
}

static void print_table(const struct stk_class_table *t)
{
	bool bold = isatty(STDOUT_FILENO) == 1;
	char registry[65], digest[65], cell[COLUMNS][256];
	int wide[COLUMNS] = { (int)sizeof("class") - 1, (int)sizeof("profile") - 1,
		(int)sizeof("grants") - 1 };

	for (uint32_t i = 0; i < t->head.n_classes; i++) {
		cells(&t->classes[i], cell);
		for (int k = 0; k < COLUMNS; k++)
			if ((int)strlen(cell[k]) > wide[k])
				wide[k] = (int)strlen(cell[k]);
	}
	stk_hex(t->head.registry_digest, 32, registry);
	(void)printf("%s%-*s  %-*s %9s %7s %11s %7s  %-*s  %s%s\n", bold ? "\033[1m" : "",
	    wide[NAME], "class", wide[PROFILE], "profile", "wall", "cpu", "memory", "retries",
	    wide[GRANTS], "grants", "schema", bold ? "\033[0m" : "");
	for (uint32_t i = 0; i < t->head.n_classes; i++) {
		const struct stk_class_desc *d = &t->classes[i];

		cells(d, cell);
		stk_hex(d->schema_digest, 6, digest);
		(void)printf("%-*s  %-*s %8.1fs %6us %8lluMiB %7u  %-*s  %s\n", wide[NAME],
		    cell[NAME], wide[PROFILE], cell[PROFILE], d->ask.wall_ms / 1000.0, d->ask.cpu_s,
		    (unsigned long long)(d->ask.mem_bytes >> 20), d->retry_max, wide[GRANTS],
		    cell[GRANTS], digest);
	}
	(void)printf("registry %s, abi %u, wall %u\n", registry, t->head.abi, t->head.wall_version);
}

static void json_labels(
    struct stk_jw *w, const char *key, const struct stk_class_desc *d, uint32_t kind)
{
	stk_jw_open(w, key, '[');
	for (uint32_t g = 0; g < d->n_grants; g++)
		if (d->grants[g].kind == kind)
			stk_jw_cstr(w, NULL, d->grants[g].label);
	stk_jw_close(w, ']');
}

static void json_class(struct stk_jw *w, const struct stk_class_desc *d)
{
	char digest[65];

	stk_hex(d->schema_digest, 32, digest);
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "class", d->name);
	stk_profiles_json(w, d->profiles);
	stk_limits_json(w, &d->ask);
	stk_jw_int(w, "retries", d->retry_max);
	if (d->retry_max > 0) {
		stk_jw_cstr(
		    w, "retry", d->retry_kind == STK_RETRY_EXPONENTIAL ? "exponential" : "fixed");
		stk_jw_int(w, "retry_base_ms", d->retry_base_ms);
	}
	stk_jw_int(w, "keep_result_s", d->keep_result_s);
	stk_jw_bool(w, "idempotent", d->idempotent != 0);
	stk_jw_open(w, "grants", '[');
	for (uint32_t g = 0; g < d->n_grants; g++)
		stk_jw_cstr(w, NULL, d->grants[g].label);
	stk_jw_close(w, ']');
	json_labels(w, "reads", d, STK_PROFILE_FILES_READ);
	json_labels(w, "writes", d, STK_PROFILE_FILES_WRITE);
	stk_jw_int(w, "releases", d->releases);
	stk_texts_json(w, "connect", d->nets[0], STK_NET_MAX, d->n_nets);
	stk_texts_json(w, "secrets", d->secrets[0], STK_LABEL_MAX, d->n_secrets);
	stk_texts_json(w, "settings", d->settings[0], STK_LABEL_MAX, d->n_settings);
	if (d->program[0] != '\0')
		stk_jw_cstr(w, "program", d->program);
	stk_texts_json(w, "trees", d->trees[0], STK_PATH_MAX, d->n_trees);
	stk_jw_cstr(w, "schema_sha256", digest);
	stk_jw_close(w, '}');
}

static int print_json(const struct stk_class_table *t)
{
	struct stk_jw w;
	char registry[65];
	bool bad;

	stk_hex(t->head.registry_digest, 32, registry);
	stk_jw_init(&w, 1 << 20);
	stk_jw_open(&w, NULL, '{');
	stk_jw_int(&w, "abi", t->head.abi);
	stk_jw_int(&w, "wall_version", t->head.wall_version);
	stk_jw_cstr(&w, "registry_sha256", registry);
	stk_jw_open(&w, "classes", '[');
	for (uint32_t i = 0; i < t->head.n_classes; i++)
		json_class(&w, &t->classes[i]);
	stk_jw_close(&w, ']');
	stk_jw_close(&w, '}');
	bad = w.sour;
	if (!bad)
		(void)printf("%s\n", w.buf);
	stk_jw_clear(&w);
	return bad ? stk_complain(STK_EX_BUG, "the table does not fit 1 MiB of JSON") : 0;
}

static int run(int argc, char **argv)
{
	struct stk_cage_setup setup = { 0 };
	struct stk_config config;
	struct stk_options o;
	int code = stk_options_parse(&stk_cmd_classes, "cgj", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (o.first_operand != argc)
		return stk_usage(&stk_cmd_classes, STK_EX_USAGE);
	code = stk_options_config(&o, false, &config);
	if (code != 0)
		return code;
	code = stk_options_cage(&config, &setup);
	if (code == 0 && o.json)
		code = print_json(&setup.table);
	else if (code == 0)
		print_table(&setup.table);
	stk_cage_setup_clear(&setup);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_classes = {
	.name = "classes",
	.summary = "print the compiled-in classes with their profiles, limits and digests",
	.usage = "classes [--cage PROGRAM] [--config FILE] [--json]",
	.run = run,
};
