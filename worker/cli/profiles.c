/*
 * profiles.c - see profiles.h.
 */
#include "worker/cli/profiles.h"

#include <stdio.h>
#include <string.h>

static const struct {
	uint32_t bit;
	const char *name;
} profile_names[] = {
	{ STK_PROFILE_FILES_READ, "files(read)" },
	{ STK_PROFILE_FILES_WRITE, "files(write)" },
	{ STK_PROFILE_THREADS, "threads" },
	{ STK_PROFILE_NET, "net" },
	{ STK_PROFILE_EXEC, "exec" },
	{ STK_PROFILE_EXEC_DYNAMIC, "exec(dynamic)" },
};

void stk_profiles_text(uint32_t profiles, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", profiles == STK_PROFILE_PURE ? "pure" : "");
	for (size_t i = 0; i < STK_ARRAY_LEN(profile_names); i++)
		if ((profiles & profile_names[i].bit) != 0) {
			size_t n = strlen(out);

			(void)snprintf(
			    out + n, size - n, "%s%s", n > 0 ? "+" : "", profile_names[i].name);
		}
}

void stk_profiles_json(struct stk_jw *w, uint32_t profiles)
{
	stk_jw_open(w, "profiles", '[');
	if (profiles == STK_PROFILE_PURE)
		stk_jw_cstr(w, NULL, "pure");
	for (size_t i = 0; i < STK_ARRAY_LEN(profile_names); i++)
		if ((profiles & profile_names[i].bit) != 0)
			stk_jw_cstr(w, NULL, profile_names[i].name);
	stk_jw_close(w, ']');
}

void stk_limits_json(struct stk_jw *w, const struct stk_limits *l)
{
	stk_jw_open(w, "limits", '{');
	stk_jw_int(w, "wall_ms", l->wall_ms);
	stk_jw_int(w, "cpu_s", l->cpu_s);
	stk_jw_int(w, "mem_bytes", (int64_t)l->mem_bytes);
	stk_jw_int(w, "file_bytes", (int64_t)l->file_bytes);
	stk_jw_int(w, "stack_bytes", (int64_t)l->stack_bytes);
	stk_jw_int(w, "fds", l->fds);
	stk_jw_int(w, "output_bytes", l->output_bytes);
	stk_jw_int(w, "report_bytes", l->report_bytes);
	stk_jw_int(w, "result_bytes", l->result_bytes);
	stk_jw_int(w, "work_bytes", (int64_t)l->work_bytes);
	stk_jw_int(w, "tasks", l->tasks);
	stk_jw_int(w, "silence_ms", l->silence_ms);
	stk_jw_close(w, '}');
}

void stk_texts_json(struct stk_jw *w, const char *key, const char *slots, size_t field, uint32_t n)
{
	if (n == 0)
		return;
	stk_jw_open(w, key, '[');
	for (uint32_t i = 0; i < n; i++)
		stk_jw_cstr(w, NULL, slots + i * field);
	stk_jw_close(w, ']');
}
