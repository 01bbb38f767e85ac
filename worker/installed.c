/*
 * installed.c - where the cage program lies that was installed, or built, with this program. Called
 * by the configuration when nobody names one; trusts the kernel's word on where this program lies.
 * Whether that file may be believed is privilege.c's question, as for any other.
 */
#include "worker/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIN   "/bin/stockade"
#define CAGE  "/libexec/stockade/cage"
#define BUILT "/stockade-cage" /* as make names it, in the folder of both */

bool stk_config_cage_beside(const char *program, char *out, size_t size)
{
	size_t len = strlen(program), bin = strlen(BIN);
	int n;

	if (len < bin || strcmp(program + len - bin, BIN) != 0)
		return false;
	n = snprintf(out, size, "%.*s" CAGE, (int)(len - bin), program);
	return n > 0 && (size_t)n < size;
}

/* In a folder where anybody may add files (/tmp) that of another user is not believed. */
bool stk_config_cage_built(const char *program, char *out, size_t size)
{
	const char *slash = strrchr(program, '/');
	struct stat own, st;
	int n;

	if (slash == NULL)
		return false;
	n = snprintf(out, size, "%.*s" BUILT, (int)(slash - program), program);
	return n > 0 && (size_t)n < size && stat(program, &own) == 0 && stat(out, &st) == 0 &&
	       (st.st_uid == own.st_uid || st.st_uid == 0);
}

void stk_config_cage_default(char out[static STK_CAGE_PATH_MAX])
{
	char program[STK_CAGE_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n > 0 ? n : 0] = '\0';
	if (!stk_config_cage_beside(program, out, STK_CAGE_PATH_MAX) &&
	    !stk_config_cage_built(program, out, STK_CAGE_PATH_MAX))
		(void)snprintf(out, STK_CAGE_PATH_MAX, "%s", STK_CAGE_PATH);
}
