/*
 * names.h - arguments that name something: files, URLs, words for a program. Part of job.h, which
 * includes it; needs nothing of the job. What is given to it was written by others.
 */
#ifndef STOCKADE_NAMES_H
#define STOCKADE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An argument list in the making: zero it, add words, give .at to struct stockade_exec as .args.
 * The words are borrowed. 0, or -1 with errno E2BIG: more than 64 words, or than 16 KiB together.
 */
#define STOCKADE_ARGV_MAX 64
struct stockade_argv {
	const char *at[STOCKADE_ARGV_MAX + 1]; /* NULL-ended */
	size_t n;                              /* words so far */
	size_t bytes;                          /* of them, each with its NUL */
};
/* A word of the handler's own: an option, a constant. */
int stockade_argv_add(struct stockade_argv *v, const char *word);
/*
 * A word that came from outside. One that begins with "-" would be an option to the program, so it
 * is refused unless @flags has STOCKADE_ARGV_DASH: for a program that was told "--" before, or
 * where it is the value of an option that takes one. As above, and -1 with errno EINVAL for such a
 * one, for an empty one, and for one that is no UTF-8 or has control characters in it.
 */
#define STOCKADE_ARGV_DASH 1u
int stockade_argv_add_operand(struct stockade_argv *v, const char *text, unsigned flags);

/*
 * Whether @name may be used as the name of one file: 1 to 255 bytes of UTF-8 without a slash,
 * without a control character or a mark that changes how text is shown, and beginning neither with
 * a dot (".", "..", hidden files) nor with a dash (an option to programs).
 */
bool stockade_name_ok(const char *name);

#define STOCKADE_URL_MAX  2048
#define STOCKADE_URL_HTTP 1u /* http:// as well; without it https:// alone */
struct stockade_url {
	char scheme[6];    /* "https" or "http" */
	char host[254];    /* in lower case; an IPv6 address without its brackets */
	bool is_address;   /* the host is an IPv4 or IPv6 address */
	uint16_t port;     /* the one that was given, else 443 or 80 */
	char target[2050]; /* path and query as they go into a request; at least "/" */
	const char *why; /* after -1: what is wrong, a fragment of a sentence, static; else NULL */
};
/*
 * Takes apart an absolute URL of at most 2048 bytes, fills @out. It is strict on purpose: two
 * programs that understand one URL differently are how checks are passed by. Refused, with -1,
 * errno EINVAL and a reason in @out->why: another scheme; a user name; a host in a coded spelling,
 * a number that is no dotted IPv4 address, a name that is none; a port outside of 1 to 65535; bytes
 * that no URL has, and coded control bytes; "." and ".." in the path; a fragment. Where the job may
 * connect to is CONNECT's matter, not this function's.
 */
int stockade_url_parse(const char *text, unsigned flags, struct stockade_url *out);

#ifdef __cplusplus
}
#endif
#endif
