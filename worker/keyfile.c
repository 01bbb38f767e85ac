/*
 * keyfile.c - reads a private key file (seal.h). The file is the operator's; its name may be a
 * symlink, but only within its own folder, and its mode must keep others out.
 */
#include "worker/seal.h"
#include "worker/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_MAX_BYTES 128

/* Opens @name under @dir without leaving it; before Linux 5.6, without following any symlink. */
static int open_within(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

	if (fd == -1 && (errno == ENOSYS || errno == EPERM)) /* old kernel, or a filter */
		fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	return (int)fd;
}

/* A symlink that could not be followed within: perhaps a mounted secret's, name -> ..data/name. */
static int open_link(int dir, const char *name)
{
	STK_AUTO_CLOSE int data = -1;
	int fd = open_within(dir, name);

	if (fd != -1 || errno != ELOOP)
		return fd;
	data = openat(dir, "..data", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (data == -1) {
		errno = ELOOP;
		return -1;
	}
	return openat(data, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
}

static int open_key(const char *base, const char *path)
{
	char full[4096], copy[4096];
	bool absolute = path[0] == '/' || base == NULL;
	int n =
	    snprintf(full, sizeof(full), "%s%s%s", absolute ? "" : base, absolute ? "" : "/", path);
	STK_AUTO_CLOSE int dir = -1;

	if (n < 0 || (size_t)n >= sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(copy, full, (size_t)n + 1);
	dir = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir == -1 ? -1 : open_link(dir, basename(full));
}

static enum stk_err judge(int fd, const char **why)
{
	struct stat st;

	*why = "cannot be looked at";
	if (fstat(fd, &st) == -1)
		return STK_E_SYSTEM;
	*why = "is not a regular file";
	if (!S_ISREG(st.st_mode))
		return STK_E_REFUSED;
	*why = "is readable or writable by more than its owner and group read; chmod 0400 it";
	if ((st.st_mode & 07777 & ~0440u) != 0)
		return STK_E_REFUSED;
	*why = "belongs to another user; chown it to root or to the worker's user";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return STK_E_REFUSED;
	*why = NULL;
	return STK_OK;
}

static bool parse_line(struct stk_span line, enum stk_alg *alg, uint8_t *secret)
{
	const uint8_t *colon;

	if (line.len > 0 && line.p[line.len - 1] == '\n')
		line.len--;
	colon = line.len > 0 ? memchr(line.p, ':', line.len) : NULL;
	if (colon == NULL)
		return false;
	return stk_alg_find(stk_span_of(line.p, (size_t)(colon - line.p)), alg) &&
	       stk_b64url_decode(stk_span_of(colon + 1, (size_t)(line.p + line.len - colon - 1)),
		   secret, STK_KEY_LEN);
}

enum stk_err stk_secret_file_open(const char *base, const char *path, int *out, const char **why)
{
	int fd = open_key(base, path);
	enum stk_err e;

	*out = -1;
	*why = fd == -1 && errno == EXDEV    ? "is a symlink out of its own folder"
	       : fd == -1 && errno == ENOENT ? "cannot be opened: there is no such file"
	       : fd == -1 && errno == EACCES ? "cannot be opened: this user may not read it"
					     : "cannot be opened";
	if (fd == -1)
		return errno == EXDEV || errno == ELOOP ? STK_E_REFUSED : STK_E_SYSTEM;
	e = judge(fd, why);
	if (e == STK_OK)
		*out = fd;
	else
		stk_close(&fd);
	return e;
}

enum stk_err stk_key_file_read(
    const char *base, const char *path, enum stk_alg *alg, uint8_t **secret, const char **why)
{
	STK_AUTO_CLOSE int fd = -1;
	char line[LINE_MAX_BYTES + 1];
	ssize_t n;
	enum stk_err e;
	bool ok;

	*secret = NULL;
	if ((e = stk_secret_file_open(base, path, &fd, why)) != STK_OK)
		return e;
	if ((*secret = stk_secret_new()) == NULL) {
		*why = "cannot be kept in locked memory; " STK_VAULT_CURE;
		return STK_E_SYSTEM;
	}
	n = read(fd, line, sizeof(line));
	ok = n > 0 && (size_t)n <= LINE_MAX_BYTES &&
	     parse_line(stk_span_of(line, (size_t)n), alg, *secret);
	stk_wipe(line, sizeof(line));
	if (ok)
		return STK_OK;
	stk_secret_free(*secret);
	*secret = NULL;
	*why = "is not one line `ed25519:<43>` or `hmac-sha256:<43>` in base64url";
	return STK_E_FORMAT;
}
