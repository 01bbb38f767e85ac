/*
 * conf.h - configuration and policy files: libconfig's syntax, our strictness.
 *
 * One table of settings per file says everything a file may contain; the reader refuses what is
 * unknown, said twice, of the wrong type, out of range or missing, with file, line and the nearest
 * known name. The same table parses environment variables and flags (stk_conf_set), so a setting
 * has one meaning wherever it is written. The file is the operator's, but read as if it were not.
 */
#ifndef WORKER_CONF_H
#define WORKER_CONF_H

#include "sandbox/base.h"
#include "worker/quantity.h"

#define STK_CONF_FILE_MAX (1u << 20) /* bytes of a configuration or policy file */

/* What a setting is in the file, and what stands at its offset. */
enum stk_setting_type {
	STK_SET_BOOL,        /* true, false         -> bool */
	STK_SET_COUNT,       /* 12                  -> int64_t */
	STK_SET_DURATION_MS, /* "10s"               -> int64_t, milliseconds */
	STK_SET_BYTES,       /* "64K"               -> int64_t, bytes */
	STK_SET_RATE,        /* "50/s"              -> int64_t, events per hour */
	STK_SET_TIME,        /* "2027-01-01T00:00:00Z" -> int64_t, seconds since the epoch */
	STK_SET_STRING,      /* "text"              -> char *, owned by the struct, NULL if unset */
	STK_SET_CHOICE,      /* "one of .choices"   -> int, its index */
	STK_SET_STRINGS,     /* [ "a", "b" ]        -> struct stk_strings */
	STK_SET_MAP,         /* { any = "text"; }   -> struct stk_map */
	STK_SET_GROUP,       /* { … } of .sub       -> the struct embedded at the offset */
	STK_SET_LIST, /* ( { … }, { … } )    -> struct stk_conf_list of .item_size structs */
	STK_SET_LINE, /* never written; int: the line on which the enclosing group begins */
};

struct stk_strings {
	char **v; /* n of them */
	size_t n;
};

struct stk_map {
	struct stk_map_entry {
		char *name;
		char *value;
	} * v;
	size_t n;
};

struct stk_conf_list {
	void *items; /* n structs, as the setting's .sub describes them */
	size_t n;
};

/*
 * One setting. Numbers are checked against min..max (max 0: no upper bound); for STRING the bytes,
 * for STRINGS, MAP and LIST the entries are counted instead (max 0: 4096 bytes or 1024 entries).
 */
struct stk_setting {
	const char *name;
	enum stk_setting_type type;
	bool required; /* missing is an error; else .def, or zero and NULL */
	size_t offset; /* into the struct that this table fills */
	int64_t min, max;
	const char *def;            /* the default, as a flag would give it; NULL for none */
	const char *const *choices; /* NULL-ended, CHOICE only */
	const struct stk_setting *sub;
	size_t n_sub;
	size_t item_size; /* LIST only */
	const char *doc;  /* one sentence: shown when it is missing or wrong */
};

struct stk_conf_error {
	int line;           /* 0 if no line is to blame */
	char sentence[640]; /* "file:line: what is wrong, and the nearest name" */
};

/* Formats "@path:@line: …" into @e (":line" left out for 0). Returns STK_E_FORMAT, for callers. */
enum stk_err stk_conf_blame(
    struct stk_conf_error *e, const char *path, int line, const char *fmt, ...) STK_PRINTF(4, 5);

/* Reads a regular file of at most STK_CONF_FILE_MAX bytes; *@bytes is owned by the caller (free).
 */
STK_CHECK enum stk_err stk_conf_read(
    const char *path, uint8_t **bytes, size_t *len, struct stk_conf_error *e);

/*
 * Parses @len bytes (a NUL must follow them, as after stk_conf_read) into *@into, which the caller
 * zeroed; @path is for sentences. On any error @e is filled, *@into cleared and zeroed.
 */
STK_CHECK enum stk_err stk_conf_parse(const char *path, const uint8_t *bytes, size_t len,
    const struct stk_setting *table, size_t n, void *into, struct stk_conf_error *e);

/* stk_conf_read and stk_conf_parse. */
STK_CHECK enum stk_err stk_conf_load(const char *path, const struct stk_setting *table, size_t n,
    void *into, struct stk_conf_error *e);

/* Only the defaults, for a program without a file. *@into was zeroed by the caller. */
STK_CHECK enum stk_err stk_conf_defaults(
    const struct stk_setting *table, size_t n, void *into, struct stk_conf_error *e);

/*
 * Sets one setting from text: an environment variable or a flag, named @where in sentences. @name
 * may be dotted ("ceiling.wall"). STRINGS splits at commas and trims blanks; BOOL takes true,
 * false, 1, 0; MAP and LIST cannot be set so. STK_E_ABSENT with a sentence if there is no such
 * setting.
 */
STK_CHECK enum stk_err stk_conf_set(const struct stk_setting *table, size_t n, void *into,
    const char *name, const char *text, const char *where, struct stk_conf_error *e);

/* Frees every string and list inside *@into and zeroes what pointed to them. */
void stk_conf_clear(const struct stk_setting *table, size_t n, void *into);

/* The name of @table nearest to @name, if near enough to be a slip of the finger; else NULL. */
const char *stk_conf_nearest(const struct stk_setting *table, size_t n, const char *name);

#endif
