/*
 * registry_words.h - the words of a registry line: which there are and what they take.
 */
#ifndef JOBS_SCHEMA_REGISTRY_WORDS_H
#define JOBS_SCHEMA_REGISTRY_WORDS_H

#include "sandbox/base.h"

#include <stdio.h>

/*
 * X(word, kind, most): most arguments, or for a number the largest it may be: the worker's default
 * ceiling (stockade.conf(5), "ceiling").
 */
#define STK_WORDS(X)                     \
	X(PROFILE, PROFILES, 4)          \
	X(READ, LABELS, 8)               \
	X(WRITE, LABELS, 8)              \
	X(WORK_MIB, NUMBER, 1024)        \
	X(CONNECT, PLACES, 8)            \
	X(EXEC, PATHS, 1)                \
	X(EXEC_DYNAMIC, PATHS, 5)        \
	X(TASKS, NUMBER, 64)             \
	X(SECRETS, LABELS, 8)            \
	X(SETTINGS, LABELS, 8)           \
	X(WALL_MS, NUMBER, 3600000)      \
	X(CPU_S, NUMBER, 600)            \
	X(MEM_MIB, NUMBER, 1024)         \
	X(FILE_MIB, NUMBER, 1024)        \
	X(STACK_MIB, NUMBER, 64)         \
	X(FDS, NUMBER, 256)              \
	X(OUTPUT_KIB, NUMBER, 1024)      \
	X(REPORT_KIB, NUMBER, 64)        \
	X(RESULT_KIB, NUMBER, 1024)      \
	X(RELEASE, NUMBER, 8)            \
	X(SILENCE_S, NUMBER, 3600)       \
	X(KEEP_RESULT_S, NUMBER, 604800) \
	X(RETRY, RETRIES, 1000)          \
	X(IDEMPOTENT, BARE, 0)

enum stk_word {
#define X(word, kind, most) STK_WORD_##word,
	STK_WORDS(X)
#undef X
	STK_WORD_COUNT
};

/* Profiles as bits, in the order of the words in PROFILE(...). */
enum {
	STK_WORD_PURE = 1,
	STK_WORD_FILES = 2,
	STK_WORD_THREADS = 4,
	STK_WORD_NET = 8,
	STK_WORD_EXEC_PROFILE = 16
};

struct stk_words {
	bool there[STK_WORD_COUNT];
	uint32_t texts[STK_WORD_COUNT]; /* how many it took */
	uint32_t profiles;
};

/* 0, or -1 with a sentence fragment in @wrong. With @beyond numbers are not looked at. */
int stk_words_parse(
    const char *text, bool beyond, struct stk_words *words, char *wrong, size_t size);
/* Do profiles and grants belong together? As above. */
int stk_words_agree(const struct stk_words *words, char *wrong, size_t size);
/* What may stand in quotes. */
enum stk_text_kind {
	STK_TEXT_LABEL,
	STK_TEXT_PLACE,
	STK_TEXT_PATH
};
/* NULL, or a sentence fragment. */
const char *stk_text_wrong(enum stk_text_kind kind, const char *text);
STK_PRINTF(2, 3) void stk_registry_print(FILE *out, const char *fmt, ...);

#endif
