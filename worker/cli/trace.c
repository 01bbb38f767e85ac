/*
 * trace.c - see trace.h.
 */
#include "worker/cli/trace.h"

#include "worker/cli/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define SAID_MAX (32u << 10)

/* --- which file a module is ------------------------------------------------------------------- */

static bool is_module(const struct stk_image *m, const struct stk_fault_module *id)
{
	struct stk_span own = stk_image_id(m);

	return own.len == id->len && own.len > 0 && memcmp(own.p, id->bytes, own.len) == 0;
}

static int take_libc(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const char *slash = strrchr(info->dlpi_name, '/');
	char *dir = ctx;

	(void)size;
	if (slash == NULL || strncmp(slash, "/libc.", 6) != 0)
		return 0;
	(void)snprintf(dir, 256, "%.*s", (int)(slash - info->dlpi_name), info->dlpi_name);
	return 1;
}

/* The libraries that @program names lie where this process found its own libc. */
static bool find_library(
    const struct stk_image *program, const struct stk_fault_module *id, char path[512])
{
	char dir[256] = "";
	const char *name;

	(void)dl_iterate_phdr(take_libc, dir);
	for (size_t i = 0; (name = stk_image_needed(program, i)) != NULL; i++) {
		struct stk_image m;
		bool found;

		(void)snprintf(path, 512, "%s/%.200s", dir, name);
		if (strchr(name, '/') != NULL || stk_image_open(&m, path) != STK_OK)
			continue;
		found = is_module(&m, id);
		stk_image_close(&m);
		if (found)
			return true;
	}
	return false;
}

/* --- lines, by the tool of a toolchain -------------------------------------------------------- */

/* "jobs/x.c:12", "jobs/x.c:12:5" and "jobs/x.c:12 (discriminator 1)"; "??:0" says nothing. */
static void take_line(char *said, struct stk_trace_frame *f)
{
	char *colon, *end;
	long line = 0;

	said[strcspn(said, " ")] = '\0';
	for (int i = 0; i < 2 && (colon = strrchr(said, ':')) != NULL; i++) {
		long n = strtol(colon + 1, &end, 10);

		if (end == colon + 1 || *end != '\0')
			break;
		line = n;
		*colon = '\0';
	}
	if (line <= 0 || line > INT32_MAX || said[0] == '?')
		return;
	(void)snprintf(f->file, sizeof(f->file), "%.255s", said);
	f->line = (int)line;
}

/* Two lines for each frame that was asked for, in their order. */
static void take_said(char *said, const struct stk_fault *f, struct stk_trace *t)
{
	for (uint32_t i = 0; i < f->n_frames; i++) {
		char *function, *line;

		if (f->frames[i].module != 0)
			continue;
		function = strsep(&said, "\n");
		line = said == NULL ? NULL : strsep(&said, "\n");
		if (line == NULL)
			return;
		if (function[0] != '?' && function[0] != '\0')
			(void)snprintf(t->frames[i].function, sizeof(t->frames[i].function),
			    "%.127s", function);
		take_line(line, &t->frames[i]);
	}
}

/* What it prints, at most SAID_MAX bytes, in @said; false if it is not there or does not end well.
 */
static bool ask(char *const argv[], char *said)
{
	posix_spawn_file_actions_t acts;
	int pipes[2], status = -1;
	size_t have = 0;
	ssize_t n = 1;
	pid_t pid;
	bool ran;

	if (pipe2(pipes, O_CLOEXEC) == -1)
		return false;
	ran = posix_spawn_file_actions_init(&acts) == 0 &&
	      posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0) == 0 &&
	      posix_spawn_file_actions_adddup2(&acts, pipes[1], 1) == 0 &&
	      posix_spawn_file_actions_addopen(&acts, 2, "/dev/null", O_WRONLY, 0) == 0 &&
	      posix_spawnp(&pid, argv[0], &acts, NULL, argv, environ) == 0;
	(void)posix_spawn_file_actions_destroy(&acts);
	stk_close(&pipes[1]);
	while (ran && n > 0 && have < SAID_MAX - 1) {
		n = read(pipes[0], said + have, SAID_MAX - 1 - have);
		if (n > 0)
			have += (size_t)n;
		else if (n == -1 && errno == EINTR)
			n = 1;
	}
	said[have] = '\0';
	stk_close(&pipes[0]);
	while (ran && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return ran && status == 0 && have > 0;
}

/* A return address stands behind its call; the call is what has the line. */
static uint64_t asked_for(const struct stk_fault_frame *f)
{
	return f->how == STK_FAULT_HERE || f->offset == 0 ? f->offset : f->offset - 1;
}

static bool take_lines(const struct stk_fault *f, const char *program, struct stk_trace *t)
{
	static const char *const tools[] = { "addr2line", "eu-addr2line" };
	char offsets[STK_FAULT_FRAMES][24], file[4096];
	char *argv[6 + STK_FAULT_FRAMES] = { NULL, (char[]){ "-f" }, (char[]){ "-C" },
		(char[]){ "-e" }, file };
	STK_AUTO_FREE char *said = malloc(SAID_MAX);
	size_t n = 5;

	if (said == NULL || strlen(program) >= sizeof(file))
		return false; /* NOLINT(clang-analyzer-unix.Malloc): the attribute frees it */
	(void)snprintf(file, sizeof(file), "%s", program);
	for (uint32_t i = 0; i < f->n_frames; i++)
		if (f->frames[i].module == 0) {
			(void)snprintf(
			    offsets[i], sizeof(offsets[i]), "%#" PRIx64, asked_for(&f->frames[i]));
			argv[n++] = offsets[i];
		}
	for (size_t i = 0; i < STK_ARRAY_LEN(tools); i++) {
		char tool[16];

		(void)snprintf(tool, sizeof(tool), "%s", tools[i]);
		argv[0] = tool;
		if (n == 5 || ask(argv, said)) {
			take_said(said, f, t);
			return true;
		}
	}
	return false;
}

/* --- all of it -------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static void name_by(const struct stk_image *m, const char *path, const struct stk_fault *f,
    uint32_t module, struct stk_trace *t)
{
	for (uint32_t i = 0; i < f->n_frames; i++) {
		const char *name;

		if (f->frames[i].module != module)
			continue;
		(void)snprintf(
		    t->frames[i].module, sizeof(t->frames[i].module), "%.63s", base_name(path));
		name = stk_image_function(m, asked_for(&f->frames[i]));
		if (name != NULL)
			(void)snprintf(
			    t->frames[i].function, sizeof(t->frames[i].function), "%.127s", name);
	}
}

static void name_libraries(
    const struct stk_image *program, const struct stk_fault *f, struct stk_trace *t)
{
	for (uint32_t k = 1; k < f->n_modules; k++) {
		struct stk_image m;
		char path[512];

		if (!find_library(program, &f->modules[k], path) ||
		    stk_image_open(&m, path) != STK_OK)
			continue;
		name_by(&m, path, f, k, t);
		stk_image_close(&m);
	}
}

void stk_trace_make(const struct stk_fault *f, const char *program, struct stk_trace *out)
{
	struct stk_image m;

	memset(out, 0, sizeof(*out));
	out->n = f->n_frames;
	for (uint32_t i = 0; i < f->n_frames; i++) {
		out->frames[i].offset = f->frames[i].offset;
		out->frames[i].guessed = f->frames[i].how == STK_FAULT_FOUND;
		(void)snprintf(out->frames[i].module, sizeof(out->frames[i].module), "?");
	}
	if (f->n_frames == 0)
		return;
	if (stk_image_open(&m, program) != STK_OK || !is_module(&m, &f->modules[0]) ||
	    f->n_modules == 0) {
		(void)snprintf(out->note, sizeof(out->note),
		    "no names: %.100s is not the file that ran, or was linked without a build id",
		    program);
		stk_image_close(&m);
		return;
	}
	name_by(&m, program, f, 0, out);
	name_libraries(&m, f, out);
	stk_image_close(&m);
	if (!take_lines(f, program, out))
		(void)snprintf(out->note, sizeof(out->note),
		    "no lines: install binutils (addr2line) or elfutils (eu-addr2line)");
}
