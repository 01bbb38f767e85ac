/*
 * schema.h - the schema compiler: JSON Schema 2020-12, a closed subset, to C. A program of the
 * build; nothing of it is in a cage program. Its input is a file of the team's own repository:
 * mistakes are expected, and each is answered with file, line, JSON pointer and what to write
 * instead.
 */
#ifndef JOBS_SCHEMA_SCHEMA_H
#define JOBS_SCHEMA_SCHEMA_H

#include "jobs/cage/rules.h"

#include <jansson.h>
#include <stdio.h>

#define STK_SCHEMA_BYTES   (1u << 20)
#define STK_SCHEMA_DEPTH   64
#define STK_SCHEMA_NAME    64   /* bytes of a member's name */
#define STK_PATTERN_LENGTH 4096 /* maxLength beside a pattern that has none */

/* What is wrong with a schema, and where. line 0: not known. */
struct stk_schema_fault {
	char pointer[512];
	char text[512];
	int line, column;
	bool outside; /* not wrong, but not of the subset: an unknown keyword, format or far $ref */
};

/* Notes the first fault; always -1, so that it can be returned. */
STK_PRINTF(3, 4)
int stk_schema_wrong(struct stk_schema_fault *f, const char *pointer, const char *fmt, ...);

/* --- source.c ----------------------------------------------------------------------------------
 */

/*
 * The bytes of the code point at @s if it is one that is obeyed instead of shown: control
 * characters, line separators, marks that turn the direction of text. Else 0. A compiler refuses
 * some of them even in a comment; a terminal does what the others say.
 */
size_t stk_obeyed(const char *s);
/* @s, with \uXXXX in place of these. */
void stk_put_plain(FILE *out, const char *s);
/* "PATH:LINE:COLUMN: error: POINTER: TEXT", made fit for a terminal; of a fault that was located.
 */
void stk_schema_put_fault(FILE *out, const char *path, const struct stk_schema_fault *f);
/* Parses @len bytes. The tree is the caller's. 0, or -1 with @f. */
int stk_source_parse(const char *text, size_t len, json_t **root, struct stk_schema_fault *f);
/* Fills in the line and column of f->pointer, in text that stk_source_parse took. */
void stk_source_locate(const char *text, size_t len, struct stk_schema_fault *f);
/* @pointer with one token more, escaped (RFC 6901); malloc, the caller's. */
char *stk_pointer_add(const char *pointer, const char *token);
char *stk_pointer_index(const char *pointer, size_t i);

/* --- keywords.c --------------------------------------------------------------------------------
 */

/* What the value of a keyword holds; how to walk into it. */
enum stk_keyword_shape {
	STK_SHAPE_PLAIN,
	STK_SHAPE_SCHEMA,
	STK_SHAPE_LIST, /* of schemas */
	STK_SHAPE_MAP   /* of schemas */
};

/* Checks the keywords of one schema, not of those within it. 0, or -1 with @f. */
int stk_keywords_check(const json_t *schema, const char *pointer, struct stk_schema_fault *f);
/* The STK_TYPE_ bit of a type's name; 0 if it is none. */
uint32_t stk_type_bit(const json_t *name);
/* Of a keyword that stk_keywords_check let through. */
enum stk_keyword_shape stk_keyword_shape(const char *keyword);
/* The nearest of the @n names in @names, or NULL if none is near. */
const char *stk_nearest(const char *const *names, size_t n, const char *name);

/* --- pattern.c ---------------------------------------------------------------------------------
 */

/* @pattern in PCRE2's spelling, malloc, the caller's; or NULL with a sentence in @wrong. */
char *stk_pattern_translate(const char *pattern, char wrong[256]);

/* --- compile.c, compile_rules.c ------------------------------------------------------------------
 */

/* One place of the file where a schema stands. Its number is that of the program's schema. */
struct stk_position {
	char *pointer;      /* owned */
	const json_t *node; /* borrowed from the tree */
};

/* A program and what it borrows from. The tree must live as long. */
struct stk_compiled {
	struct stk_program program;
	struct stk_position *positions;
	json_t *numbers; /* pointer -> number */
	struct stk_schema *schemas;
	struct stk_rule *rules;
	struct stk_rule_entry *entries;
	struct stk_value *values;
	uint32_t *lists;
	const char **names;
	char **patterns; /* owned */
};

/* 0, or -1 with @f. @out is the caller's to clear in both cases. */
int stk_compile(const json_t *root, struct stk_compiled *out, struct stk_schema_fault *f);
void stk_compiled_clear(struct stk_compiled *c);
/* The number of the schema at @pointer plus the tokens, or STK_RULES_NONE. */
uint32_t stk_compiled_find(const struct stk_compiled *c, const char *pointer);
/* Follows a $ref that stands at @pointer; STK_RULES_NONE with @f if it leads nowhere. */
uint32_t stk_ref_follow(
    const struct stk_compiled *c, const char *ref, const char *pointer, struct stk_schema_fault *f);
/* A schema that comes back to itself without going into a value never ends. 0, or -1 with @f. */
int stk_ref_loops(const struct stk_compiled *c, struct stk_schema_fault *f);
/* Fills the rules of each position. 0, or -1 with @f. */
int stk_compile_rules(struct stk_compiled *c, struct stk_schema_fault *f);
/* Adds @v, a member of that key or NULL, and all beneath it to the values. */
void stk_compile_value(struct stk_compiled *c, const char *key, json_t *v);
/* @array with room for one more beside its @n of @size; the compiler ends where memory does. */
void *stk_grow(void *array, uint32_t n, size_t size);

/* --- plan.c ------------------------------------------------------------------------------------
 */

/* One member of the argument struct. */
struct stk_member {
	char name[STK_SCHEMA_NAME];
	uint32_t kind;   /* enum stockade_field_kind */
	bool optional;   /* it has a has_ member, or may be NULL */
	const char *key; /* of the one object, or NULL: a position */
	uint32_t index;
	bool rest;            /* all items from index on */
	const json_t *schema; /* with $ref followed; borrowed */
	const json_t *values; /* a string that is one of these: it has a which_ member; or NULL */
};

struct stk_plan {
	char function[STK_SCHEMA_NAME];
	bool object; /* the arguments are one object, its properties the members */
	struct stk_member *members;
	uint32_t n;
	const json_t *root;
	json_t *names; /* owned: the members' names, as keys */
};

/* Which members the struct has. 0, or -1 with @f; @plan is the caller's to clear in both cases. */
int stk_plan_make(const struct stk_compiled *c, const char *function, struct stk_plan *plan,
    struct stk_schema_fault *f);
void stk_plan_clear(struct stk_plan *plan);

/* --- emit.c ------------------------------------------------------------------------------------
 */

/* Both files as text, malloc, the caller's; NULL if memory is out. @source is named in them. */
char *stk_emit_header(const struct stk_plan *plan, const char *source);
char *stk_emit_source(const struct stk_plan *plan, const struct stk_compiled *c, const char *source,
    const char *header);

#endif
