/*
 * liar.c - a cage program that lies, for tests of the worker's side. The one thing that reaches it
 * from outside is TZ, so TZ says which lie: "lie=<name>".
 */
#include "jobs/cage/cage.h"

#include "sandbox/fds.h"
#include "sandbox/zygote.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const uint8_t schema[] = "{}";
static const struct stockade_class classes[] = {
	{ .name = "Liar",
	    .schema = schema,
	    .schema_end = schema + 2,
	    .profile = STOCKADE_PROFILE_pure },
};
static struct stockade_table table;
static struct stk_cell cell;
/* The runtime that this program's library part refers to wants a registry; it is never used. */
const struct stockade_class stockade_registry[1];
const size_t stockade_registry_len = 0;

static bool lie(const char *name)
{
	const char *tz = getenv("TZ");

	return tz != NULL && strncmp(tz, "lie=", 4) == 0 && strcmp(tz + 4, name) == 0;
}

static int out(const void *p, size_t len)
{
	return stk_write_all(STDOUT_FILENO, p, len) == STK_OK ? 0 : 1;
}

static int describe(void)
{
	static const char junk[4096] = "#!/bin/sh\n";

	if (lie("desc-exit"))
		return 3;
	if (lie("desc-junk"))
		return out(junk, sizeof(junk));
	while (lie("desc-endless"))
		if (out(junk, sizeof(junk)) != 0)
			return 1;
	if (lie("desc-digest"))
		table.head.registry_digest[0] ^= 1;
	if (lie("desc-wall"))
		table.head.wall_version++;
	if (lie("desc-abi"))
		table.head.abi++;
	return out(&table.head, sizeof(table.head)) + out(table.classes, sizeof(table.classes[0]));
}

static void ready_without_filter(void)
{
	(void)stk_frame_write(STK_SLOT_REPORT, STK_FRAME_READY, NULL, 0);
	(void)pause();
}

/* Then waits for whatever W does next. */
static void reply(const struct stk_spawned *r, size_t len)
{
	char c;

	if (stk_fds_send(STK_SLOT_ARGS, r, len, NULL, 0) == STK_OK &&
	    read(STK_SLOT_ARGS, &c, 1) == -1)
		_exit(6);
}

/* READY, but the tiny filter was left out. */
static void serve_half_shut(void)
{
	int fds[3];
	size_t n;
	struct stk_spawn s;
	struct stk_spawned r = { .magic = STK_SPAWNED_MAGIC };

	if (stk_fds_recv(STK_SLOT_ARGS, &s, sizeof(s), fds, 3, &n) != STK_OK)
		return;
	r.pid = (int32_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (r.pid == 0) {
		if (dup3(fds[0], STK_SLOT_REPORT, 0) != -1)
			ready_without_filter();
		_exit(1);
	}
	reply(&r, sizeof(r));
}

static void serve_lies(void)
{
	struct stk_spawned r = { .magic = STK_SPAWNED_MAGIC, .pid = 1 };
	struct stk_spawn s;
	int fds[3];
	size_t n;

	if (stk_fds_recv(STK_SLOT_ARGS, &s, sizeof(s), fds, 3, &n) != STK_OK)
		return;
	if (lie("spawn-worker"))
		r.pid = cell.worker;
	if (lie("spawn-self"))
		r.pid = getpid();
	if (lie("spawn-errno"))
		r.pid = -EAGAIN;
	if (lie("spawn-junk"))
		r.magic = 7;
	if (lie("spawn-exit"))
		return;
	reply(&r, lie("spawn-short") ? 4 : sizeof(r));
}

/* An honest zygote whose handler needs its time to set up. */
static int slow_setup(uint32_t class_index)
{
	const struct timespec ts = { .tv_sec = 1, .tv_nsec = 300000000 };

	return class_index == 0 ? nanosleep(&ts, NULL) : -1;
}

static void done(const struct stk_class_desc *d, uint32_t class_index, const struct stk_spawn *s)
{
	const struct stk_result r = { .kind = STK_RESULT_DONE };
	char go[sizeof(struct stk_go)];

	if (d != &table.classes[class_index] || s->attempt != 1 ||
	    read(STK_SLOT_ARGS, go, sizeof(go)) != (ssize_t)sizeof(go) ||
	    !stk_frame_write(STK_SLOT_REPORT, STK_FRAME_RESULT, &r, sizeof(r)))
		_exit(1);
	_exit(0);
}

static int zygote(const struct stk_zygote_args *args)
{
	const struct stk_zygote_program slow = {
		.head = &table.head, .classes = table.classes, .setup = slow_setup, .job = done
	};
	struct stk_hello h = { .magic = STK_HELLO_MAGIC, .profiles = args->profiles };

	if (lie("slow"))
		return stk_zygote_main(&slow, args);
	while (lie("hello-never"))
		(void)pause();
	if (lie("hello-exit"))
		return 3;
	if (lie("hello-crash"))
		abort();
	cell.worker = args->worker;
	cell.landlock_abi = 0;
	memcpy(h.registry_digest, table.head.registry_digest, sizeof(h.registry_digest));
	if (!lie("hello-naked") && (stk_cell_open(&cell) != STK_STEP_NONE ||
				       stk_cell_shut(&cell, table.classes, 1) != STK_STEP_NONE))
		return 4;
	if (lie("hello-digest"))
		h.registry_digest[5] ^= 1;
	if (lie("hello-junk"))
		h.magic = 0;
	if (stk_fds_send(STK_SLOT_ARGS, &h, lie("hello-short") ? 5 : sizeof(h), NULL, 0) != STK_OK)
		return 5;
	while (lie("spawn-never"))
		(void)nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	if (lie("half-shut"))
		serve_half_shut();
	else
		serve_lies();
	return 0;
}

int main(int argc, char **argv)
{
	struct stk_zygote_args args;

	if (stockade_table_build(classes, 1, &table) != NULL || argc < 2)
		return 2;
	if (strcmp(argv[1], "describe") == 0)
		return describe();
	return stk_zygote_args_parse(argc - 1, argv + 1, &args) ? zygote(&args) : 2;
}
