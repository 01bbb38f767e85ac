/*
 * program.c - see program.h. What W and the zygote both derive from the class table, and P's last
 * steps; what arrives on P's pipe is J's word and J may be hostile.
 */
#include "sandbox/program.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool add_path(struct stk_paths *p, const char *path, bool program)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->at[i].program == program && strcmp(p->at[i].path, path) == 0)
			return true;
	if (p->n == STK_PATHS_MAX)
		return false;
	p->at[p->n].path = path;
	p->at[p->n].program = program;
	p->n++;
	return true;
}

bool stk_paths_of(const struct stk_class_desc *classes, uint32_t n_classes, struct stk_paths *out)
{
	bool fits = true;

	out->n = 0;
	for (uint32_t i = 0; fits && i < n_classes; i++) {
		if ((classes[i].profiles & STK_PROFILE_EXEC) == 0)
			continue;
		fits = add_path(out, classes[i].program, true);
		for (uint32_t t = 0; fits && t < classes[i].n_trees; t++)
			fits = add_path(out, classes[i].trees[t], false);
	}
	return fits;
}

uint32_t stk_paths_bits(
    const struct stk_paths *p, const struct stk_class_desc *d, uint32_t *program)
{
	uint32_t bits = 0;

	*program = STK_PATHS_MAX;
	for (uint32_t i = 0; i < p->n; i++) {
		bool mine = p->at[i].program && strcmp(p->at[i].path, d->program) == 0;

		for (uint32_t t = 0; !p->at[i].program && t < d->n_trees; t++)
			mine = mine || strcmp(p->at[i].path, d->trees[t]) == 0;
		if (mine && p->at[i].program)
			*program = i;
		if (mine)
			bits |= UINT32_C(1) << i;
	}
	return bits;
}

static bool program_safe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 022) == 0 &&
	       st.st_uid != geteuid();
}

/* 0, an errno, or STK_PATH_UNSAFE; *fd is open only for 0. */
static int open_path(const char *path, bool program, int *fd)
{
	int fault;

	*fd = open(path, O_PATH | O_CLOEXEC | (program ? 0 : O_DIRECTORY));
	if (*fd == -1)
		return errno;
	if (!program)
		return 0;
	/* found out now, and not by a job to which the kernel says no without a reason */
	fault = !program_safe(*fd) ? STK_PATH_UNSAFE : access(path, X_OK) == -1 ? errno : 0;
	if (fault != 0)
		stk_close(fd);
	return fault;
}

enum stk_err stk_paths_open(const struct stk_paths *p, struct stk_path_fds *out)
{
	for (uint32_t i = 0; i < STK_PATHS_MAX; i++) {
		out->fd[i] = -1;
		out->fault[i] = 0;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		out->fault[i] = open_path(p->at[i].path, p->at[i].program, &out->fd[i]);
		if (out->fault[i] != 0)
			out->fd[i] = open("/dev/null", O_PATH | O_CLOEXEC);
		if (out->fd[i] == -1)
			return STK_E_SYSTEM;
	}
	return STK_OK;
}

uint32_t stk_paths_faulty(
    const struct stk_paths *p, const struct stk_path_fds *fds, const struct stk_class_desc *d)
{
	uint32_t program, bits = stk_paths_bits(p, d, &program);

	for (uint32_t i = 0; i < p->n; i++)
		if ((bits >> i & 1) != 0 && fds->fault[i] != 0)
			return i;
	return STK_PATHS_MAX;
}

uint32_t stk_program_sum(uint32_t profiles)
{
	uint32_t sum = profiles & ((uint32_t)STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE);

	if ((profiles & STK_PROFILE_EXEC) == 0)
		return 0;
	if ((profiles & STK_PROFILE_EXEC_DYNAMIC) != 0)
		sum |= STK_PROFILE_PROGRAM_DYNAMIC;
	return sum | STK_PROFILE_PROGRAM;
}

/* --- P ---------------------------------------------------------------------------------------- */

static bool read_all(void *p, size_t len)
{
	uint8_t *at = p;

	while (len > 0) {
		ssize_t n = read(STK_SLOT_ARGS, at, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* Exactly n strings, each with its NUL, and nothing behind the last. */
static bool split(char *bytes, const struct stk_say *say, char **argv)
{
	char *end = bytes + say->len;

	for (uint32_t i = 0; i < say->n; i++) {
		char *nul = memchr(bytes, '\0', (size_t)(end - bytes));

		if (nul == NULL)
			return false;
		argv[i] = bytes;
		bytes = nul + 1;
	}
	return bytes == end;
}

STK_NORETURN static void refused(const struct stk_class_desc *d, int err)
{
	char body[sizeof(uint32_t) + STK_PATH_MAX + 160];
	uint32_t level = 3; /* STOCKADE_ERROR */
	int n;

	memcpy(body, &level, sizeof(level));
	n = snprintf(body + sizeof(level), sizeof(body) - sizeof(level),
	    "%s could not be executed: %s%s", d->program, strerror(err),
	    err == EACCES ? "; a dynamic program needs EXEC_DYNAMIC and its library trees" : "");
	(void)stk_frame_write(
	    STK_SLOT_REPORT, STK_FRAME_LOG, body, sizeof(level) + (n > 0 ? (size_t)n : 0));
	_exit(127);
}

void stk_program_become(const struct stk_class_desc *d)
{
	static char bytes[STK_SAY_MAX], lang[] = "LANG=C.UTF-8", path[] = "PATH=";
	static char *argv[1 + STK_SAY_ARGS_MAX + 1];
	char *env[] = { lang, path, NULL };
	struct stk_say say;

	if (!read_all(&say, sizeof(say)) || say.magic != STK_SAY_MAGIC ||
	    say.n > STK_SAY_ARGS_MAX || say.len > sizeof(bytes) || !read_all(bytes, say.len) ||
	    !split(bytes, &say, argv + 1))
		_exit(0);
	argv[0] = (char *)(uintptr_t)d->program;
	argv[1 + say.n] = NULL;
	(void)execveat(STK_SLOT_PROGRAM, "", argv, env, AT_EMPTY_PATH);
	refused(d, errno);
}
