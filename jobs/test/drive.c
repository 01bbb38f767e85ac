/*
 * drive.c - a fuzz target's main where there is no libFuzzer: random inputs, or the files named.
 *	-runs=N -seed=N -max_total_time=SECONDS   as libFuzzer spells them
 *	-artifact_prefix=DIR/                      the input in hand lies in DIR/current meanwhile
 * Exit status 0: nothing was found. A finding ends the process by itself.
 */
#include "jobs/test/fuzz.h"

#include "sandbox/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX 2048u

static struct {
	uint64_t runs, seed;
	int64_t seconds;
	char current[512];
} o = { .runs = UINT64_MAX, .seed = 1 };

static uint64_t draw(void)
{
	o.seed ^= o.seed << 13;
	o.seed ^= o.seed >> 7;
	o.seed ^= o.seed << 17;
	return o.seed;
}

/* Short ones often: each choice beyond the end is the first one. */
static size_t fill(uint8_t *p)
{
	size_t n = draw() % (draw() % 4 == 0 ? INPUT_MAX : 96);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(draw() >> 32);
	return n;
}

static int keep(const uint8_t *p, size_t n)
{
	STK_AUTO_CLOSE int fd = open(o.current, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd == -1 || stk_write_all(fd, p, n) != STK_OK ? -1 : 0;
}

static int run_file(const char *path)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	STK_AUTO_FREE uint8_t *bytes = NULL;
	size_t len;

	if (fd == -1 || stk_read_all(fd, 16u << 20, &bytes, &len) != STK_OK) {
		(void)dprintf(2, "stockade: cannot read %s: %s\n", path, strerror(errno));
		return 66;
	}
	(void)LLVMFuzzerTestOneInput(bytes, len);
	return 0;
}

static int run_random(void)
{
	int64_t until = stk_monotonic_ms() + o.seconds * 1000;
	uint8_t bytes[INPUT_MAX];

	for (uint64_t i = 0; i < o.runs; i++) {
		size_t n = fill(bytes);
		uint8_t *exact = malloc(n == 0 ? 1 : n);

		if (exact == NULL || (o.current[0] != '\0' && keep(bytes, n) == -1)) {
			free(exact);
			return 71;
		}
		/* so that a sanitizer sees its end */
		memcpy(exact, bytes, n);
		(void)LLVMFuzzerTestOneInput(exact, n);
		free(exact);
		if (o.seconds > 0 && i % 16 == 0 && stk_monotonic_ms() >= until)
			break;
	}
	if (o.current[0] != '\0')
		(void)unlink(o.current);
	return 0;
}

static int take(const char *arg)
{
	if (strncmp(arg, "-runs=", 6) == 0)
		o.runs = strtoull(arg + 6, NULL, 10);
	else if (strncmp(arg, "-seed=", 6) == 0)
		o.seed = strtoull(arg + 6, NULL, 10) | 1;
	else if (strncmp(arg, "-max_total_time=", 16) == 0)
		o.seconds = (int64_t)strtoul(arg + 16, NULL, 10);
	else if (strncmp(arg, "-artifact_prefix=", 17) == 0)
		(void)snprintf(o.current, sizeof(o.current), "%scurrent", arg + 17);
	else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0, code = 0;

	(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc && code == 0; i++) {
		if (argv[i][0] == '-' && take(argv[i]) == 0)
			continue;
		files++;
		code = run_file(argv[i]);
	}
	if (files == 0 && o.seconds == 0 && o.runs == UINT64_MAX)
		o.runs = 10000;
	return files > 0 ? code : run_random();
}
