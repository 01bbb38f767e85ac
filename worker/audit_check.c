/*
 * audit_check.c - see audit_check.h. Line by line with a fixed buffer, so a trail of any length and
 * a file without a newline cost the same memory.
 */
#include "worker/audit_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
	unsigned slot;
	int64_t first;
};

struct reader {
	const struct stk_audit_wanted *wanted;
	struct stk_audit_found *f;
	uint8_t prev[STK_SHA256_LEN];
	bool begun;         /* a line of this slot was read */
	int64_t torn;       /* bytes of the unreadable line before this one, or 0 */
	int64_t file_first; /* what the file's name promises */
	int64_t line;
};

static int by_slot_and_seq(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static enum stk_err list_files(DIR *dir, struct file **out, size_t *n)
{
	struct dirent *d;
	struct file f;

	*out = NULL;
	*n = 0;
	while ((d = readdir(dir)) != NULL) {
		struct file *more;

		if (!stk_audit_name_parse(d->d_name, &f.slot, &f.first))
			continue;
		more = realloc(*out, (*n + 1) * sizeof(f));
		if (more == NULL)
			return STK_E_NOMEM;
		*out = more;
		(*out)[(*n)++] = f;
	}
	if (*n > 1)
		qsort(*out, *n, sizeof(f), by_slot_and_seq);
	return STK_OK;
}

static void broke(struct reader *r, const char *why)
{
	struct stk_audit_found *f = r->f;

	if (f->broken)
		return;
	f->broken = true;
	f->why = why;
	f->line = r->line;
	stk_audit_name(f->slot, r->file_first, f->where);
}

/* The member "torn" of a line, or 0: how much of the line before it a crash left. */
static int64_t says_torn(struct stk_span text)
{
	static const char name[] = "\"torn\":";
	const char *at = memmem(text.p, text.len, name, sizeof(name) - 1);

	return at == NULL ? 0 : strtoll(at + sizeof(name) - 1, NULL, 10);
}

/* No value can look like it: quotation marks in values are escaped. */
#define LOST "\"lost\":\"audit-"

static void check_head(struct reader *r, const struct stk_audit_line *l)
{
	struct stk_audit_found *f = r->f;
	uint8_t key[STK_KEY_LEN], sig[64];
	char text[STK_AUDIT_HEAD_TEXT], name[44];
	size_t len;

	f->n_heads++;
	if (l->sig.len == 0 && l->key.len == 0) {
		if (r->wanted->key != NULL)
			broke(r, "a head is not signed");
		return;
	}
	if (!stk_b64url_decode(l->key, key, sizeof(key)) ||
	    !stk_b64url_decode(l->sig, sig, sizeof(sig))) {
		broke(r, "a head's key or signature is not base64url");
		return;
	}
	stk_b64url_encode(key, sizeof(key), name, sizeof(name));
	len = stk_audit_head_text(f->slot, l->seq, l->prev, text);
	if (r->wanted->key != NULL && strcmp(r->wanted->key, name) != 0)
		broke(r, "a head is signed with another key than the one given");
	else if (!stk_seal_public_ok(key) ||
		 !stk_seal_verify(
		     STK_ALG_ED25519, key, stk_span_of(text, len), stk_span_of(sig, sizeof(sig))))
		broke(r, "a head's signature does not fit");
	else if (f->key[0] != '\0' && strcmp(f->key, name) != 0)
		broke(r, "the heads are signed with two different keys; give the one that should");
	memcpy(f->key, name, sizeof(f->key));
	f->n_signed++;
}

static void check_line(struct reader *r, struct stk_span text)
{
	struct stk_audit_found *f = r->f;
	struct stk_audit_line l;
	int64_t torn = r->torn;

	r->torn = 0;
	if (stk_audit_line_parse(text, &l) != STK_OK) {
		if (torn > 0)
			broke(r, "two lines in a row are not of an audit trail");
		r->torn = (int64_t)text.len + (text.len == 0);
		return;
	}
	if (torn > 0 && says_torn(text) != torn)
		broke(r, "a line before this one is not of an audit trail");
	if (torn > 0)
		f->n_torn++;
	if (!r->begun)
		f->first_seq = l.seq;
	else if (l.seq != f->last_seq + 1)
		broke(r, l.seq > f->last_seq ? "lines are missing before this one"
					     : "a line stands here twice, or in another's place");
	else if (memcmp(l.prev, r->prev, sizeof(l.prev)) != 0)
		broke(r, "the line before this one was changed");
	if (memmem(text.p, text.len, LOST, sizeof(LOST) - 1) != NULL)
		broke(r, "the file before this line was removed or cut while it was written");
	if (r->line == 1 && l.seq != r->file_first)
		broke(r, "the file's name and its first line disagree");
	r->begun = true;
	f->last_seq = l.seq;
	f->n_lines++;
	memcpy(r->prev, l.hash, sizeof(r->prev));
	memcpy(f->last_hash, l.hash, sizeof(f->last_hash));
	if (stk_span_eq(l.kind, stk_span_str("head")))
		check_head(r, &l);
	if (r->wanted->line != NULL)
		r->wanted->line(r->wanted->ctx, f->slot, &l, text);
}

/* A line that is too long for one of ours is read to its end all the same. */
static enum stk_err check_file(struct reader *r, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	r->line = 0;
	while ((n = getline(&line, &cap, in)) > 0) {
		bool whole = line[n - 1] == '\n';

		r->line++;
		if (!whole)
			r->torn = n; /* the end of the newest file, while it is being written */
		else
			check_line(r, stk_span_of(line, (size_t)n - 1));
	}
	free(line);
	return ferror(in) != 0 ? STK_E_SYSTEM : STK_OK;
}

static enum stk_err open_and_check(struct reader *r, int dir, const struct file *file)
{
	char name[STK_AUDIT_NAME_MAX];
	FILE *in;
	enum stk_err e;
	int fd;

	stk_audit_name(file->slot, file->first, name);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	in = fd == -1 ? NULL : fdopen(fd, "r");
	if (in == NULL)
		return STK_E_SYSTEM;
	r->file_first = file->first;
	r->f->n_files++;
	e = check_file(r, in);
	(void)fclose(in);
	return e;
}

enum stk_err stk_audit_check(const char *dir, const struct stk_audit_wanted *wanted,
    struct stk_audit_found found[static STK_AUDIT_SLOTS_MAX], size_t *n)
{
	DIR *d = opendir(dir);
	struct file *files = NULL;
	struct reader r = { .wanted = wanted };
	size_t n_files = 0;
	enum stk_err e;

	*n = 0;
	if (d == NULL)
		return STK_E_SYSTEM;
	e = list_files(d, &files, &n_files);
	for (size_t i = 0; e == STK_OK && i < n_files; i++) {
		if (i == 0 || files[i].slot != files[i - 1].slot) {
			if (*n == STK_AUDIT_SLOTS_MAX) {
				e = STK_E_TOOBIG;
				break;
			}
			found[*n] = (struct stk_audit_found){ .slot = files[i].slot };
			r = (struct reader){ .wanted = wanted, .f = &found[(*n)++] };
		}
		e = open_and_check(&r, dirfd(d), &files[i]);
	}
	free(files);
	(void)closedir(d);
	return e;
}
