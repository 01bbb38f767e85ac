/*
 * work.c - see work.h. Runs in W, in part behind W's filter; names found in the directory are only
 * ever handed back to the kernel, relative to a descriptor.
 */
#include "sandbox/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX      "work-"
#define ENTRY_LEAST 4096  /* an inode is not free, whatever its length */
#define EMPTY_CHUNK 2000  /* entries between two ticks of the worker */
#define SWEEP_MAX   50000 /* entries at a start */

struct stk_work {
	int base, lock, path; /* work_dir; the directory to read and hold; the same, O_PATH */
	char name[64];
	uint64_t moved; /* names of what was moved up */
	DIR *counting;  /* where a count is, or NULL */
	uint64_t counted;
	int stuck;
};

/* --- emptying --------------------------------------------------------------------------------- */

static bool dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A stream of its own over @fd, which stays open and is read from its beginning. */
static DIR *list(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again == -1 ? NULL : fdopendir(again);

	if (d == NULL)
		stk_close(&again);
	return d;
}

/* The next entry but the dots; NULL with errno 0 at the end, with another where it cannot be read:
 * that is no empty directory. */
static struct dirent *next(DIR *d)
{
	struct dirent *e;

	do {
		errno = 0;
		e = readdir(d);
	} while (e != NULL && dots(e->d_name));
	return e;
}

/* Moves folder @name of @from up into @top under a name that nobody has. */
static int move_up(int from, const char *name, int top, uint64_t *moved)
{
	char fresh[40];

	for (int tries = 0; tries < 100; tries++) {
		(void)snprintf(fresh, sizeof(fresh), "moved-%llu", (unsigned long long)(*moved)++);
		if (renameat(from, name, top, fresh) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return -1;
	}
	return -1;
}

/* A folder without rights of its own is ours to open all the same. */
static int open_folder(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

static int remove_entry(int dir, const char *name, int top, uint64_t *moved);

/* Its files go, its folders move up beside it; then it is empty. One level, whatever the depth. */
static int remove_folder(int dir, const char *name, int top, uint64_t *moved)
{
	STK_AUTO_CLOSE int fd = open_folder(dir, name);
	int result = 0, saved;
	struct dirent *e;
	DIR *d;

	if (fd == -1)
		return -1;
	(void)fchmod(fd, 0700);
	if ((d = list(fd)) == NULL)
		return -1;
	while (result == 0 && (e = next(d)) != NULL)
		if (unlinkat(fd, e->d_name, 0) == -1)
			result = move_up(fd, e->d_name, top, moved);
	saved = errno;
	(void)closedir(d);
	errno = saved;
	return result == 0 ? unlinkat(dir, name, AT_REMOVEDIR) : -1;
}

static int remove_entry(int dir, const char *name, int top, uint64_t *moved)
{
	struct stat st;

	if (unlinkat(dir, name, 0) == 0)
		return 0;
	/* EISDIR on Linux, but the kind decides and not the errno */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = EPERM;
		return -1;
	}
	return remove_folder(dir, name, top, moved);
}

/*
 * Up to @most entries. 1: nothing is left; 0: there is more; -1: nothing more can be removed, errno
 * says why.
 */
static int empty(int dir, size_t most, uint64_t *moved)
{
	size_t seen = 0, gone = 0;
	int err = 0;
	struct dirent *e;
	DIR *d;

	(void)fchmod(dir, 0700);
	if ((d = list(dir)) == NULL)
		return -1;
	for (; seen < most && (e = next(d)) != NULL; seen++)
		if (remove_entry(dir, e->d_name, dir, moved) == 0)
			gone++;
		else
			err = errno;
	if (seen < most && errno != 0)
		err = errno; /* of next() */
	(void)closedir(d);
	if (seen == 0 && err == 0)
		return 1;
	/* readdir need not see what was moved up meanwhile: another pass tells */
	if (gone > 0)
		return 0;
	errno = err;
	return -1;
}

bool stk_work_empty(struct stk_work *w)
{
	int done = empty(w->lock, EMPTY_CHUNK, &w->moved);

	stk_work_count_anew(w);
	w->stuck = done == -1 ? errno : 0;
	return done != 0;
}

int stk_work_stuck(const struct stk_work *w)
{
	return w->stuck;
}

/* --- counting --------------------------------------------------------------------------------- */

static uint64_t weight(int dir, const char *name)
{
	struct stat st;
	uint64_t bytes = ENTRY_LEAST;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (uint64_t)st.st_blocks * 512 > bytes)
		bytes = (uint64_t)st.st_blocks * 512;
	return bytes;
}

void stk_work_count_anew(struct stk_work *w)
{
	if (w->counting != NULL)
		(void)closedir(w->counting);
	w->counting = NULL;
	w->counted = 0;
}

bool stk_work_count(struct stk_work *w, size_t entries, uint64_t enough, uint64_t *sum)
{
	struct dirent *e = NULL;

	if (w->counting == NULL && (w->counting = list(w->lock)) == NULL) {
		*sum = UINT64_MAX;
		return true;
	}
	while (entries > 0 && w->counted <= enough && (e = next(w->counting)) != NULL) {
		w->counted += weight(w->lock, e->d_name);
		entries--;
	}
	if (entries > 0 && w->counted <= enough && errno != 0)
		w->counted = UINT64_MAX;
	*sum = w->counted;
	if (entries == 0 && w->counted <= enough)
		return false;
	stk_work_count_anew(w);
	return true;
}

uint64_t stk_work_usage(struct stk_work *w, uint64_t enough)
{
	uint64_t sum;

	stk_work_count_anew(w);
	while (!stk_work_count(w, SIZE_MAX, enough, &sum))
		continue;
	return sum;
}

int stk_work_fd(const struct stk_work *w)
{
	return w->path;
}

/* --- making and sweeping ---------------------------------------------------------------------- */

static const char *base_fault(int base)
{
	struct stat st;

	if (fstat(base, &st) == -1)
		return "cannot be looked at";
	if (st.st_uid != geteuid())
		return "belongs to another user; chown it to the worker's";
	if ((st.st_mode & 022) != 0)
		return "can be written by others; chmod 0700 it";
	return NULL;
}

/* Nobody else makes a lock last: a second worker that finds it free knows that its owner is gone.
 */
static int take(int base, const char *name)
{
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1)
		stk_close(&fd);
	return fd;
}

static void sweep(int base, struct stk_work_left *left)
{
	size_t budget = SWEEP_MAX;
	uint64_t moved = 0;
	DIR *d = list(base);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		STK_AUTO_CLOSE int fd = -1;
		int done = 0;

		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    (fd = take(base, e->d_name)) == -1)
			continue;
		for (; done == 0 && budget >= EMPTY_CHUNK; budget -= EMPTY_CHUNK)
			done = empty(fd, EMPTY_CHUNK, &moved);
		if (done == 1 && unlinkat(base, e->d_name, AT_REMOVEDIR) == 0)
			left->swept++;
		else
			left->left++;
	}
	if (d != NULL)
		(void)closedir(d);
}

/* A sweeping neighbour may take the new one before we lock it: then another name. */
static enum stk_err make(struct stk_work *w)
{
	for (int i = 0; i < 100; i++) {
		struct stat st;

		(void)snprintf(w->name, sizeof(w->name), PREFIX "%d-%lld-%d", (int)getpid(),
		    (long long)stk_monotonic_ms(), i);
		if (mkdirat(w->base, w->name, 0700) == -1) {
			if (errno == EEXIST)
				continue;
			return STK_E_SYSTEM;
		}
		w->lock = take(w->base, w->name);
		if (w->lock != -1 && fstatat(w->base, w->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			w->path =
			    openat(w->lock, ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			return w->path == -1 ? STK_E_SYSTEM : STK_OK;
		}
		stk_close(&w->lock);
	}
	return STK_E_SYSTEM;
}

enum stk_err stk_work_look(const char *base, const char **why)
{
	STK_AUTO_CLOSE int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*why = "cannot be opened";
	if (fd == -1)
		return STK_E_SYSTEM;
	if ((*why = base_fault(fd)) != NULL)
		return STK_E_REFUSED;
	*why = "takes no new directory";
	return faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0 ? STK_OK : STK_E_SYSTEM;
}

enum stk_err stk_work_open(
    const char *base, struct stk_work **out, struct stk_work_left *left, const char **why)
{
	struct stk_work *w = calloc(1, sizeof(*w));
	enum stk_err e = STK_OK;

	*out = NULL;
	*left = (struct stk_work_left){ 0 };
	*why = "no memory";
	if (w == NULL)
		return STK_E_NOMEM;
	*w = (struct stk_work){ .base = -1, .lock = -1, .path = -1 };
	*why = "cannot be opened";
	w->base = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->base == -1)
		e = STK_E_SYSTEM;
	else if ((*why = base_fault(w->base)) != NULL)
		e = STK_E_REFUSED;
	if (e == STK_OK) {
		sweep(w->base, left);
		*why = "takes no new directory";
		e = make(w);
	}
	if (e == STK_OK) {
		*why = NULL;
		*out = w;
		return STK_OK;
	}
	stk_work_close(w);
	return e;
}

void stk_work_close(struct stk_work *w)
{
	int saved = errno;

	if (w == NULL)
		return;
	if (w->lock != -1) {
		for (size_t i = 0; i < SWEEP_MAX / EMPTY_CHUNK && !stk_work_empty(w); i++)
			continue;
		(void)unlinkat(w->base, w->name, AT_REMOVEDIR);
	}
	stk_work_count_anew(w);
	stk_close(&w->path);
	stk_close(&w->lock);
	stk_close(&w->base);
	free(w);
	errno = saved;
}
