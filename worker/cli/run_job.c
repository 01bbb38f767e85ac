/*
 * run_job.c - `stockade run-job`: one job under the very cage the worker uses, without Redis.
 *
 * Nothing is signed or checked for a signature here: whoever may run this program may run the job.
 */
#include "sandbox/net_addr.h"
#include "worker/cli/learn.h"
#include "worker/cli/options.h"
#include "worker/handed.h"
#include "worker/hidden.h"
#include "worker/jsonw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum stk_run_order just_run(void *ctx, int64_t back_by_ms)
{
	(void)ctx, (void)back_by_ms;
	return STK_RUN_ON;
}

/* What a class was handed, so that it can be blotted out of what its handler says. */
struct teller {
	struct stk_handed handed;
	const struct stk_handed_class *own;
	const struct stk_class_desc *desc;
};

static bool blot(const struct teller *t, void *text, size_t len)
{
	return stk_handed_redact(t->own, t->desc, text, len);
}

static void show_log(void *ctx, uint32_t level, struct stk_span text)
{
	uint8_t copy[1024];
	struct stk_jw w;

	text.len = text.len < sizeof(copy) ? text.len : sizeof(copy);
	memcpy(copy, text.p, text.len);
	(void)blot(ctx, copy, text.len);
	stk_jw_init(&w, 8192);
	stk_jw_str(&w, NULL, stk_span_of(copy, text.len), sizeof(copy));
	(void)fprintf(stderr, "log %u: %s\n", level, w.sour ? "(too long)" : w.buf);
	stk_jw_clear(&w);
}

static void show_net(void *ctx, const struct stk_net_event *e)
{
	struct stk_net_addr a = { .family = e->peer.family };
	char addr[48] = "";
	struct stk_jw w;

	(void)ctx;
	memcpy(a.bytes, e->peer.bytes, sizeof(a.bytes));
	if (a.family != 0)
		stk_net_addr_text(&a, addr);
	stk_jw_init(&w, 8192);
	stk_jw_str(&w, NULL, stk_span_str(e->host), STK_NET_HOST_MAX);
	(void)fprintf(stderr, "net: %s port %u (%s): %s: %s%s%s\n", w.sour ? "?" : w.buf, e->port,
	    addr, stk_net_text(e->name), stk_net_sentence(e->name), e->err == 0 ? "" : ": ",
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

static void write_json(struct stk_jw *w, const char *class_name, const struct stk_outcome *o)
{
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "class", class_name);
	stk_jw_cstr(w, "outcome", stk_outcome_text(o->name));
	stk_jw_cstr(w, "why", o->why);
	stk_jw_int(w, "wall_ms", o->wall_ms);
	stk_jw_int(w, "cpu_ms", o->cpu_ms);
	stk_jw_int(w, "maxrss_kib", o->maxrss_kib);
	stk_jw_int(w, "output_bytes", o->output_bytes);
	if (o->message != NULL)
		stk_jw_str(w, "message", stk_span_of(o->message, o->message_len), 4096);
	if (o->result != NULL)
		stk_jw_str(w, "result", stk_span_of(o->result, o->result_len), 64 << 10);
	stk_jw_str(w, "output_tail", stk_span_of(o->output_tail, o->output_tail_len), 512);
	stk_jw_open(w, "cage", '{');
	stk_jw_int(w, "seccomp", o->proof.seccomp);
	stk_jw_int(w, "filters", o->proof.filters);
	stk_jw_int(w, "no_new_privs", o->proof.no_new_privs);
	stk_jw_fmt(w, "caps", "%016llx", (unsigned long long)o->proof.caps);
	stk_jw_close(w, '}');
	stk_jw_close(w, '}');
}

/* Untrusted bytes for a person: one JSON string per field is safe on any terminal. */
static void print_field(const char *label, const void *p, size_t len, size_t max)
{
	struct stk_jw w;

	if (len == 0)
		return;
	stk_jw_init(&w, max * 6 + 16);
	stk_jw_str(&w, NULL, stk_span_of(p, len), max);
	(void)printf("%-9s %s\n", label, w.sour ? "(too long)" : w.buf);
	stk_jw_clear(&w);
}

static void print_text(const char *class_name, const struct stk_outcome *o)
{
	bool tty = isatty(STDOUT_FILENO) == 1;
	const char *colour = !tty ? "" : o->name == STK_OUT_DONE ? "\033[32m" : "\033[31m";

	(void)printf("%-9s %s\n", "class", class_name);
	(void)printf(
	    "%-9s %s%s%s\n", "outcome", colour, stk_outcome_text(o->name), tty ? "\033[0m" : "");
	if (o->why[0] != '\0')
		print_field("why", o->why, strlen(o->why), sizeof(o->why));
	print_field("message", o->message, o->message_len, 4096);
	print_field("result", o->result, o->result_len, 64 << 10);
	print_field("output", o->output_tail, o->output_tail_len, 512);
	(void)printf("%-9s %lld ms wall, %lld ms cpu, %lld KiB peak\n", "used",
	    (long long)o->wall_ms, (long long)o->cpu_ms, (long long)o->maxrss_kib);
	(void)printf("%-9s seccomp %d (%d filters), no_new_privs %d, capabilities %016llx\n",
	    "cage", o->proof.seccomp, o->proof.filters, o->proof.no_new_privs,
	    (unsigned long long)o->proof.caps);
}

/* With the class's own secrets and settings, which do not show on the screen. */
static int run_handed(const struct stk_config *config, struct stk_cage_setup *setup,
    struct stk_run_request *request, struct stk_outcome *out)
{
	uint32_t index = request->class_index;
	struct teller t = { .own = &t.handed.of[index], .desc = &setup->table.classes[index] };
	const struct stk_run_hooks hooks = { .ctx = &t,
		.wake_fd = -1,
		.tick = just_run,
		.tick_ms = 1000,
		.log = show_log,
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
	/* a lost nursery shows in the outcome too; there is nothing more to run */
	if (stk_cage_run(setup->cage, request, &hooks, out) != STK_OK && out->why[0] == '\0')
		out->name = STK_OUT_SANDBOX_UNAVAILABLE;
	if (blot(&t, out->message, out->message_len))
		(void)snprintf(out->why, sizeof(out->why), "%.480s", out->message);
	(void)blot(&t, out->result, out->result_len);
	(void)blot(&t, out->output_tail, out->output_tail_len);
	stk_handed_clear(&t.handed);
	return 0;
}

static int run_one(const struct stk_config *config, struct stk_cage_setup *setup, const char *name,
    struct stk_span args, bool json)
{
	int index = stk_class_find(&setup->table, stk_span_str(name));
	struct stk_run_request request = { .attempt = 1, .args = args };
	struct stk_outcome out = { 0 };
	struct stk_work_left left;
	struct stk_jw w;
	const char *label;
	char why[512];
	int code;

	if (index < 0)
		return stk_complain(STK_EX_USAGE,
		    "no class '%.128s' in %s; `stockade classes` lists them", name, config->cage);
	label = stk_cage_setup_unmapped(setup, (size_t)index);
	if (label != NULL)
		return stk_complain(STK_EX_CONFIG,
		    "class %s has a grant '%s' that no directory is mapped to; add directories = { "
		    "%s = \"/path\"; }; to the configuration",
		    name, label, label);
	if (setup->table.classes[index].ask.work_bytes > 0)
		stk_cage_setup_work(config, setup, false, &left);
	if ((code = stk_cage_setup_program(setup, (size_t)index, why, sizeof(why))) != 0 ||
	    (code = stk_cage_setup_workless(setup, (size_t)index, why, sizeof(why))) != 0)
		return stk_complain(code, "%s", why);
	request.class_index = (uint32_t)index;
	request.limits = stk_config_clamp(config, &setup->table.classes[index].ask);
	if ((code = run_handed(config, setup, &request, &out)) != 0)
		return code;
	code = exit_code(&out);
	stk_jw_init(&w, 1 << 20);
	if (json) {
		write_json(&w, name, &out);
		if (w.sour)
			code = stk_complain(STK_EX_BUG, "the outcome does not fit 1 MiB of JSON");
		else
			(void)printf("%s\n", w.buf);
	} else {
		print_text(name, &out);
	}
	stk_jw_clear(&w);
	stk_outcome_clear(&out);
	return code;
}

static int run(int argc, char **argv)
{
	struct stk_cage_setup setup = { 0 };
	struct stk_config config;
	struct stk_options o;
	uint8_t *text = NULL;
	size_t len;
	const char *operand;
	char why[512];
	int code = stk_options_parse(&stk_cmd_run_job, "cgjl", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (argc - o.first_operand != 2)
		return stk_usage(&stk_cmd_run_job, STK_EX_USAGE);
	operand = argv[o.first_operand + 1];
	if (strcmp(operand, "-") == 0) {
		if ((code = stk_read_operand("-", STK_ARGS_MAX, &text, &len)) != 0)
			return code;
	} else {
		len = strlen(operand);
		if (len > STK_ARGS_MAX)
			return stk_complain(
			    STK_EX_NOINPUT, "the arguments are larger than %u bytes", STK_ARGS_MAX);
	}
	if ((code = stk_options_config(&o, false, &config)) != 0) {
		free(text);
		return code;
	}
	if (o.learn) {
		code = stk_learn_run(&config, argv[o.first_operand],
		    text != NULL ? stk_span_of(text, len) : stk_span_of(operand, len));
		stk_config_clear(&config);
		free(text);
		return code;
	}
	code = stk_options_cage(&config, &setup);
	if (code == 0 && (code = stk_cage_setup_probe(&config, &setup, why, sizeof(why))) != 0)
		(void)stk_complain(code, "%s", why);
	if (code == 0)
		code = run_one(&config, &setup, argv[o.first_operand],
		    text != NULL ? stk_span_of(text, len) : stk_span_of(operand, len), o.json);
	stk_cage_setup_clear(&setup);
	stk_config_clear(&config);
	free(text);
	return code;
}

const struct stk_command stk_cmd_run_job = {
	.name = "run-job",
	.summary = "run one job in the cage, without Redis and without a signature",
	.usage =
	    "run-job [--cage PROGRAM] [--config FILE] [--json] [--learn] CLASS ARGS|-\n"
	    "--learn runs it several times, really, with more and with fewer grants, and prints\n"
	    "    the smallest registry line under which it is done\n"
	    "ARGS is one JSON array, like '[\"a.txt\"]'; options stand before CLASS\n"
	    "exit status: 0 done, 1 failed, 2 arguments refused, 3 retry asked, 4 skipped,\n"
	    "    5 killed by a limit or filter",
	.run = run,
};
