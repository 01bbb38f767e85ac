/*
 * learn.c - see learn.h. Every run is a real one, behind the whole wall, in a cage of its own whose
 * table has another line for this class; so its effects are real too, and whoever asks for it must
 * want the job to run several times.
 *
 * The labels that may be granted are those that the operator mapped: no path is guessed. One that
 * the job names itself comes first; where it names none, all are tried, and are proposed only if
 * the job is done with them.
 */
#include "worker/cli/learn.h"

#include "sandbox/learn.h"
#include "worker/cli/profiles.h"

#include <stdio.h>
#include <string.h>

#define RUNS_MAX 80

struct lesson {
	const struct stk_config *config;
	const char *class_name;
	struct stk_span args;
	struct stk_learn line;
	struct stk_desc_header head; /* names of the labels */
	uint32_t mapped;             /* labels that have a directory */
	uint32_t kept;          /* the class's profiles, of which net and exec stay as they are */
	bool works;             /* it has a directory of its own, which is of files too */
	uint32_t tasks;         /* how many it may have this time */
	struct stk_learn asked; /* labels that it named so far, in reads and writes */
	char unknown[STK_LABEL_MAX]; /* one that it named and that no directory is mapped to */
	char beyond[64]; /* a grant that it named and that is not tried, but for its ) */
	bool exactly;    /* and not one more, however short it lives */
	uint32_t seen;   /* the most threads at a time in any run */
	unsigned runs;
	struct stk_outcome last; /* of the last run */
};

/* --- one run ---------------------------------------------------------------------------------- */

static enum stk_run_order just_run(void *ctx, int64_t until_ms)
{
	(void)ctx;
	(void)until_ms;
	return STK_RUN_ON;
}

static bool go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)pid;
	(void)proof;
	return true;
}

/* A line of job.h's own (STK_LACKS_GRANT); a handler that forges one misleads its author alone. */
static void hear(void *ctx, uint32_t level, struct stk_span text)
{
	struct lesson *l = ctx;
	char line[128], word[8], label[STK_LABEL_MAX];

	(void)level;
	(void)snprintf(line, sizeof(line), "%.*s", (int)text.len, (const char *)text.p);
	if (sscanf(line, STK_LACKS_GRANT "%7[A-Z](\"%31[a-z0-9_-]\")", word, label) != 2 ||
	    (strcmp(word, "READ") != 0 && strcmp(word, "WRITE") != 0)) {
		(void)sscanf(line, STK_LACKS_GRANT "%63[A-Za-z0-9_(\"/-])", l->beyond);
		return;
	}
	for (uint32_t i = 0; i < l->head.n_labels; i++)
		if (strcmp(l->head.labels[i], label) == 0 && (l->mapped & UINT32_C(1) << i) != 0) {
			uint32_t *to =
			    strcmp(word, "WRITE") == 0 ? &l->asked.writes : &l->asked.reads;

			*to |= UINT32_C(1) << i;
			return;
		}
	(void)snprintf(l->unknown, sizeof(l->unknown), "%s", label);
}

static void run_in(struct lesson *l, struct stk_cage_setup *setup)
{
	const struct stk_run_hooks hooks = {
		.ctx = l, .wake_fd = -1, .tick = just_run, .tick_ms = 1000, .log = hear, .go = go
	};
	struct stk_run_request r = { .class_index = l->line.class_index,
		.attempt = 1,
		.args = l->args,
		.exact_tasks = l->exactly,
		.limits = setup->table.classes[l->line.class_index].ask };

	r.limits.tasks = l->tasks;
	r.limits = stk_config_clamp(l->config, &r.limits);
	stk_outcome_clear(&l->last);
	if (stk_cage_run(setup->cage, &r, &hooks, &l->last) != STK_OK && l->last.why[0] == '\0')
		l->last.name = STK_OUT_SANDBOX_UNAVAILABLE;
	if (l->last.tasks_seen > l->seen)
		l->seen = l->last.tasks_seen;
}

static void print_words(const char *word, const struct lesson *l, uint32_t labels)
{
	const char *comma = "";

	if (labels == 0)
		return;
	(void)printf(", %s(", word);
	for (uint32_t i = 0; i < l->head.n_labels; i++)
		if ((labels & UINT32_C(1) << i) != 0) {
			(void)printf("%s\"%s\"", comma, l->head.labels[i]);
			comma = ", ";
		}
	(void)printf(")");
}

static void print_profiles(const struct lesson *l, const struct stk_learn *line)
{
	const struct {
		bool there;
		const char *name;
	} sum[] = {
		{ (line->reads | line->writes) != 0 || l->works, "files" },
		{ (line->profiles & STK_PROFILE_THREADS) != 0, "threads" },
		{ (l->kept & STK_PROFILE_NET) != 0, "net" },
		{ (l->kept & STK_PROFILE_EXEC) != 0, "exec" },
	};
	const char *comma = "";

	for (size_t i = 0; i < STK_ARRAY_LEN(sum); i++)
		if (sum[i].there) {
			(void)printf("%s%s", comma, sum[i].name);
			comma = ", ";
		}
	if (comma[0] == '\0')
		(void)printf("pure");
}

/* The part of the line that this command is about; "..." stands for the rest. */
static void print_line(const struct lesson *l, const struct stk_learn *line, uint32_t tasks)
{
	(void)printf("JOB(..., \"%s\", PROFILE(", l->class_name);
	print_profiles(l, line);
	(void)printf(")");
	print_words("READ", l, line->reads & ~line->writes);
	print_words("WRITE", l, line->writes);
	if ((line->profiles & STK_PROFILE_THREADS) != 0)
		(void)printf(", TASKS(%u)", tasks);
	(void)printf(", ...)\n");
}

/* 0, or an exit code after complaining. */
static int try_line(struct lesson *l)
{
	char text[STK_LEARN_MAX];
	struct stk_cage_setup setup = { 0 };
	int code;

	stk_learn_text(&l->line, text);
	code = stk_options_cage_learning(l->config, text, &setup);
	if (code == 0 && !stk_learn_apply(&l->line, &setup.table.head, setup.table.classes))
		code = stk_complain(
		    STK_EX_CONFIG, "the class would have more than %d grants", STK_GRANTS_MAX);
	if (code == 0) {
		run_in(l, &setup);
		l->runs++;
		(void)printf("run %-3u %-18s ", l->runs, stk_outcome_text(l->last.name));
		print_line(l, &l->line, l->tasks);
		if (l->last.name != STK_OUT_DONE)
			(void)printf("        %s\n", l->last.why);
	}
	stk_cage_setup_clear(&setup);
	return code;
}

/* --- wider ------------------------------------------------------------------------------------ */

/* The grant that the last end asks for; false if there is none to give. */
static bool widen(struct lesson *l)
{
	const struct stk_learn before = l->line;
	const char *grant = l->last.missing;

	if (l->last.name == STK_OUT_TASK_LIMIT && l->tasks < 4096) {
		l->tasks *= 2;
		return true;
	}
	/* what it named helps more than what can be guessed */
	if (((l->asked.reads & ~(before.reads | before.writes)) |
		(l->asked.writes & ~before.writes)) != 0) {
		l->line.reads |= l->asked.reads;
		l->line.writes |= l->asked.writes;
		return true;
	}
	/* a directory that was not granted is ENOENT or EACCES to the handler, never a denial */
	if (l->last.name == STK_OUT_FAILED && (l->line.reads | l->line.writes) != 0)
		l->line.reads |= l->mapped;
	if (l->last.name == STK_OUT_FAILED && l->line.writes != 0)
		l->line.writes |= l->mapped;
	if (grant != NULL && strcmp(grant, "threads") == 0)
		l->line.profiles |= STK_PROFILE_THREADS;
	if (grant != NULL && strcmp(grant, "files read") == 0)
		l->line.reads |= l->mapped;
	if (grant != NULL && strcmp(grant, "files write") == 0)
		l->line.writes |= l->mapped;
	return memcmp(&before, &l->line, sizeof(before)) != 0;
}

/* --- narrower --------------------------------------------------------------------------------- */

/*
 * Where the line had no threads: the least number under which the job is done, the kernel refusing
 * one more. What the author wrote stays.
 */
static int shrink_tasks(struct lesson *l, uint32_t own_tasks)
{
	uint32_t enough = l->tasks;
	int code = 0;

	if ((l->line.profiles & STK_PROFILE_THREADS) == 0 || own_tasks > 1)
		return 0;
	l->exactly = true;
	for (l->tasks = l->seen < 2 ? 2 : l->seen; l->tasks < enough && l->runs < RUNS_MAX;
	     l->tasks++) {
		code = try_line(l);
		if (code != 0 || l->last.name == STK_OUT_DONE)
			return code;
	}
	l->tasks = enough;
	return code;
}

/* Keeps the narrower line if the job still ends well under it. */
static int narrow(struct lesson *l, const struct stk_learn *narrower)
{
	const struct stk_learn before = l->line;
	int code;

	if (memcmp(&before, narrower, sizeof(before)) == 0 || l->runs >= RUNS_MAX)
		return 0;
	l->line = *narrower;
	code = try_line(l);
	if (code == 0 && l->last.name != STK_OUT_DONE)
		l->line = before;
	return code;
}

static int shrink(struct lesson *l)
{
	struct stk_learn less = l->line;
	int code;

	less.profiles = 0;
	code = narrow(l, &less);
	for (uint32_t i = 0; code == 0 && i < l->head.n_labels; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if (((l->line.reads | l->line.writes) & bit) == 0)
			continue;
		less = l->line;
		less.reads &= ~bit;
		less.writes &= ~bit;
		code = narrow(l, &less);
		/* not without it: then perhaps only to read */
		if (code != 0 || (l->line.writes & bit) == 0)
			continue;
		less = l->line;
		less.writes &= ~bit;
		less.reads |= bit;
		code = narrow(l, &less);
	}
	return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static int begin(struct lesson *l)
{
	struct stk_cage_setup setup = { 0 };
	int code = stk_options_cage(l->config, &setup), index;

	index = code == 0 ? stk_class_find(&setup.table, stk_span_str(l->class_name)) : -1;
	if (code == 0 && index < 0)
		code = stk_complain(STK_EX_USAGE,
		    "no class '%.128s' in %s; `stockade classes` lists them", l->class_name,
		    l->config->cage);
	if (code == 0) {
		l->head = setup.table.head;
		l->line = stk_learn_of(setup.table.classes, (uint32_t)index);
		l->tasks = setup.table.classes[index].ask.tasks;
		l->kept = setup.table.classes[index].profiles;
		l->works = setup.table.classes[index].ask.work_bytes > 0;
		for (uint32_t i = 0; i < l->head.n_labels; i++)
			if (setup.dir_fds[i] != -1)
				l->mapped |= UINT32_C(1) << i;
	}
	stk_cage_setup_clear(&setup);
	return code;
}

/* A guess that did not help is no proposal. */
static void take_back_guesses(struct lesson *l, const struct stk_learn *own, uint32_t own_tasks)
{
	uint32_t before = l->line.reads | l->line.writes;

	l->line.reads &= own->reads | l->asked.reads;
	l->line.writes &= own->writes | l->asked.writes;
	if ((l->line.reads | l->line.writes) != before)
		(void)printf("none of the mapped directories made it end as Done: what it is to "
			     "read or write only its author can say\n");
	if ((l->line.profiles & STK_PROFILE_THREADS) == 0 || own_tasks > 1)
		l->tasks = own_tasks;
	else
		l->tasks = l->seen < 2 ? 2 : l->seen;
}

/* Granting any directory lets libc look for its files and not find them, which is enough for it. */
static void warn_of_guesses(const struct lesson *l, const struct stk_learn *own)
{
	uint32_t known = own->reads | own->writes | l->asked.reads | l->asked.writes;

	if (((l->line.reads | l->line.writes) & ~known) != 0)
		(void)printf(
		    "no label was asked for by its name: this one was found by trying. If the "
		    "job reads nothing there, it was libc that opened a file (time zone, "
		    "locale, character set): let stockade_setup_<function>() do that "
		    "(tzset, setlocale, iconv_open), and the line can stay as it was\n");
}

static int conclude(
    const struct lesson *l, const struct stk_learn *own, uint32_t own_tasks, bool done)
{
	if (!done && l->unknown[0] != '\0')
		(void)printf("it asks for the label \"%s\", which is mapped to no directory in the "
			     "configuration, or in no line of this registry\n",
		    l->unknown);
	if (!done && l->beyond[0] != '\0')
		(void)printf(
		    "it asks for %s), which this command does not try: only its author can say\n",
		    l->beyond);
	if (!done && l->last.missing != NULL)
		(void)printf("it needs %s, which this command cannot give: %s\n", l->last.missing,
		    l->mapped == 0 ? "no label has a directory in the configuration"
				   : "only its author can say to what");
	if (memcmp(own, &l->line, sizeof(*own)) == 0 && own_tasks == l->tasks) {
		(void)printf("the line stays as it is\n");
		return 0;
	}
	(void)printf("- ");
	print_line(l, own, own_tasks);
	(void)printf("+ ");
	print_line(l, &l->line, l->tasks);
	if (done)
		warn_of_guesses(l, own);
	return 0;
}

int stk_learn_run(const struct stk_config *config, const char *class_name, struct stk_span args)
{
	struct lesson l = { .config = config, .class_name = class_name, .args = args };
	struct stk_learn own;
	uint32_t own_tasks;
	bool done;
	int code = begin(&l);

	if (code != 0)
		return code;
	own = l.line;
	own_tasks = l.tasks;
	do {
		/* a class without threads asks for one task */
		if ((l.line.profiles & STK_PROFILE_THREADS) != 0 && l.tasks == 1)
			l.tasks = 8;
		code = try_line(&l);
	} while (code == 0 && l.last.name != STK_OUT_DONE && l.runs < RUNS_MAX && widen(&l));
	done = l.last.name == STK_OUT_DONE;
	if (code == 0 && done)
		code = shrink(&l);
	if (code == 0 && done)
		code = shrink_tasks(&l, own_tasks);
	if (code == 0 && !done)
		take_back_guesses(&l, &own, own_tasks);
	if (code == 0 && !done)
		(void)printf(
		    "it did not end as Done: nothing is known of what it could do without\n");
	if (code == 0)
		code = conclude(&l, &own, own_tasks, done);
	stk_outcome_clear(&l.last);
	return code != 0 ? code : done ? 0 : 1;
}
