/*
 * letter.c - see letter.h. A child that does not read its letter is its own problem.
 */
#include "sandbox/letter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool stk_letter_write(
    struct stk_letter *l, const struct stk_go *go, struct stk_span args, struct stk_span handed)
{
	*l = (struct stk_letter){ .len = sizeof(*go) + args.len, .handed = handed };
	l->bytes = malloc(l->len);
	if (l->bytes == NULL)
		return false;
	memcpy(l->bytes, go, sizeof(*go));
	if (args.len > 0)
		memcpy(l->bytes + sizeof(*go), args.p, args.len);
	return true;
}

static struct stk_span rest(const struct stk_letter *l)
{
	if (l->at < l->len)
		return stk_span_of(l->bytes + l->at, l->len - l->at);
	return stk_span_of(l->handed.p + (l->at - l->len), l->handed.len - (l->at - l->len));
}

bool stk_letter_push(struct stk_letter *l, int fd)
{
	ssize_t n = rest(l).len == 0 ? 0 : write(fd, rest(l).p, rest(l).len);

	if (n > 0)
		l->at += (size_t)n;
	return rest(l).len == 0 || (n == -1 && errno != EAGAIN && errno != EINTR);
}

void stk_letter_clear(struct stk_letter *l)
{
	free(l->bytes);
	*l = (struct stk_letter){ 0 };
}
