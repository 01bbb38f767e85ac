/*
 * profiles.h - a class's profiles and limits as words, the same in every command.
 */
#ifndef WORKER_CLI_PROFILES_H
#define WORKER_CLI_PROFILES_H

#include "sandbox/wire.h"
#include "worker/jsonw.h"

/* "files(read)+threads", "pure" for none; cut at @size. */
void stk_profiles_text(uint32_t profiles, char *out, size_t size);
/* "profiles":["files(read)",…], ["pure"] for none */
void stk_profiles_json(struct stk_jw *w, uint32_t profiles);
/* "limits":{…} */
void stk_limits_json(struct stk_jw *w, const struct stk_limits *l);
/* An array @key of the first @n of texts that lie @field bytes apart; nothing where there is none.
 */
void stk_texts_json(struct stk_jw *w, const char *key, const char *slots, size_t field, uint32_t n);

#endif
