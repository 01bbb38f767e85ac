/*
 * test_landlock.c - path rules by their effect: in forked children, each refusal beside a control
 * that shows the same act succeeding without the ruleset.
 */
#include "sandbox/landlock.h"
#include "tests/harness.h"
#include "tests/lib/child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/stk-landlock-XXXXXX";
static int tree = -1;

/* How a child is caged, and what it then tries: 0 or errno of the first failure. */
struct scene {
	bool caged;
	int abi; /* 0: the running one */
	uint32_t deny, rights;
	int (*act)(void);
};

static int enter_and_act(const void *arg)
{
	const struct scene *s = arg;
	int fd, abi = s->abi != 0 ? s->abi : stk_landlock_abi();

	if (!s->caged)
		return s->act();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_landlock_create(abi, s->deny, &fd) != STK_OK)
		return 200;
	if (s->rights != 0 && stk_landlock_add(fd, abi, tree, s->rights) != STK_OK)
		return 201;
	return stk_landlock_restrict(fd) == STK_OK ? s->act() : 202;
}

static int run(struct scene s)
{
	return in_child(enter_and_act, &s);
}

static int code(int rc)
{
	return rc == -1 ? errno : 0;
}

static int read_inside(void)
{
	return code(openat(tree, "given", O_RDONLY));
}

static int list_inside(void)
{
	return code(open(top, O_RDONLY | O_DIRECTORY));
}

static int read_outside(void)
{
	return code(open("/etc/passwd", O_RDONLY));
}

static int climb_out(void)
{
	return code(openat(tree, "../../etc/passwd", O_RDONLY));
}

static int follow_link_out(void)
{
	return code(openat(tree, "link", O_RDONLY));
}

static int write_inside(void)
{
	return code(openat(tree, "given", O_WRONLY));
}

static int truncate_inside(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/given", top);
	return code(truncate(path, 2));
}

static int create_rename_remove(void)
{
	int fd = openat(tree, "new", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, "x", 1) != 1 || renameat(tree, "new", tree, "newer") != 0)
		return errno;
	return code(unlinkat(tree, "newer", 0));
}

/* Adds a file and appends to it; it is left behind, for the parent to remove. */
static int add_file(void)
{
	int fd = openat(tree, "added", O_WRONLY | O_APPEND | O_CREAT, 0600);

	return code(fd == -1 || write(fd, "x", 1) != 1 ? -1 : 0);
}

static int remove_file_and_folder(void)
{
	if (unlinkat(tree, "added", 0) != 0)
		return errno;
	return code(unlinkat(tree, "folder", AT_REMOVEDIR));
}

static int make_directory(void)
{
	int e = code(mkdirat(tree, "d", 0700));

	(void)unlinkat(tree, "d", AT_REMOVEDIR);
	return e;
}

static int make_symlink(void)
{
	int e = code(symlinkat("/etc", tree, "s"));

	(void)unlinkat(tree, "s", 0);
	return e;
}

static int make_fifo(void)
{
	int e = code(mknodat(tree, "f", S_IFIFO | 0600, 0));

	(void)unlinkat(tree, "f", 0);
	return e;
}

static int move_to_subdir(void)
{
	int e = code(renameat(tree, "given", tree, "sub/given"));

	(void)renameat(tree, "sub/given", tree, "given");
	return e;
}

static int run_program(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };

	(void)execv("/bin/true", argv);
	return errno;
}

static int connect_loopback(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return code(
	    connect(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&to, sizeof(to)));
}

static int bind_loopback(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET }; /* any port: none is granted */

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return code(
	    bind(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&at, sizeof(at)));
}

static int signal_parent(void)
{
	return code(kill(getppid(), 0));
}

static struct sockaddr_un listener;
static socklen_t listener_len = sizeof(listener);

static int call_abstract(void)
{
	return code(connect(
	    socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)&listener, listener_len));
}

#define R STK_LANDLOCK_READ
#define W STK_LANDLOCK_WRITE
#define A STK_LANDLOCK_ADD
#define D STK_LANDLOCK_REMOVE

static const struct {
	const char *what;
	uint32_t deny, rights;
	int (*act)(void);
	int caged, control; /* what each must answer */
	int since;          /* ABI */
} acts[] = {
	{ "read a granted tree", 0, R, read_inside, 0, 0, 1 },
	{ "list a granted tree", 0, R, list_inside, 0, 0, 1 },
	{ "read outside", 0, R, read_outside, EACCES, 0, 1 },
	{ "climb out by ..", 0, R, climb_out, EACCES, 0, 1 },
	{ "follow a link out", 0, R, follow_link_out, EACCES, 0, 1 },
	{ "read with nothing granted", 0, 0, read_inside, EACCES, 0, 1 },
	{ "write where reading is granted", 0, R, write_inside, EACCES, 0, 1 },
	{ "truncate where reading is granted", 0, R, truncate_inside, EACCES, 0, 3 },
	{ "create where reading is granted", 0, R, create_rename_remove, EACCES, 0, 1 },
	{ "write where writing is granted", 0, R | W, write_inside, 0, 0, 1 },
	{ "create, rename, remove where writing is granted", 0, R | W, create_rename_remove, 0, 0,
	    1 },
	{ "make a directory", 0, R | W, make_directory, EACCES, 0, 1 },
	{ "make a symlink", 0, R | W, make_symlink, EACCES, 0, 1 },
	{ "make a fifo", 0, R | W, make_fifo, EACCES, 0, 1 },
	{ "move between directories", 0, R | W, move_to_subdir, EXDEV, 0, 1 },
	{ "execute where all else is granted", 0, R | W, run_program, EACCES, 0, 1 },
	{ "connect", STK_LANDLOCK_NET, R, connect_loopback, EACCES, ECONNREFUSED, 4 },
	{ "connect where the net is not denied", 0, R, connect_loopback, ECONNREFUSED, ECONNREFUSED,
	    4 },
	{ "bind", STK_LANDLOCK_NET, R, bind_loopback, EACCES, 0, 4 },
	{ "signal the parent", STK_LANDLOCK_SCOPES, R, signal_parent, EPERM, 0, 6 },
	{ "signal the parent without scopes", 0, R, signal_parent, 0, 0, 1 },
	{ "an abstract socket", STK_LANDLOCK_SCOPES, R, call_abstract, EPERM, 0, 6 },
	{ "an abstract socket without scopes", 0, R, call_abstract, 0, 0, 1 },
};

/* What one right gives the other does not; each act is undone outside of the cage. */
static void adding_and_removing_are_two_rights(void **state)
{
	struct scene add = { .caged = true, .rights = R | A, .act = add_file };
	struct scene gone = { .caged = true, .rights = R | D, .act = remove_file_and_folder };

	(void)state;
	assert_int_equal(mkdirat(tree, "folder", 0700), 0);
	add.rights = R | D;
	assert_int_equal(run(add), EACCES);
	add.rights = R | A;
	assert_int_equal(run(add), 0);
	if (stk_landlock_abi() >= 3) {
		add.act = truncate_inside;
		assert_int_equal(run(add), EACCES);
	}
	gone.rights = R | A;
	assert_int_equal(run(gone), EACCES);
	gone.rights = R | D;
	assert_int_equal(run(gone), 0);
}

static void every_act_is_granted_or_refused_as_told(void **state)
{
	int abi = stk_landlock_abi();

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(acts); i++) {
		struct scene s = { .caged = true,
			.deny = acts[i].deny,
			.rights = acts[i].rights,
			.act = acts[i].act };
		struct scene control = { .act = acts[i].act };

		if (abi < acts[i].since) {
			print_message("# %s: needs Landlock ABI %d\n", acts[i].what, acts[i].since);
			continue;
		}
		int got = run(s), free_got = run(control);

		if (got != acts[i].caged || free_got != acts[i].control)
			fail_msg("%s: caged %d, want %d; free %d, want %d", acts[i].what, got,
			    acts[i].caged, free_got, acts[i].control);
	}
}

/* Older kernels are stood in for by their numbers: rights a kernel knows must not be asked of one
 * that does not, and what an old ABI can refuse it still refuses. */
static void every_older_abi_refuses_what_it_can(void **state)
{
	(void)state;
	for (int abi = 1; abi <= stk_landlock_abi(); abi++) {
		struct scene s = { .caged = true,
			.abi = abi,
			.deny = STK_LANDLOCK_NET | STK_LANDLOCK_SCOPES,
			.rights = R | W,
			.act = read_outside };

		assert_int_equal(run(s), EACCES);
		s.act = create_rename_remove;
		assert_int_equal(run(s), 0);
		s.act = connect_loopback;
		assert_int_equal(run(s), abi >= 4 ? EACCES : ECONNREFUSED);
		s.act = signal_parent;
		assert_int_equal(run(s), abi >= 6 ? EPERM : 0);
	}
}

static int run_one_program(const void *arg)
{
	int fd, abi = stk_landlock_abi(), bin = open("/", O_PATH | O_DIRECTORY);

	(void)arg;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_landlock_create(abi, 0, &fd) != STK_OK)
		return 200;
	if (stk_landlock_add(fd, abi, bin, STK_LANDLOCK_READ | STK_LANDLOCK_EXEC) != STK_OK ||
	    stk_landlock_restrict(fd) != STK_OK)
		return 201;
	return run_program();
}

static int read_one_file(const void *arg)
{
	int fd, abi = stk_landlock_abi(), one = openat(tree, "given", O_PATH);

	(void)arg;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_landlock_create(abi, 0, &fd) != STK_OK)
		return 200;
	if (stk_landlock_add(fd, abi, one, R | W) != STK_OK || stk_landlock_restrict(fd) != STK_OK)
		return 201;
	if (read_inside() != 0 || write_inside() != 0)
		return 1;
	return list_inside() == EACCES ? 0 : 2;
}

static void exec_and_single_files_can_be_granted(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_one_program, NULL), 0);
	assert_int_equal(in_child(read_one_file, NULL), 0);
}

static void wrong_use_is_refused(void **state)
{
	int fd, abi = stk_landlock_abi();

	(void)state;
	assert_int_equal(stk_landlock_create(0, 0, &fd), STK_E_REFUSED);
	assert_int_equal(fd, -1);
	assert_int_equal(stk_landlock_create(-ENOSYS, 0, &fd), STK_E_REFUSED);
	assert_int_equal(stk_landlock_create(abi, 0, &fd), STK_OK);
	assert_int_equal(stk_landlock_add(fd, abi, tree, 0), STK_E_REFUSED);
	assert_int_equal(stk_landlock_add(fd, abi, tree, 1u << 7), STK_E_REFUSED);
	assert_int_equal(stk_landlock_add(fd, abi, -1, R), STK_E_SYSTEM);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(stk_landlock_restrict(-1), STK_E_SYSTEM);
}

/* Outside of every cage, with a name of the kernel's choice. */
static int listen_abstract(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	listener.sun_family = AF_UNIX;
	if (bind(s, (const struct sockaddr *)&listener, sizeof(listener.sun_family)) != 0 ||
	    listen(s, 64) != 0)
		return -1;
	return getsockname(s, (struct sockaddr *)&listener, &listener_len);
}

static int build_tree(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	tree = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

	int fd = openat(tree, "given", O_WRONLY | O_CREAT, 0600);

	if (fd == -1 || write(fd, "hello", 5) != 5 || close(fd) != 0)
		return -1;
	return mkdirat(tree, "sub", 0700) != 0 || symlinkat("/etc/passwd", tree, "link") != 0 ||
	       listen_abstract() != 0;
}

static int remove_tree(void **state)
{
	(void)state;
	(void)unlinkat(tree, "given", 0);
	(void)unlinkat(tree, "link", 0);
	(void)unlinkat(tree, "sub", AT_REMOVEDIR);
	return rmdir(top);
}

/*
 * A second opinion, from linux/landlock.h of 6.17 and the kernel's list of ABI changes: what each
 * ABI knows of files, what READ and WRITE come to in a directory, and on one file.
 */
static void the_rights_of_every_abi_are_the_kernels(void **state)
{
	static const struct {
		uint64_t handled, read, write, write_file;
	} abis[] = {
		{ 0, 0, 0, 0 }, { 0x1fff, 0x000c, 0x0122, 0x0002 },
		{ 0x3fff, 0x000c, 0x0122, 0x0002 }, /* refer */
		{ 0x7fff, 0x000c, 0x4122, 0x4002 }, /* truncate */
		{ 0x7fff, 0x000c, 0x4122, 0x4002 }, /* TCP */
		{ 0xffff, 0x000c, 0x4122, 0x4002 }, /* ioctl on devices */
		{ 0xffff, 0x000c, 0x4122, 0x4002 }, /* scopes */
		{ 0xffff, 0x000c, 0x4122, 0x4002 }, /* how denials are logged */
		{ 0xffff, 0x000c, 0x4122, 0x4002 }, /* one that we do not know yet */
	};

	(void)state;
	for (int abi = 0; abi < (int)STK_ARRAY_LEN(abis); abi++) {
		assert_int_equal(stk_landlock_handled(abi), abis[abi].handled);
		assert_int_equal(stk_landlock_allowed(abi, R, true), abis[abi].read);
		assert_int_equal(stk_landlock_allowed(abi, W, true), abis[abi].write);
		assert_int_equal(
		    stk_landlock_allowed(abi, R | W, true), abis[abi].read | abis[abi].write);
		assert_int_equal(stk_landlock_allowed(abi, W, false), abis[abi].write_file);
		/* the kernel refuses a rule with a right that its ruleset does not handle */
		assert_int_equal(
		    stk_landlock_allowed(abi, ~0u, true) & ~stk_landlock_handled(abi), 0);
		assert_int_equal(stk_landlock_allowed(abi, 0, true), 0);
	}
	assert_string_equal(stk_landlock_name(0), "execute");
	assert_string_equal(stk_landlock_name(2), "read_file");
	assert_string_equal(stk_landlock_name(13), "refer");
	assert_string_equal(stk_landlock_name(15), "ioctl_dev");
	assert_null(stk_landlock_name(16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_act_is_granted_or_refused_as_told),
		cmocka_unit_test(adding_and_removing_are_two_rights),
		cmocka_unit_test(every_older_abi_refuses_what_it_can),
		cmocka_unit_test(exec_and_single_files_can_be_granted),
		cmocka_unit_test(the_rights_of_every_abi_are_the_kernels),
		cmocka_unit_test(wrong_use_is_refused),
	};

	if (stk_landlock_abi() < 1) {
		printf("1..1\nok 1 - landlock # SKIP this kernel has no Landlock (errno %d)\n",
		    -stk_landlock_abi());
		return 0;
	}
	return cmocka_run_group_tests(tests, build_tree, remove_tree);
}
