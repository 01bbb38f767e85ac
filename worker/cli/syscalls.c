/*
 * syscalls.c - `stockade policy syscalls`: exactly what a class may do, by the tables that its
 * filters are built from.
 *
 * The cage program says which profiles, grants and limits a class asks for, in the fixed records
 * that the worker believes too; what those mean comes from our own tables, never from its text.
 */
#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/profile.h"
#include "sandbox/program.h"
#include "worker/cli/options.h"
#include "worker/cli/policy.h"
#include "worker/cli/profiles.h"
#include "worker/jsonw.h"

#include <stdio.h>
#include <string.h>

#define PAGE_WIDTH 100

struct view {
	const struct stk_config *config;
	const struct stk_class_desc *d;
	struct stk_limits limits; /* after the ceiling */
	int abi;                  /* Landlock's, 0: switched off, below 0: not to be had */
};

/* --- rights over files ------------------------------------------------------------------------ */

static uint64_t rights_of(const struct view *v, const struct stk_grant *g)
{
	uint32_t r = g->kind == STK_PROFILE_FILES_WRITE ? STK_LANDLOCK_READ | STK_LANDLOCK_WRITE
							: STK_LANDLOCK_READ;

	return v->abi > 0 ? stk_landlock_allowed(v->abi, r, true) : 0;
}

/* Of a class with WORK_MIB; regular files alone, which is the filter's doing. */
static uint64_t work_rights(const struct view *v)
{
	return v->abi > 0
		   ? stk_landlock_allowed(v->abi, STK_LANDLOCK_READ | STK_LANDLOCK_WRITE, true)
		   : 0;
}

static void right_names(uint64_t rights, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned bit = 0; stk_landlock_name(bit) != NULL && n < size; bit++)
		if ((rights & UINT64_C(1) << bit) != 0)
			n += (size_t)snprintf(
			    out + n, size - n, "%s%s", n > 0 ? " " : "", stk_landlock_name(bit));
}

static const char *directory_of(const struct view *v, const struct stk_grant *g)
{
	const char *path = stk_config_directory(v->config, g->label);

	return path == NULL ? "(not mapped)" : path;
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_names(uint32_t groups, bool (*wanted)(const struct stk_call *c))
{
	size_t column = 0;

	for (int nr = 0; nr < stk_profile_nr_end(); nr++) {
		struct stk_call c;
		const char *name = stk_syscall_name(stk_syscall_arch(), nr);

		if (name == NULL || !stk_profile_call(groups, nr, &c) || !wanted(&c))
			continue;
		if (column > 0 && column + strlen(name) + 1 > PAGE_WIDTH) {
			(void)printf("\n");
			column = 0;
		}
		column += (size_t)printf(column == 0 ? "  %s" : " %s", name);
	}
	(void)printf("\n");
}

static bool is_free(const struct stk_call *c)
{
	return c->kind == STK_VERDICT_ALLOW && c->n_rows == 0;
}

static void print_conditions(uint32_t groups)
{
	for (int nr = 0; nr < stk_profile_nr_end(); nr++) {
		struct stk_call c;

		if (!stk_profile_call(groups, nr, &c))
			continue;
		for (size_t i = 0; i < c.n_rows; i++)
			(void)printf("  %-18s %s\n",
			    i == 0 ? stk_syscall_name(stk_syscall_arch(), nr) : "",
			    c.rows[i]->text);
	}
}

static void print_answers(uint32_t groups)
{
	for (int nr = 0; nr < stk_profile_nr_end(); nr++) {
		struct stk_call c;

		if (stk_profile_call(groups, nr, &c) && c.kind == STK_VERDICT_ERRNO)
			(void)printf("  %-18s %s\n", stk_syscall_name(stk_syscall_arch(), nr),
			    strerrorname_np(c.err));
	}
}

/* Its cage has no grant but these and the class's directories. */
static void print_program_files(const struct view *v)
{
	char names[256];

	if (v->d->program[0] == '\0' || v->abi <= 0)
		return;
	right_names(stk_landlock_allowed(v->abi, STK_LANDLOCK_EXEC, false), names, sizeof(names));
	(void)printf("  its program alone   %s: %s\n", v->d->program, names);
	right_names(stk_landlock_allowed(v->abi, STK_LANDLOCK_READ, true), names, sizeof(names));
	for (uint32_t i = 0; i < v->d->n_trees; i++)
		(void)printf("  its program alone   %s: %s\n", v->d->trees[i], names);
	(void)printf("  its program alone   what programs open unasked%s (sandbox/rules.c)\n",
	    v->d->n_trees > 0 ? ", and the loader" : "");
}

static void print_files(const struct view *v)
{
	char names[256];

	if (v->abi <= 0) {
		(void)printf("files: Landlock is %s: a class with grants does not run\n",
		    v->abi == 0 ? "switched off" : "not to be had here");
		return;
	}
	right_names(stk_landlock_handled(v->abi), names, sizeof(names));
	(void)printf("files: Landlock ABI %d denies %s%s%s, but for\n", v->abi, names,
	    v->abi >= 4 ? "; TCP bind and connect" : "",
	    v->abi >= 6 ? "; signals and abstract sockets of others" : "");
	for (uint32_t i = 0; i < v->d->n_grants; i++) {
		const struct stk_grant *g = &v->d->grants[i];

		right_names(rights_of(v, g), names, sizeof(names));
		(void)printf("  %-18s %s: %s\n", g->label, directory_of(v, g), names);
	}
	if (v->d->ask.work_bytes > 0) {
		right_names(work_rights(v), names, sizeof(names));
		(void)printf("  %-18s one of its own beneath %s: %s\n", "work directory",
		    v->config->work_dir == NULL ? "work_dir (not set)" : v->config->work_dir,
		    names);
	}
	if (v->d->n_grants == 0 && v->d->ask.work_bytes == 0)
		(void)printf("  nothing\n");
	print_program_files(v);
}

static void print_texts(const char *before, const char *slots, size_t field, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		(void)printf(
		    "%s%s%s", i == 0 ? before : ", ", slots + i * field, i + 1 == n ? "\n" : "");
}

/* To whom it is connected, what it is handed, what it may set off. */
static void print_given(const struct stk_class_desc *d)
{
	print_texts("network, by its broker alone: ", d->nets[0], STK_NET_MAX, d->n_nets);
	if (d->n_nets > 0)
		(void)printf(
		    "  loopback, private addresses and the like, and what net_refuse holds, only "
		    "where listed as an\n  address or range; the worker's Redis only where its "
		    "very address and port are listed\n");
	print_texts("secrets: ", d->secrets[0], STK_LABEL_MAX, d->n_secrets);
	print_texts("settings: ", d->settings[0], STK_LABEL_MAX, d->n_settings);
	if (d->releases > 0)
		(void)printf(
		    "releases: %u of the jobs that came signed among its arguments\n", d->releases);
}

static void print_limits(const struct view *v)
{
	const struct stk_limits *l = &v->limits;

	(void)printf("limits: %u ms wall, %u s CPU, %llu MiB memory, %llu MiB stack, %llu KiB a "
		     "file,\n  %u descriptors, %u task%s, %u KiB output, %u KiB report, %u KiB "
		     "result, %llu MiB work directory",
	    l->wall_ms, l->cpu_s, (unsigned long long)(l->mem_bytes >> 20),
	    (unsigned long long)(l->stack_bytes >> 20), (unsigned long long)(l->file_bytes >> 10),
	    l->fds, l->tasks, l->tasks == 1 ? "" : "s", l->output_bytes >> 10,
	    l->report_bytes >> 10, l->result_bytes >> 10,
	    (unsigned long long)(l->work_bytes >> 20));
	if (l->silence_ms > 0)
		(void)printf(", %u s of silence", l->silence_ms / 1000);
	(void)printf("\n");
}

static void print_calls(uint32_t groups)
{
	(void)printf("\nallowed, whatever their arguments:\n");
	print_names(groups, is_free);
	(void)printf("\nallowed if every condition of one line holds (arguments count from 0; "
		     "sandbox/profile.def):\n");
	print_conditions(groups);
	(void)printf("\nnot done, but answered with an error:\n");
	print_answers(groups);
}

static void print_text(const struct view *v)
{
	uint32_t program = stk_program_sum(v->d->profiles);
	char profile[128];

	stk_profiles_text(v->d->profiles, profile, sizeof(profile));
	(void)printf("class %s: %s\n", v->d->name, profile);
	print_calls(v->d->profiles | STK_GROUP_BASE);
	if (program != 0) {
		(void)printf("\nits program %s, in a cage of its own:\n", v->d->program);
		print_calls(program | STK_GROUP_BASE);
	}
	(void)printf("\nevery other call ends the job as SyscallDenied; a foreign ABI's ends it "
		     "unnamed\n\n");
	print_files(v);
	print_given(v->d);
	print_limits(v);
}

/* --- for scripts ------------------------------------------------------------------------------ */

/* The words of the table, and what they come to in numbers: strings, for they have 64 bits. */
static void json_row(struct stk_jw *w, const struct stk_row *r)
{
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "text", r->text);
	stk_jw_open(w, "all_of", '[');
	for (size_t i = 0; i < stk_row_n_args(r); i++) {
		stk_jw_open(w, NULL, '{');
		stk_jw_int(w, "arg", r->args[i].arg);
		if (r->args[i].op == STK_ARG_SELF) {
			stk_jw_bool(w, "own_pid", true);
		} else {
			stk_jw_fmt(w, "mask", "%#llx", (unsigned long long)r->args[i].mask);
			stk_jw_fmt(w, "equals", "%#llx", (unsigned long long)r->args[i].value);
		}
		stk_jw_close(w, '}');
	}
	stk_jw_close(w, ']');
	stk_jw_close(w, '}');
}

static void json_calls(struct stk_jw *w, uint32_t groups)
{
	stk_jw_open(w, "calls", '{');
	for (int nr = 0; nr < stk_profile_nr_end(); nr++) {
		struct stk_call c;

		if (!stk_profile_call(groups, nr, &c))
			continue;
		stk_jw_open(w, stk_syscall_name(stk_syscall_arch(), nr), '{');
		stk_jw_int(w, "nr", nr);
		if (c.kind == STK_VERDICT_ERRNO)
			stk_jw_cstr(w, "errno", strerrorname_np(c.err));
		if (c.n_rows > 0) {
			stk_jw_open(w, "any_of", '[');
			for (size_t i = 0; i < c.n_rows; i++)
				json_row(w, c.rows[i]);
			stk_jw_close(w, ']');
		}
		stk_jw_close(w, '}');
	}
	stk_jw_close(w, '}');
}

static void json_rights(struct stk_jw *w, const char *key, uint64_t rights)
{
	stk_jw_open(w, key, '[');
	for (unsigned bit = 0; stk_landlock_name(bit) != NULL; bit++)
		if ((rights & UINT64_C(1) << bit) != 0)
			stk_jw_cstr(w, NULL, stk_landlock_name(bit));
	stk_jw_close(w, ']');
}

static void json_files(struct stk_jw *w, const struct view *v)
{
	stk_jw_open(w, "landlock", '{');
	stk_jw_int(w, "abi", v->abi);
	if (v->abi > 0)
		json_rights(w, "denied", stk_landlock_handled(v->abi));
	stk_jw_bool(w, "tcp_denied", v->abi >= 4);
	stk_jw_bool(w, "scoped", v->abi >= 6);
	stk_jw_open(w, "granted", '[');
	for (uint32_t i = 0; i < v->d->n_grants; i++) {
		const struct stk_grant *g = &v->d->grants[i];

		stk_jw_open(w, NULL, '{');
		stk_jw_cstr(w, "label", g->label);
		if (stk_config_directory(v->config, g->label) != NULL)
			stk_jw_cstr(w, "directory", directory_of(v, g));
		json_rights(w, "rights", rights_of(v, g));
		stk_jw_close(w, '}');
	}
	stk_jw_close(w, ']');
	if (v->d->ask.work_bytes > 0)
		json_rights(w, "work_directory", work_rights(v));
	stk_jw_close(w, '}');
}

static void json_given(struct stk_jw *w, const struct stk_class_desc *d)
{
	stk_texts_json(w, "connect", d->nets[0], STK_NET_MAX, d->n_nets);
	stk_texts_json(w, "secrets", d->secrets[0], STK_LABEL_MAX, d->n_secrets);
	stk_texts_json(w, "settings", d->settings[0], STK_LABEL_MAX, d->n_settings);
	stk_jw_int(w, "releases", d->releases);
}

static int print_json(const struct view *v)
{
	uint32_t program = stk_program_sum(v->d->profiles);
	struct stk_jw w;
	bool bad;

	stk_jw_init(&w, 1 << 20);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "class", v->d->name);
	stk_profiles_json(&w, v->d->profiles);
	json_calls(&w, v->d->profiles | STK_GROUP_BASE);
	if (program != 0) {
		stk_jw_open(&w, "program", '{');
		stk_jw_cstr(&w, "path", v->d->program);
		stk_jw_open(&w, "trees", '[');
		for (uint32_t i = 0; i < v->d->n_trees; i++)
			stk_jw_cstr(&w, NULL, v->d->trees[i]);
		stk_jw_close(&w, ']');
		json_calls(&w, program | STK_GROUP_BASE);
		stk_jw_close(&w, '}');
	}
	stk_jw_cstr(&w, "otherwise", "SyscallDenied");
	json_files(&w, v);
	json_given(&w, v->d);
	stk_limits_json(&w, &v->limits);
	stk_jw_close(&w, '}');
	bad = w.sour;
	if (!bad)
		(void)printf("%s\n", w.buf);
	stk_jw_clear(&w);
	return bad ? stk_complain(STK_EX_BUG, "the class does not fit 1 MiB of JSON") : 0;
}

/* --- the command ------------------------------------------------------------------------------ */

static int show(
    const struct stk_config *config, const struct stk_class_table *t, const char *name, bool json)
{
	int index = stk_class_find(t, stk_span_str(name));
	struct view v = { .config = config,
		.abi = stk_layers_landlock(config) ? stk_landlock_abi() : 0 };

	if (index < 0)
		return stk_complain(STK_EX_USAGE,
		    "no class '%.128s' in %s; `stockade classes` lists them", name, config->cage);
	v.d = &t->classes[index];
	v.limits = stk_config_clamp(config, &v.d->ask);
	if ((v.d->profiles & ~STK_PROFILE_READY) != 0)
		return stk_complain(STK_EX_CONFIG,
		    "class %s asks for a profile that has no table in this version: it does not "
		    "run",
		    name);
	if (json)
		return print_json(&v);
	print_text(&v);
	return 0;
}

int stk_policy_syscalls(int argc, char **argv)
{
	struct stk_cage_setup setup = { 0 };
	struct stk_config config;
	struct stk_options o;
	int code;

	code = stk_options_parse(&stk_cmd_policy, "cgj", argc, argv, &o);
	if (code != 0)
		return code == -1 ? 0 : code;
	if (argc - o.first_operand != 1)
		return stk_usage(&stk_cmd_policy, STK_EX_USAGE);
	code = stk_options_config(&o, false, &config);
	if (code != 0)
		return code;
	code = stk_options_cage(&config, &setup);
	if (code == 0)
		code = show(&config, &setup.table, argv[o.first_operand], o.json);
	stk_cage_setup_clear(&setup);
	stk_config_clear(&config);
	return code;
}
