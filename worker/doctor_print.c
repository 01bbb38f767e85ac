/*
 * doctor_print.c - doctor's findings for people (aligned, coloured on a terminal, plain elsewhere)
 * or for scripts (one JSON object whose members are in PROTOCOL.md). Sentences may quote class
 * names, paths and Redis's words: whatever is not printable ASCII is shown as '?'.
 */
#include "worker/doctor.h"

#include "sandbox/procstat.h"
#include "worker/cli/cli.h"
#include "worker/jsonw.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *colour_of(enum stk_grade g)
{
	switch (g) {
	case STK_GRADE_OK: return "\033[32m";
	case STK_GRADE_OFF: return "\033[2m";
	case STK_GRADE_MISS:
	case STK_GRADE_WARN: return "\033[33m";
	case STK_GRADE_REFUSE: break;
	}
	return "\033[31m";
}

static const char *verdict_of(const struct stk_findings *f)
{
	switch (stk_findings_exit(f)) {
	case 0: return "ok";
	case 3: return "degraded";
	default: return "refuse";
	}
}

/* Filters of somebody else around this process; -1 where the kernel does not say. */
static int outer_filters(void)
{
	struct stk_cage_proof p;

	return stk_procstat(getpid(), &p) == STK_OK ? p.filters : -1;
}

static void say(const char *text)
{
	char clean[512];

	stk_find_clean(stk_span_str(text), clean, sizeof(clean));
	(void)fputs(clean, stdout);
}

static void print_one(const struct stk_finding *v, bool colour)
{
	(void)printf("%s%-7s%s %-6s ", colour ? colour_of(v->grade) : "", stk_grade_text(v->grade),
	    colour ? "\033[0m" : "", stk_area_text(v->area));
	(void)printf("%-*.*s ", 24, STK_NAME_MAX, v->name);
	if (v->demand != NULL && v->grade == STK_GRADE_OK)
		(void)printf("%-8s", v->demand);
	else if (v->demand != NULL)
		(void)printf("%s; ", strcmp(v->demand, "off") == 0 ? "not asked for" : v->demand);
	say(v->text);
	(void)putchar('\n');
	if (v->fix[0] != '\0') {
		(void)printf("%*s-> ", 40, "");
		say(v->fix);
		(void)putchar('\n');
	}
}

static void count(const struct stk_findings *f, size_t n[static STK_GRADE_REFUSE + 1])
{
	memset(n, 0, (STK_GRADE_REFUSE + 1) * sizeof(*n));
	for (size_t i = 0; i < f->n; i++)
		n[f->v[i].grade]++;
}

/* What nobody is granted, and nothing is mapped for, is neither. */
static bool in_list(const struct stk_finding *v, bool runnable)
{
	return v->area == STK_AREA_CLASS && v->grade != STK_GRADE_OFF &&
	       (v->grade == STK_GRADE_OK) == runnable;
}

static void print_classes(const struct stk_findings *f, bool runnable)
{
	const char *between = "";

	for (size_t i = 0; i < f->n; i++)
		if (in_list(&f->v[i], runnable)) {
			(void)fputs(between, stdout);
			say(f->v[i].name);
			between = ", ";
		}
	if (*between == '\0')
		(void)fputs("none", stdout);
}

static bool has_area(const struct stk_findings *f, enum stk_area a)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].area == a)
			return true;
	return false;
}

void stk_findings_print(const struct stk_findings *f, bool colour)
{
	size_t n[STK_GRADE_REFUSE + 1];
	struct utsname u = { 0 };

	(void)uname(&u);
	count(f, n);
	(void)printf("stockade %s  %s %s  %s  uid %u  outer filters %d  Landlock ABI %d\n",
	    STOCKADE_VERSION, u.sysname, u.release, u.machine, (unsigned)getuid(), outer_filters(),
	    f->landlock_abi);
	for (unsigned a = 0; a < STK_AREA_COUNT; a++)
		for (size_t i = 0; i < f->n; i++)
			if (f->v[i].area == (enum stk_area)a)
				print_one(&f->v[i], colour);
	if (f->dropped > 0)
		(void)printf("and %zu findings more\n", f->dropped);
	if (has_area(f, STK_AREA_CLASS)) {
		(void)fputs("classes runnable: ", stdout);
		print_classes(f, true);
		(void)fputs("; refused: ", stdout);
		print_classes(f, false);
		(void)fputs("\n", stdout);
	}
	/* an empty list would look like an answer */
	if (!has_area(f, STK_AREA_CLASS) || !has_area(f, STK_AREA_REDIS))
		(void)printf("not looked at: %s%s%s; mend what is refused above, then ask again\n",
		    has_area(f, STK_AREA_CLASS) ? "" : "classes",
		    !has_area(f, STK_AREA_CLASS) && !has_area(f, STK_AREA_REDIS) ? ", " : "",
		    has_area(f, STK_AREA_REDIS) ? "" : "Redis");
	(void)printf("%s: %zu ok, %zu not asked for, %zu missing, %zu warnings, %zu refusals\n",
	    verdict_of(f), n[STK_GRADE_OK], n[STK_GRADE_OFF], n[STK_GRADE_MISS], n[STK_GRADE_WARN],
	    n[STK_GRADE_REFUSE]);
}

static void json_text(struct stk_jw *w, const char *key, const char *text)
{
	char clean[512];

	if (text[0] == '\0') {
		stk_jw_null(w, key);
		return;
	}
	stk_find_clean(stk_span_str(text), clean, sizeof(clean));
	stk_jw_cstr(w, key, clean);
}

static void json_one(struct stk_jw *w, const struct stk_finding *v)
{
	const char *name = v->err == 0 ? NULL : strerrorname_np(v->err);

	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "grade", stk_grade_text(v->grade));
	stk_jw_cstr(w, "area", stk_area_text(v->area));
	json_text(w, "name", v->name);
	json_text(w, "demand", v->demand == NULL ? "" : v->demand);
	json_text(w, "errno", name == NULL ? "" : name);
	json_text(w, "text", v->text);
	json_text(w, "fix", v->fix);
	stk_jw_close(w, '}');
}

static void json_classes(struct stk_jw *w, const struct stk_findings *f, const char *key, bool ok)
{
	stk_jw_open(w, key, '[');
	for (size_t i = 0; i < f->n; i++)
		if (in_list(&f->v[i], ok))
			json_text(w, NULL, f->v[i].name);
	stk_jw_close(w, ']');
}

int stk_findings_json(const struct stk_findings *f)
{
	struct utsname u = { 0 };
	struct stk_jw w;
	bool bad;

	(void)uname(&u);
	stk_jw_init(&w, 2 << 20);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "stockade", STOCKADE_VERSION);
	stk_jw_cstr(&w, "verdict", verdict_of(f));
	stk_jw_int(&w, "exit", stk_findings_exit(f));
	stk_jw_cstr(&w, "kernel", u.release);
	stk_jw_cstr(&w, "arch", u.machine);
	stk_jw_int(&w, "uid", (int64_t)getuid());
	stk_jw_int(&w, "outer_filters", outer_filters());
	stk_jw_int(&w, "landlock_abi", f->landlock_abi);
	json_classes(&w, f, "runnable", true);
	json_classes(&w, f, "refused", false);
	stk_jw_open(&w, "findings", '[');
	for (size_t i = 0; i < f->n; i++)
		json_one(&w, &f->v[i]);
	stk_jw_close(&w, ']');
	stk_jw_int(&w, "dropped", (int64_t)f->dropped);
	stk_jw_close(&w, '}');
	bad = w.sour;
	if (!bad)
		(void)printf("%s\n", w.buf);
	stk_jw_clear(&w);
	return bad ? stk_complain(STK_EX_BUG, "the findings do not fit 2 MiB of JSON") : 0;
}
