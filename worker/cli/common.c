/*
 * common.c - what every subcommand shares: complaints, usage, reading an operand.
 */
#include "worker/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int stk_complain(int code, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("stockade: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return code;
}

int stk_usage(const struct stk_command *c, int code)
{
	FILE *to = code == 0 ? stdout : stderr;

	(void)fprintf(to, "usage: stockade %s\n\n%s.\n", c->usage, c->summary);
	return code;
}

int stk_read_operand(const char *path, size_t max, uint8_t **out, size_t *len)
{
	bool is_stdin = strcmp(path, "-") == 0;
	STK_AUTO_CLOSE int fd = -1;
	enum stk_err e;

	*out = NULL;
	*len = 0;
	if (!is_stdin && (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return stk_complain(STK_EX_NOINPUT, "cannot open %s: %s", path, strerror(errno));
	e = stk_read_all(is_stdin ? STDIN_FILENO : fd, max, out, len);
	if (e == STK_E_TOOBIG)
		return stk_complain(STK_EX_NOINPUT, "%s is larger than %zu bytes",
		    is_stdin ? "standard input" : path, max);
	if (e != STK_OK)
		return stk_complain(STK_EX_NOINPUT, "cannot read %s: %s",
		    is_stdin ? "standard input" : path, stk_strerror(e));
	return 0;
}
