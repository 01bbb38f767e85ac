/*
 * clock.c - sets the clock of what was, or will be, started with this file (tests/lib/clock.h).
 *   stockade-clock FILE VALUE     0: right; below 2^40 ms off; else ms since the epoch, standing
 * still
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
	int64_t value = fd != -1 ? strtoimax(argv[2], NULL, 10) : 0;

	if (fd == -1 || pwrite(fd, &value, sizeof(value), 0) != sizeof(value)) {
		perror(argc == 3 ? argv[1] : "usage: stockade-clock FILE VALUE");
		return 1;
	}
	return close(fd);
}
