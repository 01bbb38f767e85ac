/*
 * fuzz.c - one handler of this program in this process, without the wall: the input's bytes decide
 * its arguments, by its schema, and what is left of them lies in the one file that is there. For
 * libFuzzer, and for drive.c where there is none.
 *
 * Environment: STOCKADE_FUZZ_JOB, the class; STOCKADE_FUZZ_SHOW, print each input's arguments.
 * A finding is what a sanitizer, abort() or exit() ends, a result that the handler did not make
 * with the words of job.h, and a result text that is no JSON.
 */
#include "jobs/test/fuzz.h"

#include "jobs/cage/cage.h"
#include "jobs/test/generate.h"
#include "sandbox/entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST_SLOT (STK_SLOT_DIRS + STK_LABELS_MAX)

static struct stockade_table table;

static struct {
	const struct stockade_class *c;
	const struct stk_class_desc *desc;
	struct stk_spawn spawn;
	char base[512]; /* directories of grants are beneath it */
	bool show;
	struct stockade_fuzz_count count;
} f;

STK_PRINTF(1, 2)
STK_NORETURN static void give_up(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)dprintf(2, "stockade: %s\n", text);
	_exit(64);
}

/* --- what it is handed ------------------------------------------------------------------------ */

static void put_in_slot(int fd, int slot)
{
	if (fd == -1 || dup3(fd, slot, O_CLOEXEC) == -1)
		give_up("cannot fill slot %d: %s", slot, strerror(errno));
}

static int fresh(const char *name)
{
	char path[600];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", f.base, name);
	if (mkdir(path, 0700) == -1)
		give_up("cannot make %s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

static void fill_slots(void)
{
	int low = open("/dev/null", O_RDWR | O_CLOEXEC), fd;
	int null = fcntl(low, F_DUPFD_CLOEXEC, LAST_SLOT);
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(
	    f.base, sizeof(f.base), "%s/stockade-fuzz-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(f.base) == NULL)
		give_up("cannot make a directory: %s", strerror(errno));
	for (int slot = STK_SLOT_REPORT; slot < LAST_SLOT; slot++)
		put_in_slot(null, slot);
	for (uint32_t i = 0; i < f.desc->n_grants; i++) {
		fd = fresh(f.desc->grants[i].label);
		put_in_slot(fd, STK_SLOT_DIRS + (int)f.desc->grants[i].label_index);
		stk_close(&fd);
	}
	if (f.desc->ask.work_bytes > 0) {
		f.spawn.extras |= UINT32_C(1) << STK_EXTRA_WORK_DIR;
		fd = fresh("work directory");
		put_in_slot(fd, STK_SLOT_EXTRAS + STK_EXTRA_WORK_DIR);
		stk_close(&fd);
	}
	stk_close(&null);
}

/* Secrets and settings have their own names for values. */
static void hand(void)
{
	static uint8_t block[STK_HANDED_MAX];
	size_t len = 0;

	for (uint32_t i = 0; i < f.desc->n_secrets + f.desc->n_settings; i++) {
		const char *value = i < f.desc->n_secrets ? f.desc->secrets[i]
							  : f.desc->settings[i - f.desc->n_secrets];
		uint32_t n = (uint32_t)strlen(value);

		memcpy(block + len, &n, sizeof(n));
		memcpy(block + len + sizeof(n), value, n + 1);
		len += sizeof(n) + n + 1;
	}
	if (!stockade_handed_take(f.desc, &f.spawn, block, len))
		give_up("the handed block does not fit");
}

static void end(void)
{
	char path[600];

	for (uint32_t i = 0; i < f.desc->n_grants; i++) {
		int dir = STK_SLOT_DIRS + (int)f.desc->grants[i].label_index;

		stockade_fuzz_empty(dir);
		(void)snprintf(path, sizeof(path), "%s/%s", f.base, f.desc->grants[i].label);
		(void)rmdir(path);
	}
	(void)snprintf(path, sizeof(path), "%s/work directory", f.base);
	(void)rmdir(path);
	(void)rmdir(f.base);
	(void)dprintf(2, "stockade: %s: %llu inputs, %llu of them fit the schema\n", f.desc->name,
	    (unsigned long long)f.count.inputs, (unsigned long long)f.count.fitting);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("STOCKADE_FUZZ_JOB");
	const char *wrong = stockade_table_build(stockade_registry, stockade_registry_len, &table);
	uint32_t i = 0;

	(void)argc, (void)argv;
	if (wrong != NULL)
		give_up("the registry is wrong: %s", wrong);
	if (name == NULL)
		give_up("say STOCKADE_FUZZ_JOB=Class");
	while (i < table.head.n_classes && strcmp(table.classes[i].name, name) != 0)
		i++;
	if (i == table.head.n_classes)
		give_up("this program has no class %s", name);
	f.desc = &table.classes[i];
	f.c = table.origin[i];
	f.show = getenv("STOCKADE_FUZZ_SHOW") != NULL;
	if (f.c->binding->rules == NULL)
		give_up("class %s has no compiled schema", name);
	f.spawn = (struct stk_spawn){ .class_index = i, .limits = f.desc->ask, .attempt = 1 };
	fill_slots();
	hand();
	if (f.c->setup != NULL && f.c->setup() == -1)
		give_up("setup of %s failed: %s", name, strerror(errno));
	(void)atexit(end);
	return 0;
}

/* --- one input -------------------------------------------------------------------------------- */

void stockade_fuzz_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		stk_close(&fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(dir, e->d_name, 0);
	(void)closedir(d);
}

/* The one file, in each directory that may be read; those that are written begin empty. */
static void lay_out(const struct stockade_dice *d)
{
	static const char name[] = STOCKADE_GENERATED_FILE;

	for (uint32_t i = 0; i < f.desc->n_grants; i++) {
		int dir = STK_SLOT_DIRS + (int)f.desc->grants[i].label_index, fd;

		if (f.desc->grants[i].kind == STK_PROFILE_FILES_WRITE) {
			stockade_fuzz_empty(dir);
			continue;
		}
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd == -1 || stk_write_all(fd, d->p, d->left) != STK_OK)
			give_up("cannot write the input file: %s", strerror(errno));
		stk_close(&fd);
	}
	if ((f.spawn.extras & UINT32_C(1) << STK_EXTRA_WORK_DIR) != 0)
		stockade_fuzz_empty(STK_SLOT_EXTRAS + STK_EXTRA_WORK_DIR);
}

static void found(const char *what)
{
	(void)dprintf(2, "stockade: FOUND: %s\n", what);
	abort();
}

static void judge(struct stockade_job *job, struct stockade_result r)
{
	json_t *result;

	if (r.kind < STK_RESULT_DONE || r.kind > STK_RESULT_FAIL)
		found("the result was not made with the words of job.h");
	if (r.kind != STK_RESULT_DONE || job->result == NULL)
		return;
	result = json_loads(job->result, JSON_DECODE_ANY, NULL);
	if (result == NULL)
		found("the result text is no JSON value");
	json_decref(result);
}

static void run(json_t *args)
{
	struct stockade_job job = { .desc = f.desc, .spawn = &f.spawn };
	struct stockade_violation v = { .pointer = "" };
	void *bound = calloc(1, f.c->binding->args_size);

	memset(job.id, 'a', 32);
	f.spawn.deadline_ms = stk_monotonic_ms() + f.desc->ask.wall_ms;
	if (bound != NULL && f.c->binding->bind(args, bound, &v) == 0) {
		f.count.fitting++;
		judge(&job, f.c->binding->run(&job, bound));
	} else if (f.show) {
		(void)dprintf(2, "stockade: they do not fit: %s: %s\n", v.pointer, v.rule);
	}
	free(job.result);
	free(bound);
	/* a handler need not close: its process ends */
	(void)syscall(SYS_close_range, (unsigned)LAST_SLOT, ~0u, 0u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stockade_dice d = { .p = data, .left = size };
	struct stockade_violation v;
	json_t *drawn = stockade_generate(f.c->binding->rules, &d), *args = NULL;
	char *text = drawn == NULL ? NULL : json_dumps(drawn, JSON_COMPACT | JSON_ENCODE_ANY);

	f.count.inputs++;
	if (text != NULL && f.show)
		(void)dprintf(2, "stockade: arguments: %s\n", text);
	/* as text, as they come */
	if (text != NULL && stockade_args_parse(text, strlen(text), &args, &v) == 0) {
		lay_out(&d);
		run(args);
		json_decref(args);
	}
	json_decref(drawn);
	free(text);
	return 0;
}

struct stockade_fuzz_count stockade_fuzz_counted(void)
{
	return f.count;
}
