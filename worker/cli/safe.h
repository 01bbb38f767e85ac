/*
 * safe.h - text that others wrote, on a terminal.
 */
#ifndef WORKER_CLI_SAFE_H
#define WORKER_CLI_SAFE_H

#include "sandbox/base.h"

/*
 * Writes @text into @out (@size bytes, NUL-terminated), at most @columns characters of it: what a
 * terminal would obey (control characters, line separators, marks of text direction) and what is no
 * UTF-8 stands there as \uXXXX, which within a JSON string means the same; a tilde says that it was
 * cut. Returns how many characters were written, not counting combining ones apart.
 */
size_t stk_safe_text(struct stk_span text, size_t columns, char *out, size_t size);

#endif
