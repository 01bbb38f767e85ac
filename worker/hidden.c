/*
 * hidden.c - see hidden.h. Both paths are resolved, so that no symlink hides one beneath the other.
 */
#include "worker/hidden.h"

#include "worker/cli/cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *stk_hidden_beneath(const struct stk_config *c, const char *secret)
{
	char secret_real[PATH_MAX], open_real[PATH_MAX];

	if (secret == NULL || realpath(secret, secret_real) == NULL)
		return NULL;
	for (size_t i = 0; i < c->directories.n + c->setup_read.n; i++) {
		bool dir = i < c->directories.n;
		const char *path =
		    dir ? c->directories.v[i].value : c->setup_read.v[i - c->directories.n];
		size_t n;

		if (realpath(path, open_real) == NULL)
			continue;
		n = strcmp(open_real, "/") == 0 ? 0 : strlen(open_real);
		if (strncmp(secret_real, open_real, n) == 0 &&
		    (secret_real[n] == '/' || secret_real[n] == '\0'))
			return path;
	}
	return NULL;
}

int stk_hidden_check(const struct stk_config *c, const char *secret)
{
	const char *path = stk_hidden_beneath(c, secret);

	return path == NULL
		   ? 0
		   : stk_complain(STK_EX_CONFIG,
			 "%s lies beneath %s, which jobs may read; move one of them", secret, path);
}
