/*
 * audit.c - see audit.h. Trusts its own last line only as far as it parses; writes with O_APPEND,
 * one write a line, so that a crash can tear the last line alone.
 */
#include "worker/audit.h"

#include "worker/times.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_EVERY    256
#define HEAD_AFTER_MS 60000

STK_PRINTF(3, 4)
static enum stk_err fail(struct stk_audit *a, enum stk_err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	return e;
}

/* --- the chain so far ------------------------------------------------------------------------- */

/* The slot's file with the highest first line, or 0 where there is none yet. */
static int64_t newest(const struct stk_audit *a)
{
	DIR *dir = fdopendir(openat(a->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int64_t best = 0, seq;
	struct dirent *d;
	unsigned slot;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (stk_audit_name_parse(d->d_name, &slot, &seq) && slot == a->slot && seq > best)
			best = seq;
	if (dir != NULL)
		(void)closedir(dir);
	return best;
}

static enum stk_err open_file(struct stk_audit *a, int64_t first, int flags)
{
	char name[STK_AUDIT_NAME_MAX];
	struct stat st;

	stk_audit_name(a->slot, first, name);
	a->fd = openat(a->dir, name, O_APPEND | O_NOFOLLOW | O_CLOEXEC | flags, 0640);
	if (a->fd == -1 || fstat(a->fd, &st) == -1)
		return fail(a, STK_E_SYSTEM, "%s: %s", name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(a, STK_E_REFUSED, "%s is not a regular file", name);
	a->bytes = st.st_size;
	a->first = first;
	return STK_OK;
}

/* Takes the chain up from the last whole line; what stands behind it was torn by a crash. */
static enum stk_err take_up(struct stk_audit *a)
{
	static char tail[2 * STK_AUDIT_LINE_MAX];
	off_t from = a->bytes > (int64_t)sizeof(tail) ? a->bytes - (int64_t)sizeof(tail) : 0;
	ssize_t n = pread(a->fd, tail, sizeof(tail), from);
	struct stk_audit_line last;
	size_t end, begin;

	if (n < 0)
		return fail(a, STK_E_SYSTEM, "reading back: %s", strerror(errno));
	for (end = (size_t)n; end > 0 && tail[end - 1] != '\n'; end--)
		continue;
	a->torn = n - (ssize_t)end;
	if (end == 0)
		return from == 0 ? STK_OK
				 : fail(a, STK_E_FORMAT, "its end is no line of an audit trail");
	for (begin = end - 1; begin > 0 && tail[begin - 1] != '\n'; begin--)
		continue;
	if (stk_audit_line_parse(stk_span_of(tail + begin, end - 1 - begin), &last) != STK_OK)
		return fail(a, STK_E_FORMAT,
		    "its last line is not of an audit trail; move the file away after looking at "
		    "it");
	a->seq = last.seq;
	memcpy(a->prev, last.hash, sizeof(a->prev));
	return STK_OK;
}

/* Two writers would break the chain that both believe they go on. */
static enum stk_err lock_slot(struct stk_audit *a)
{
	char name[STK_AUDIT_NAME_MAX];

	(void)snprintf(name, sizeof(name), "audit-%u.lock", a->slot);
	a->lock = openat(a->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (a->lock == -1)
		return fail(a, STK_E_SYSTEM, "%s: %s", name, strerror(errno));
	if (flock(a->lock, LOCK_EX | LOCK_NB) == -1)
		return fail(a, STK_E_REFUSED,
		    "another worker holds %s; give each service an audit_dir of its own", name);
	return STK_OK;
}

static enum stk_err open_chain(struct stk_audit *a)
{
	int64_t first = newest(a);
	enum stk_err e = lock_slot(a);

	if (e != STK_OK)
		return e;
	if (first == 0)
		return open_file(a, 1, O_RDWR | O_CREAT | O_EXCL);
	e = open_file(a, first, O_RDWR);
	if (e == STK_OK)
		a->seq = first - 1;
	return e == STK_OK ? take_up(a) : e;
}

/* --- heads ------------------------------------------------------------------------------------ */

bool stk_audit_key_in(const struct stk_audit *a, const struct stk_keyring *ring)
{
	uint8_t public_key[STK_KEY_LEN];

	if (a->seed == NULL)
		return false;
	stk_seal_public(a->seed, public_key);
	for (size_t i = 0; i < ring->n_keys; i++)
		if (memcmp(ring->keys[i].public_key, public_key, STK_KEY_LEN) == 0)
			return true;
	return false;
}

static enum stk_err load_key(struct stk_audit *a, const struct stk_audit_options *o)
{
	uint8_t public_key[STK_KEY_LEN];
	const char *why = NULL;
	enum stk_alg alg;
	enum stk_err e;

	if (o->key_file == NULL)
		return STK_OK;
	e = stk_key_file_read(NULL, o->key_file, &alg, &a->seed, &why);
	if (e != STK_OK)
		return fail(a, e, "audit_key_file %s: %s", o->key_file, why);
	if (alg != STK_ALG_ED25519)
		return fail(a, STK_E_REFUSED, "audit_key_file %s: heads are signed with ed25519",
		    o->key_file);
	stk_seal_public(a->seed, public_key);
	if (o->ring != NULL && stk_audit_key_in(a, o->ring))
		return fail(a, STK_E_REFUSED,
		    "audit_key_file %s: this key is in the policy; a key that may enqueue cannot "
		    "vouch for the trail",
		    o->key_file);
	stk_b64url_encode(public_key, sizeof(public_key), a->key, sizeof(a->key));
	return STK_OK;
}

static bool write_head(struct stk_audit *a)
{
	char text[STK_AUDIT_HEAD_TEXT], sig_text[STK_SIG_TEXT_MAX + 1];
	uint8_t sig[STK_SIG_MAX];
	struct stk_jw *line = stk_audit_start(a, "head");

	if (a->seed != NULL) {
		size_t len = stk_audit_head_text(a->slot, a->seq + 1, a->prev, text);

		stk_seal_sign(STK_ALG_ED25519, a->seed, stk_span_of(text, len), sig);
		stk_b64url_encode(sig, sizeof(sig), sig_text, sizeof(sig_text));
		stk_jw_cstr(line, "key", a->key);
		stk_jw_cstr(line, "sig", sig_text);
	}
	if (!stk_audit_end(a))
		return false;
	a->unheaded = 0;
	a->head_due_ms = stk_monotonic_ms() + HEAD_AFTER_MS;
	return fdatasync(a->fd) == 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

/*
 * Nobody else writes the file. Where it has no name any more, or is shorter than what was written,
 * its lines are gone, and so would be the next one: that one goes into another file, and says so.
 */
static void see_that_it_is_there(struct stk_audit *a)
{
	struct stat st;

	if (a->fd == -1 || fstat(a->fd, &st) == -1 || (st.st_nlink > 0 && st.st_size >= a->bytes))
		return;
	a->torn = 0;
	if (st.st_nlink > 0 && a->first > a->seq)
		a->bytes = st.st_size; /* no whole line of ours stood there */
	else
		a->lost = a->first;
}

struct stk_jw *stk_audit_start(struct stk_audit *a, const char *kind)
{
	char when[STK_TIME_BYTES], hex[2 * STK_SHA256_LEN + 1], name[STK_AUDIT_NAME_MAX];
	struct stk_jw *w = &a->line;

	see_that_it_is_there(a);
	stk_time_iso_ms(when, stk_realtime_ms());
	stk_hex(a->prev, sizeof(a->prev), hex);
	stk_jw_reset(w);
	stk_jw_open(w, NULL, '{');
	stk_jw_int(w, "v", 1);
	stk_jw_int(w, "seq", a->seq + 1);
	stk_jw_cstr(w, "at", when);
	stk_jw_cstr(w, "kind", kind);
	stk_jw_cstr(w, "prev", hex);
	if (a->torn > 0)
		stk_jw_int(w, "torn", a->torn);
	if (a->lost > 0) {
		stk_audit_name(a->slot, a->lost, name);
		stk_jw_cstr(w, "lost", name);
	}
	return w;
}

/* The next file of the chain; the one before it stays as it is. */
static bool next_file(struct stk_audit *a)
{
	int before = a->fd;
	int64_t bytes = a->bytes;

	if (open_file(a, a->seq + 1, O_RDWR | O_CREAT | O_EXCL) != STK_OK) {
		a->fd = before;
		a->bytes = bytes;
		return false;
	}
	stk_close(&before);
	return true;
}

/* Where the next line belongs. */
static bool choose_file(struct stk_audit *a)
{
	if (a->lost > 0)
		return next_file(a);
	return a->bytes < a->max_bytes || a->torn > 0 || next_file(a);
}

static bool append(struct stk_audit *a, const char *text, size_t len)
{
	ssize_t n;

	do
		n = write(a->fd, text, len);
	while (n == -1 && errno == EINTR);
	if (n == (ssize_t)len)
		return true;
	if (n > 0) {
		a->torn += n;
		a->bytes += n;
	}
	(void)fail(
	    a, STK_E_SYSTEM, "%s", n >= 0 ? "the line was cut short: disk full?" : strerror(errno));
	return false;
}

bool stk_audit_end(struct stk_audit *a)
{
	struct stk_jw *w = &a->line;
	char text[1 + STK_AUDIT_LINE_MAX];
	size_t len = 0;

	if (a->dir == -1)
		return true;
	stk_jw_close(w, '}');
	if (w->sour) {
		(void)fail(a, STK_E_TOOBIG, "a record of more than %d bytes", STK_AUDIT_LINE_MAX);
		return false;
	}
	if (!choose_file(a))
		return false;
	if (a->torn > 0) /* what was torn becomes a line of its own, and this one says so */
		text[len++] = '\n';
	memcpy(text + len, w->buf, w->len);
	len += w->len;
	text[len++] = '\n';
	if (!append(a, text, len))
		return false;
	stk_sha256(stk_span_of(w->buf, w->len), a->prev);
	a->torn = 0;
	a->bytes += (int64_t)len;
	if (a->lost > 0)
		a->tell_lost = a->lost;
	a->lost = 0;
	a->seq++;
	a->unheaded++;
	return true;
}

void stk_audit_tick(struct stk_audit *a)
{
	if (a->dir == -1 || a->unheaded == 0)
		return;
	/* whether it could be written shows at the next decision, which may not go unwritten */
	if (a->unheaded >= HEAD_EVERY || stk_monotonic_ms() >= a->head_due_ms)
		(void)write_head(a);
}

enum stk_err stk_audit_open(struct stk_audit *a, const struct stk_audit_options *o)
{
	enum stk_err e;

	*a = (struct stk_audit){
		.lock = -1, .dir = -1, .fd = -1, .slot = o->slot, .max_bytes = o->max_bytes
	};
	stk_jw_init(&a->line, STK_AUDIT_LINE_MAX - 2);
	if (o->dir == NULL)
		return STK_OK;
	a->dir = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->dir == -1)
		return fail(a, STK_E_SYSTEM, "audit_dir %s: %s", o->dir, strerror(errno));
	e = load_key(a, o);
	if (e == STK_OK && o->look)
		e = faccessat(a->dir, ".", W_OK | X_OK, AT_EACCESS) == 0
			? STK_OK
			: fail(a, STK_E_SYSTEM, "%s: %s", o->dir, strerror(errno));
	else if (e == STK_OK)
		e = open_chain(a);
	a->head_due_ms = stk_monotonic_ms() + HEAD_AFTER_MS;
	return e;
}

void stk_audit_close(struct stk_audit *a)
{
	if (a->fd != -1 && a->unheaded > 0)
		(void)write_head(a);
	stk_close(&a->fd);
	stk_close(&a->lock);
	if (a->dir != -1)
		(void)close(a->dir);
	a->dir = -1;
	stk_secret_free(a->seed);
	a->seed = NULL;
	stk_jw_clear(&a->line);
}
