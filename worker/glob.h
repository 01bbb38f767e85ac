/*
 * glob.h - does a queue's name match a pattern, exactly as Ruby's File.fnmatch(pattern, name) says?
 *
 * Called by queues.c. Without FNM_PATHNAME: `*` matches '/', but no leading dot; `{a,b}` is
 * literal;
 * `[!x]` is `[^x]`; `?` takes one UTF-8 character. Neither side is trusted: one retry point for the
 * last star, so the work is at most pattern x name x longest bracket, whatever the bytes are.
 */
#ifndef WORKER_GLOB_H
#define WORKER_GLOB_H

#include "sandbox/base.h"

bool stk_glob_match(struct stk_span pattern, struct stk_span name);

#endif
