/*
 * privilege.c - see privilege.h. Each step that fails is final: a half-dropped process is no
 * process.
 */
#include "worker/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum stk_err no(char *why, size_t size, const char *what, const char *detail)
{
	(void)snprintf(why, size, "%s%s", what, detail);
	return STK_E_REFUSED;
}

static enum stk_err find_user(const char *user, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = getpwnam(user);
	char *end;
	unsigned long n;

	if (pw != NULL) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
		return STK_OK;
	}
	errno = 0;
	n = strtoul(user, &end, 10);
	if (errno != 0 || end == user || *end != '\0' || n > 0xfffffffeUL)
		return STK_E_ABSENT;
	*uid = (uid_t)n;
	*gid = (gid_t)n;
	return STK_OK;
}

static enum stk_err become(const char *user, char *why, size_t size)
{
	uid_t uid;
	gid_t gid;

	if (find_user(user, &uid, &gid) != STK_OK)
		return no(why, size, "no such user: ", user);
	if (uid == 0 || gid == 0)
		return no(why, size, "user must not be root: ", user);
	if (getuid() == uid && geteuid() == uid)
		return STK_OK;
	if (geteuid() != 0)
		return no(why, size, "only root can become ", user);
	if (getpwnam(user) != NULL ? initgroups(user, gid) != 0 : setgroups(0, NULL) != 0)
		return no(why, size, "setgroups: ", strerror(errno));
	if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return no(why, size, "setresuid: ", strerror(errno));
	if (setresuid(0, 0, 0) != -1 || setresgid(0, 0, 0) != -1)
		return no(why, size, "uid 0 could be taken back after the drop", "");
	return STK_OK;
}

enum stk_err stk_privilege_drop(const char *user, char *why, size_t why_size)
{
	if (user != NULL && become(user, why, why_size) != STK_OK)
		return STK_E_REFUSED;
	if (getuid() == 0 || geteuid() == 0)
		return no(why, why_size,
		    "never works as uid 0; set `user` in the configuration or start it as another "
		    "user",
		    "");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return no(why, why_size, "no_new_privs: ", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return no(why, why_size, "dumpable 0: ", strerror(errno));
	return STK_OK;
}

int stk_cage_program_open(const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) != 0) {
		(void)snprintf(why, why_size,
		    "cannot open the cage program %s: %s; --cage, or `cage` in the configuration, "
		    "says where it is",
		    path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0) {
		(void)snprintf(why, why_size, "%s is not a program", path);
	} else if ((st.st_mode & 022) != 0 ||
		   (st.st_uid == geteuid() && (st.st_mode & 0200) != 0)) {
		(void)snprintf(why, why_size,
		    "the cage program %s can be written by the user that runs it, its group or "
		    "others; "
		    "chmod 555 it",
		    path);
	} else {
		return fd;
	}
	stk_close(&fd);
	return -1;
}
