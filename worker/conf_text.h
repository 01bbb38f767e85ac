/*
 * conf_text.h - internal to the configuration reader: what conf.c (files) shares with conf_text.c
 * (text, defaults, flags). Others include conf.h.
 */
#ifndef WORKER_CONF_TEXT_H
#define WORKER_CONF_TEXT_H

#include "worker/conf.h"

#define STK_CONF_STRING_MAX 4096 /* bytes of one string, unless the table says otherwise */

/* What every step needs besides the setting it stands on. */
struct stk_conf_walk {
	const char *path;
	struct stk_conf_error *e;
};

/* Where @s is kept in the struct @into. */
void *stk_conf_slot(void *into, const struct stk_setting *s);
size_t stk_conf_entries_max(const struct stk_setting *s);
const struct stk_setting *stk_conf_find(
    const struct stk_setting *table, size_t n, const char *name);

/* Each fills w->e and returns what the caller should return. */
enum stk_err stk_conf_unknown(
    struct stk_conf_walk *w, int line, const struct stk_setting *table, size_t n, const char *name);
enum stk_err stk_conf_mistyped(struct stk_conf_walk *w, int line, const struct stk_setting *s);
/* Adds the sentence if @e is STK_E_NOMEM; returns @e. */
enum stk_err stk_conf_nomem(struct stk_conf_walk *w, enum stk_err e);

/* Range-checked stores into @into. */
STK_CHECK enum stk_err stk_conf_put_number(
    struct stk_conf_walk *w, int line, const struct stk_setting *s, void *into, int64_t v);
STK_CHECK enum stk_err stk_conf_put_text(
    struct stk_conf_walk *w, int line, const struct stk_setting *s, void *into, const char *text);
STK_CHECK enum stk_err stk_conf_put_defaults(
    struct stk_conf_walk *w, const struct stk_setting *table, size_t n, void *into);
/* Empties @l and makes room for @n strings. */
STK_CHECK enum stk_err stk_conf_strings_reserve(struct stk_conf_walk *w, int line,
    const struct stk_setting *s, struct stk_strings *l, size_t n);

#endif
