/*
 * common.c - what every subcommand shares: complaints, usage, reading an operand.
 */
#include "worker/cli/cli.h"
#include "worker/cli/safe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool stk_exit_is_final(int code)
{
	return code == STK_EX_USAGE || code == STK_EX_NOINPUT || code == STK_EX_REDIS ||
	       code == STK_EX_OS || code == STK_EX_NOPERM || code == STK_EX_CONFIG;
}

/* Where the next complaint goes instead of stderr; NULL: nowhere else. */
static struct {
	char *text;
	size_t size;
} turned;

void stk_complain_into(char *text, size_t size)
{
	turned.text = text;
	turned.size = size;
	if (text != NULL)
		text[0] = '\0';
}

int stk_complain(int code, const char *fmt, ...)
{
	char text[2048], line[3 * sizeof(text)] = "stockade: ";
	size_t n = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	if (turned.text != NULL)
		(void)vsnprintf(turned.text, turned.size, fmt, ap);
	else
		(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (turned.text != NULL)
		return code;
	/* names in a file that is only being looked at, and paths, are other people's text */
	(void)stk_safe_text(stk_span_str(text), sizeof(line), line + n, sizeof(line) - n - 1);
	/* one write, so that sentences of several processes do not mix */
	n = strlen(line);
	line[n++] = '\n';
	(void)!stk_write_all(STDERR_FILENO, line, n);
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
