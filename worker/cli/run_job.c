/*
 * run_job.c - `stockade run-job`: one job under the very cage the worker uses, without Redis.
 *
 * Nothing is signed or checked for a signature here: whoever may run this program may run the job.
 */
#include "sandbox/net_addr.h"
#include "worker/cli/debugger.h"
#include "worker/cli/learn.h"
#include "worker/cli/options.h"
#include "worker/cli/run_show.h"
#include "worker/cli/trace.h"
#include "worker/handed.h"
#include "worker/hidden.h"
#include "worker/jsonw.h"
#include "worker/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the command line asks for. */
struct order {
	const char *class_name;
	struct stk_span args; /* borrowed */
	uint32_t repeat;
	bool json, time, keep_going, debugger;
};

static enum stk_run_order just_run(void *ctx, int64_t back_by_ms)
{
	(void)ctx, (void)back_by_ms;
	return STK_RUN_ON;
}

/* What a class was handed, so that it can be blotted out of what its handler says. */
struct teller {
	struct stk_run_progress progress; /* of the run in hand */
	struct stk_handed handed;
	const struct stk_handed_class *own;
	const struct stk_class_desc *desc;
};

static bool blot(const struct teller *t, void *text, size_t len)
{
	return stk_handed_redact(t->own, t->desc, text, len);
}

static void blot_all(const struct teller *t, struct stk_outcome *o)
{
	if (blot(t, o->message, o->message_len))
		(void)snprintf(o->why, sizeof(o->why), "%.480s", o->message);
	(void)blot(t, o->result, o->result_len);
	(void)blot(t, o->output_tail, o->output_tail_len);
}

/* job.h's words for its levels, which are syslog's numbers; a hostile handler may send any. */
static const char *level_text(uint32_t level)
{
	static const char *const words[] = {
		[3] = "error", [4] = "warning", [5] = "notice", [6] = "info", [7] = "debug"
	};

	return level < STK_ARRAY_LEN(words) && words[level] != NULL ? words[level] : "?";
}

static void show_log(void *ctx, uint32_t level, struct stk_span text)
{
	uint8_t copy[1024];
	struct teller *t = ctx;
	struct stk_jw w;

	text.len = text.len < sizeof(copy) ? text.len : sizeof(copy);
	memcpy(copy, text.p, text.len);
	(void)blot(t, copy, text.len);
	stk_run_progress_hide(&t->progress);
	stk_jw_init(&w, 8192);
	stk_jw_str(&w, NULL, stk_span_of(copy, text.len), sizeof(copy));
	(void)fprintf(stderr, "log %s: %s\n", level_text(level), w.sour ? "(too long)" : w.buf);
	stk_jw_clear(&w);
}

static void show_progress(void *ctx, const struct stk_progress *p, struct stk_span note)
{
	uint8_t copy[STK_NOTE_MAX];
	struct teller *t = ctx;

	note.len = note.len < sizeof(copy) ? note.len : sizeof(copy);
	memcpy(copy, note.p, note.len);
	(void)blot(t, copy, note.len);
	stk_run_progress_say(&t->progress, p, stk_span_of(copy, note.len));
}

static void show_net(void *ctx, const struct stk_net_event *e)
{
	struct stk_net_addr a = { .family = e->peer.family };
	char addr[48] = "", at[56] = "";
	struct teller *t = ctx;
	struct stk_jw w;

	stk_run_progress_hide(&t->progress);
	memcpy(a.bytes, e->peer.bytes, sizeof(a.bytes));
	if (a.family != 0) {
		stk_net_addr_text(&a, addr);
		(void)snprintf(at, sizeof(at), " (%s)", addr);
	}
	stk_jw_init(&w, 8192);
	stk_jw_str(&w, NULL, stk_span_str(e->host), STK_NET_HOST_MAX);
	(void)fprintf(stderr, "net: %s port %u%s: %s: %s%s%s\n", w.sour ? "?" : w.buf, e->port, at,
	    stk_net_text(e->name), stk_net_sentence(e->name), e->err == 0 ? "" : ": ",
	    e->err == 0 ? "" : strerror(e->err));
	stk_jw_clear(&w);
}

static bool go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)pid;
	(void)proof;
	return true;
}

/* PROTOCOL.md, "Exit codes": 0 done, 1 failed, 2 arguments refused, 3 retry, 4 skipped, 5 killed.
 */
static int exit_code(const struct stk_outcome *o)
{
	switch (o->name) {
	case STK_OUT_DONE: return 0;
	case STK_OUT_FAILED:
	case STK_OUT_FAILED_FOR_GOOD:
	case STK_OUT_RELEASE_REFUSED:
	case STK_OUT_NO_RESULT:
	case STK_OUT_NON_ZERO_EXIT: return 1;
	case STK_OUT_ARGS_JSON:
	case STK_OUT_ARGS_SCHEMA: return 2;
	case STK_OUT_RETRY_ASKED: return 3;
	case STK_OUT_SKIPPED: return 4;
	case STK_OUT_SANDBOX_UNAVAILABLE: return STK_EX_OS;
	case STK_OUT_SYSCALL_DENIED:
	case STK_OUT_MEMORY_LIMIT:
	case STK_OUT_CPU_LIMIT:
	case STK_OUT_WALL_TIMEOUT:
	case STK_OUT_STALLED:
	case STK_OUT_OUTPUT_LIMIT:
	case STK_OUT_REPORT_FLOOD:
	case STK_OUT_REPORT_MALFORMED:
	case STK_OUT_TASK_LIMIT:
	case STK_OUT_FILE_SIZE_LIMIT:
	case STK_OUT_WORK_QUOTA:
	case STK_OUT_LEFT_PROCESSES:
	case STK_OUT_STACK_OVERFLOW:
	case STK_OUT_CRASH:
	case STK_OUT_ABORT:
	case STK_OUT_OOM_KILLED:
	case STK_OUT_KILLED_EXTERNALLY:
	case STK_OUT_SHUTDOWN:
	case STK_OUT_COUNT: return 5;
	}
	return STK_EX_BUG;
}

/* Until one is not done, or, if told to keep going, as often as asked. */
static void run_all(struct stk_cage_setup *setup, const struct stk_run_request *request,
    const struct stk_run_hooks *hooks, const struct order *order, struct stk_series *series)
{
	while (series->ran < series->asked && (series->first_bad == 0 || order->keep_going)) {
		struct teller *t = hooks->ctx;
		struct stk_outcome out = { 0 };
		bool gone;

		memset(&t->progress, 0, sizeof(t->progress));
		gone = stk_cage_run(setup->cage, request, hooks, &out) != STK_OK;
		stk_run_progress_hide(&t->progress);

		/* a lost nursery shows in the outcome too; there is nothing more to run */
		if (gone && out.why[0] == '\0')
			out.name = STK_OUT_SANDBOX_UNAVAILABLE;
		blot_all(t, &out);
		stk_series_add(series, &out, &t->progress);
		if (gone)
			break;
	}
}

static int run_debugged(const struct stk_config *config, struct stk_cage_setup *setup,
    const struct stk_run_request *request, const struct stk_run_hooks *hooks,
    struct stk_series *series)
{
	struct teller *t = hooks->ctx;
	struct stk_outcome out = { 0 };
	int code = stk_debugger_run(setup, config->cage, request, hooks, &out);

	blot_all(t, &out);
	if (code == 0)
		stk_series_add(series, &out, &t->progress);
	stk_outcome_clear(&out);
	return code;
}

/* With the class's own secrets and settings, which do not show on the screen. */
static int run_handed(const struct stk_config *config, struct stk_cage_setup *setup,
    struct stk_run_request *request, const struct order *order, struct stk_series *series)
{
	uint32_t index = request->class_index;
	struct teller t = { .own = &t.handed.of[index], .desc = &setup->table.classes[index] };
	const struct stk_run_hooks hooks = { .ctx = &t,
		.wake_fd = -1,
		.tick = just_run,
		.tick_ms = 1000,
		.log = show_log,
		.progress = show_progress,
		.net = show_net,
		.go = go };
	char why[512];
	int code = 0;

	for (size_t i = 0; code == 0 && i < config->secrets.n; i++)
		code = stk_hidden_check(config, config->secrets.v[i].value);
	if (code != 0)
		return code;
	code = stk_handed_load(config, &setup->table, (int)index, &t.handed, why, sizeof(why));
	if (code != 0) {
		stk_handed_clear(&t.handed);
		return stk_complain(code, "%s", why);
	}
	request->handed = stk_handed_span(&t.handed, index);
	if (order->debugger)
		code = run_debugged(config, setup, request, &hooks, series);
	else
		run_all(setup, request, &hooks, order, series);
	stk_handed_clear(&t.handed);
	return code;
}

/* The secrets are gone by now: naming frames executes another program. */
static int show(
    const struct stk_config *config, const struct order *order, const struct stk_series *series)
{
	struct stk_trace trace, *named = NULL;
	int code = exit_code(&series->shown);

	if (series->shown.has_fault) {
		stk_trace_make(&series->shown.fault, config->cage, &trace);
		named = &trace;
	}
	if (!order->json)
		stk_series_print(series, order->class_name, order->time, named);
	else if (stk_series_print_json(series, order->class_name, order->time, named) != STK_OK)
		code = stk_complain(STK_EX_BUG, "the outcome does not fit 1 MiB of JSON");
	return code;
}

static int run_class(
    const struct stk_config *config, struct stk_cage_setup *setup, const struct order *order)
{
	int index = stk_class_find(&setup->table, stk_span_str(order->class_name));
	struct stk_run_request request = { .attempt = 1, .args = order->args };
	struct stk_series series;
	struct stk_work_left left;
	const char *label;
	char why[512];
	int code;

	if (index < 0)
		return stk_complain(STK_EX_USAGE,
		    "no class '%.128s' in %s; `stockade classes` lists them, and a built-in one "
		    "was left out where WITHOUT named it or its library was missing",
		    order->class_name, config->cage);
	label = stk_cage_setup_unmapped(setup, (size_t)index);
	if (label != NULL)
		return stk_complain(STK_EX_CONFIG,
		    "class %s has a grant '%s' that no directory is mapped to; add directories = { "
		    "%s = \"/path\"; }; to the configuration",
		    order->class_name, label, label);
	if (setup->table.classes[index].ask.work_bytes > 0)
		stk_cage_setup_work(config, setup, false, &left);
	if ((code = stk_cage_setup_program(setup, (size_t)index, why, sizeof(why))) != 0 ||
	    (code = stk_cage_setup_workless(setup, (size_t)index, why, sizeof(why))) != 0)
		return stk_complain(code, "%s", why);
	stk_trace_of(stk_span_of("", 0), request.job_id, request.trace);
	request.class_index = (uint32_t)index;
	request.limits = stk_config_clamp(config, &setup->table.classes[index].ask);
	if (stk_series_init(&series, order->repeat) != STK_OK)
		code = stk_complain(STK_EX_OS, "out of memory");
	else if ((code = run_handed(config, setup, &request, order, &series)) == 0)
		code = show(config, order, &series);
	stk_series_clear(&series);
	return code;
}

/* --- the command line ------------------------------------------------------------------------- */

static int read_repeat(const char *text, uint32_t *out)
{
	char *end;
	unsigned long n = text == NULL ? 1 : strtoul(text, &end, 10);

	if (text != NULL && (*text < '1' || *text > '9' || *end != '\0' || n > STK_RUNS_MAX))
		return stk_complain(
		    STK_EX_USAGE, "--repeat takes a number from 1 to %u", STK_RUNS_MAX);
	*out = (uint32_t)n;
	return 0;
}

/* The operand itself, or what stands on standard input; @text is the caller's to free. */
static int read_args(const char *operand, uint8_t **text, struct stk_span *out)
{
	size_t len;
	int code;

	*out = stk_span_str(operand);
	if (strcmp(operand, "-") == 0) {
		if ((code = stk_read_operand("-", STK_ARGS_MAX, text, &len)) != 0)
			return code;
		*out = stk_span_of(*text, len);
	} else if (out->len > STK_ARGS_MAX) {
		return stk_complain(
		    STK_EX_NOINPUT, "the arguments are larger than %u bytes", STK_ARGS_MAX);
	}
	return 0;
}

static int obey(
    const struct stk_config *config, const struct stk_options *o, const struct order *order)
{
	struct stk_cage_setup setup = { 0 };
	char why[512];
	int code;

	if (o->learn)
		return stk_learn_run(config, order->class_name, order->args);
	code = stk_options_cage(config, &setup);
	if (code == 0 && (code = stk_cage_setup_probe(config, &setup, why, sizeof(why))) != 0)
		(void)stk_complain(code, "%s", why);
	if (code == 0)
		code = run_class(config, &setup, order);
	stk_cage_setup_clear(&setup);
	return code;
}

static int run(int argc, char **argv)
{
	struct stk_config config;
	struct stk_options o;
	struct order order = { 0 };
	uint8_t *text = NULL;
	int code = stk_options_parse(&stk_cmd_run_job, "cgjlntkd", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (argc - o.first_operand != 2 ||
	    ((o.learn || o.debugger) && (o.repeat != NULL || o.time || o.json)) ||
	    (o.learn && o.debugger) || (o.keep_going && o.repeat == NULL))
		return stk_usage(&stk_cmd_run_job, STK_EX_USAGE);
	order = (struct order){ .class_name = argv[o.first_operand],
		.json = o.json,
		.time = o.time,
		.keep_going = o.keep_going,
		.debugger = o.debugger };
	if ((code = read_repeat(o.repeat, &order.repeat)) != 0)
		return code;
	code = read_args(argv[o.first_operand + 1], &text, &order.args);
	if (code == 0 && (code = stk_options_config(&o, false, &config)) == 0) {
		code = obey(&config, &o, &order);
		stk_config_clear(&config);
	}
	free(text);
	return code;
}

const struct stk_command stk_cmd_run_job = {
	.name = "run-job",
	.summary = "run one job in the cage, without Redis and without a signature",
	.usage =
	    "run-job [--cage PROGRAM] [--config FILE] [--json] [--time]\n"
	    "                       [--repeat N [--keep-going]] CLASS ARGS|-\n"
	    "       stockade run-job --learn|--debugger [--cage PROGRAM] [--config FILE]\n"
	    "                       CLASS ARGS|-\n"
	    "--repeat runs it N times, in fresh processes, up to the first that is not done;\n"
	    "    --keep-going runs the others too\n"
	    "--time prints wall clock, CPU and peak memory as least, median and most\n"
	    "--learn runs it several times, really, with more and with fewer grants, and prints\n"
	    "    the smallest registry line under which it is done\n"
	    "--debugger checks the arguments, then runs the handler outside the cage under gdb\n"
	    "ARGS is one JSON array, like '[\"a.txt\"]'; options stand before CLASS\n"
	    "exit status: 0 done, 1 failed, 2 arguments refused, 3 retry asked, 4 skipped,\n"
	    "    5 killed by a limit or filter; of several runs, the first that was not done",
	.run = run,
};
