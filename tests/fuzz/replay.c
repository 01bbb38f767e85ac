/*
 * replay.c - runs a fuzz target over seed files, so that `make check` replays what fuzzing found
 * without needing a fuzzer. Prints one TAP line for the target.
 */
#include "sandbox/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes;
	size_t len;

	if (fd == -1 || stk_read_all(fd, 16u << 20, &bytes, &len) != STK_OK)
		return -1;
	/* every prefix too: truncation is the cheapest mutation */
	for (size_t cut = len > 512 ? len - 512 : 0; cut <= len; cut++) {
		uint8_t *exact = malloc(cut == 0 ? 1 : cut);

		if (exact == NULL)
			break;
		memcpy(exact, bytes, cut);
		(void)LLVMFuzzerTestOneInput(exact, cut);
		free(exact);
	}
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *e;

		while (dir != NULL && (e = readdir(dir)) != NULL) {
			char path[4096];

			(void)snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
			if (e->d_name[0] != '.' && replay_file(path) == 0)
				files++;
		}
		if (dir != NULL)
			(void)closedir(dir);
	}
	if (files == 0) {
		printf("not ok - %s: no seeds\n", argv[0]);
		return 1;
	}
	printf("ok - %s replays %d seeds and their prefixes\n", argv[0], files);
	return 0;
}
