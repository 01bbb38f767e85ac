/*
 * landlock.c - see landlock.h. The rights of every ABI are a table, so that "deny all" keeps
 * meaning all when a kernel knows more; numbers from linux/landlock.h of Linux 6.17.
 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's header. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define STK_FS_IOCTL_DEV (1ULL << 15)
#define STK_NET_TCP_ALL  (3ULL) /* bind, connect */
#define STK_SCOPE_ALL    (3ULL) /* abstract sockets, signals */
#define STK_FS_ABI1_ALL  ((1ULL << 13) - 1)
#define STK_FS_FILE_RIGHTS                                           \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | STK_FS_IOCTL_DEV)

/* struct landlock_ruleset_attr grew with the ABI; an old kernel takes the known prefix. */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* What ABI @since added to the rights over files. */
static const struct {
	int since;
	uint64_t fs;
} added[] = {
	{ 1, STK_FS_ABI1_ALL },
	{ 2, LANDLOCK_ACCESS_FS_REFER },
	{ 3, LANDLOCK_ACCESS_FS_TRUNCATE },
	{ 5, STK_FS_IOCTL_DEV },
};

/* What each right of ours means; clipped to what the ABI and the kind of object know. */
static const struct {
	uint32_t right;
	uint64_t fs;
} meaning[] = {
	{ STK_LANDLOCK_READ, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR },
	{ STK_LANDLOCK_WRITE, LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
				  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE },
	{ STK_LANDLOCK_EXEC, LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE },
};

/* In the kernel's order, from bit 0. */
static const char *const names[] = { "execute", "write_file", "read_file", "read_dir", "remove_dir",
	"remove_file", "make_char", "make_dir", "make_reg", "make_sock", "make_fifo", "make_block",
	"make_sym", "refer", "truncate", "ioctl_dev" };

const char *stk_landlock_name(unsigned bit)
{
	return bit < STK_ARRAY_LEN(names) ? names[bit] : NULL;
}

uint64_t stk_landlock_handled(int abi)
{
	uint64_t all = 0;

	for (size_t i = 0; i < STK_ARRAY_LEN(added); i++)
		if (abi >= added[i].since)
			all |= added[i].fs;
	return all;
}

uint64_t stk_landlock_allowed(int abi, uint32_t rights, bool directory)
{
	uint64_t fs = 0;

	for (size_t i = 0; i < STK_ARRAY_LEN(meaning); i++)
		if ((rights & meaning[i].right) != 0)
			fs |= meaning[i].fs;
	return fs & stk_landlock_handled(abi) & (directory ? UINT64_MAX : STK_FS_FILE_RIGHTS);
}

int stk_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

enum stk_err stk_landlock_create(int abi, uint32_t deny, int *out_fd)
{
	struct ruleset_attr attr = { .fs = stk_landlock_handled(abi) };
	size_t size = abi >= 6 ? sizeof(attr) : abi >= 4 ? 16 : 8;

	*out_fd = -1;
	if (abi < 1)
		return STK_E_REFUSED;
	if ((deny & STK_LANDLOCK_NET) != 0 && abi >= 4)
		attr.net = STK_NET_TCP_ALL;
	if ((deny & STK_LANDLOCK_SCOPES) != 0 && abi >= 6)
		attr.scoped = STK_SCOPE_ALL;

	long fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);

	if (fd < 0)
		return STK_E_SYSTEM;
	*out_fd = (int)fd;
	return STK_OK;
}

enum stk_err stk_landlock_add(int ruleset_fd, int abi, int tree_fd, uint32_t rights)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = tree_fd };
	uint32_t known = 0;
	struct stat st;

	for (size_t i = 0; i < STK_ARRAY_LEN(meaning); i++)
		known |= meaning[i].right;
	if (rights == 0 || (rights & ~known) != 0)
		return STK_E_REFUSED;
	if (fstat(tree_fd, &st) != 0)
		return STK_E_SYSTEM;
	rule.allowed_access = stk_landlock_allowed(abi, rights, S_ISDIR(st.st_mode));
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		return STK_E_SYSTEM;
	return STK_OK;
}

enum stk_err stk_landlock_restrict(int ruleset_fd)
{
	return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == 0 ? STK_OK : STK_E_SYSTEM;
}
