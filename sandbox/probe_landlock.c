/*
 * probe_landlock.c - the trials of Landlock behind probe_try.h, one for each right that came with
 * an ABI of its own. Each has its control: the same act succeeds before the ruleset is entered.
 */
#include "sandbox/landlock.h"
#include "sandbox/probe_try.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* Newer than Debian 12's header. */
#define STK_FS_REFER (1ULL << 13)

/* Enters an empty ruleset: 0, errno, or what a kernel says to a right it does not know. */
static int landlocked(int abi_min, uint32_t deny)
{
	int fd, abi = stk_landlock_abi(), e = stk_try_no_new_privs();

	if (e != 0 || abi < 0)
		return e != 0 ? e : -abi;
	if (abi < abi_min)
		return EINVAL;
	if (stk_landlock_create(abi, deny, &fd) != STK_OK || stk_landlock_restrict(fd) != STK_OK)
		return stk_try_said(-1);
	return 0;
}

int stk_try_landlock_fs(void)
{
	STK_AUTO_CLOSE int before = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int e = before == -1 ? STK_TRY_ODD : landlocked(1, 0);

	if (e != 0)
		return e;
	if (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) != -1)
		return STK_TRY_NO_EFFECT;
	return errno == EACCES ? 0 : STK_TRY_ODD;
}

/* --- in a folder of our own: TMPDIR, /dev/shm or /tmp ---------------------------------------- */

static struct {
	char dir[128], file[160], other[160], moved[176];
} scratch;

static bool scratch_in(const char *parent)
{
	int fd;

	if (parent == NULL || strlen(parent) > sizeof(scratch.dir) - 32)
		return false;
	(void)snprintf(scratch.dir, sizeof(scratch.dir), "%s/stockade-probe-XXXXXX", parent);
	if (mkdtemp(scratch.dir) == NULL)
		return false;
	(void)snprintf(scratch.file, sizeof(scratch.file), "%s/file", scratch.dir);
	(void)snprintf(scratch.other, sizeof(scratch.other), "%s/other", scratch.dir);
	(void)snprintf(scratch.moved, sizeof(scratch.moved), "%s/moved", scratch.other);
	fd = open(scratch.file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	stk_close(&fd);
	if (mkdir(scratch.other, 0700) == 0)
		return true;
	(void)unlink(scratch.file);
	(void)rmdir(scratch.dir);
	return false;
}

/* Runs @act caged in a child of its own; this process stays free to tidy up. */
static int in_scratch(int (*act)(void))
{
	int e;

	if (!scratch_in(getenv("TMPDIR")) && !scratch_in("/dev/shm") && !scratch_in("/tmp"))
		return STK_TRY_NO_PLACE;
	e = stk_probe_forked(act);
	(void)unlink(scratch.moved);
	(void)unlink(scratch.file);
	(void)rmdir(scratch.other);
	(void)rmdir(scratch.dir);
	return e;
}

/* With the right granted a file may move between folders; before ABI 2 that was never to be had. */
static int refer(void)
{
	const uint64_t move =
	    STK_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
	struct landlock_ruleset_attr attr = { .handled_access_fs = move };
	struct landlock_path_beneath_attr rule = { .allowed_access = move };
	int e = stk_try_no_new_privs(), rules;

	rule.parent_fd = open(scratch.dir, O_PATH | O_CLOEXEC);
	if (e != 0 || rule.parent_fd == -1)
		return e != 0 ? e : STK_TRY_ODD;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (rules == -1 ||
	    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 ||
	    stk_landlock_restrict(rules) != STK_OK)
		return stk_try_said(-1);
	return rename(scratch.file, scratch.moved) == 0 ? 0 : STK_TRY_NO_EFFECT;
}

int stk_try_landlock_refer(void)
{
	return in_scratch(refer);
}

/* --- nothing written -------------------------------------------------------------------------- */

/*
 * The name of a process is a regular file that it may cut, to no effect, and that Landlock guards:
 * so nothing has to be writable, as it is not in most pods. The file is root's of a process that is
 * not dumpable; this child is none of ours that holds anything.
 */
int stk_try_landlock_truncate(void)
{
	static const char name[] = "/proc/self/comm";
	int e;

	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 || truncate(name, 0) != 0)
		return STK_TRY_ODD;
	e = landlocked(3, 0);
	if (e != 0)
		return e;
	return truncate(name, 0) == -1 && errno == EACCES ? 0 : STK_TRY_NO_EFFECT;
}

int stk_try_landlock_net(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int e = s == -1 ? stk_try_said(-1) : landlocked(4, STK_LANDLOCK_NET);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (e != 0)
		return e;
	if (connect(s, (const struct sockaddr *)&to, sizeof(to)) == 0 || errno != EACCES)
		return STK_TRY_NO_EFFECT;
	return 0;
}

/* The null device answers ENOTTY to a terminal's question; Landlock answers before it. */
int stk_try_landlock_ioctl(void)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };
	int abi = stk_landlock_abi(), rules, fd, e = stk_try_no_new_privs();
	struct termios t;

	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (e != 0 || abi < 0)
		return e != 0 ? e : -abi;
	if (fd == -1 || ioctl(fd, TCGETS, &t) != -1 || errno != ENOTTY)
		return STK_TRY_ODD;
	if (abi < 5)
		return EINVAL;
	rule.parent_fd = fd;
	if (stk_landlock_create(abi, 0, &rules) != STK_OK ||
	    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 ||
	    stk_landlock_restrict(rules) != STK_OK)
		return stk_try_said(-1);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* what was open before stays free */
	if (fd == -1)
		return STK_TRY_ODD;
	return ioctl(fd, TCGETS, &t) == -1 && errno == EACCES ? 0 : STK_TRY_NO_EFFECT;
}

int stk_try_landlock_signal(void)
{
	pid_t parent = getppid();
	int e = kill(parent, 0) != 0 ? stk_try_said(-1) : landlocked(6, STK_LANDLOCK_SCOPES);

	if (e != 0)
		return e;
	return kill(parent, 0) == -1 && errno == EPERM ? 0 : STK_TRY_NO_EFFECT;
}

static struct sockaddr_un abstract;
static socklen_t abstract_len;

static int call_outside(void)
{
	int control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), e;

	if (control == -1 || s == -1 ||
	    connect(control, (const struct sockaddr *)&abstract, abstract_len) != 0)
		return STK_TRY_ODD;
	e = landlocked(6, STK_LANDLOCK_SCOPES);
	if (e != 0)
		return e;
	return connect(s, (const struct sockaddr *)&abstract, abstract_len) == -1 && errno == EPERM
		   ? 0
		   : STK_TRY_NO_EFFECT;
}

/* A socket of this process, named by the kernel, and a caged child that calls it. */
int stk_try_landlock_abstract(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	abstract = (struct sockaddr_un){ .sun_family = AF_UNIX };
	abstract_len = sizeof(abstract);
	if (s == -1 ||
	    bind(s, (const struct sockaddr *)&abstract, sizeof(abstract.sun_family)) != 0 ||
	    listen(s, 4) != 0 || getsockname(s, (struct sockaddr *)&abstract, &abstract_len) != 0)
		return stk_try_said(-1);
	return stk_probe_forked(call_outside);
}
