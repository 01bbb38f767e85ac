/*
 * group_own.c - the control group this process is in, as a path. Trusts /proc; whether the group is
 * ours to use is group.c's question.
 */
#include "sandbox/group.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Octal escapes of mountinfo are left alone: no such path is ours. */
static bool find_mount(char mount[1024], char root[1024])
{
	char line[4096];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		const char *type = strstr(line, " - ");

		found = type != NULL && strncmp(type, " - cgroup2 ", 11) == 0 &&
			sscanf(line, "%*d %*d %*s %1023s %1023s ", root, mount) == 2;
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

bool stk_group_own(char path[static STK_GROUP_PATH])
{
	STK_AUTO_CLOSE int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char text[4096], mount[1024], root[1024], *at;
	size_t skip;
	ssize_t n;

	n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (n < 0 || !find_mount(mount, root))
		return false;
	/* version 1's lines have a controller between the colons */
	at = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	if (at == NULL || (at = strchr(at, '/')) == NULL)
		return false;
	at[strcspn(at, "\n")] = '\0';
	/* a bind mount shows a part of the tree alone */
	skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(at, root, skip) != 0 || (at[skip] != '/' && at[skip] != '\0'))
		return false;
	(void)snprintf(path, STK_GROUP_PATH, "%s%s", mount, at + skip);
	return true;
}
