/*
 * work.c - a program for any C library that puts itself behind the filters of a file
 * (tests/tools/bpf.c) and then works as handlers do: memory, text, time, and with the words
 * "threads", "cancel", "read DIR" and "write DIR" that too, or "abort" and "abort-there". Ends with
 * 0, with the number of the work that failed, or by the filter.
 *
 * It shares no code with stockade: musl's headers know nothing of Linux's own.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
struct program {
	unsigned short len;
	struct insn *insns;
};

static int install(struct insn *insns, uint32_t len)
{
	struct program p = { (unsigned short)len, insns };

	return (int)syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &p);
}

static int shut(const char *path)
{
	static uint32_t head[3], at[8];
	static struct insn big[4096], tiny[4096];
	FILE *f = fopen(path, "r");

	if (f == NULL || fread(head, sizeof(head[0]), 3, f) != 3 || head[0] > 4096 ||
	    head[1] > 4096 || head[2] > 8 || fread(at, sizeof(at[0]), head[2], f) != head[2] ||
	    fread(big, sizeof(big[0]), head[0], f) != head[0] ||
	    fread(tiny, sizeof(tiny[0]), head[1], f) != head[1])
		return -1;
	fclose(f);
	for (uint32_t i = 0; i < head[2]; i++)
		tiny[at[i]].k = (uint32_t)getpid();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || install(big, head[0]) != 0)
		return -1;
	return install(tiny, head[1]);
}

static int by_value(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int memory(void)
{
	char *p[64];
	int *numbers = malloc(100000 * sizeof(*numbers));

	if (numbers == NULL)
		return -1;
	for (int i = 0; i < 64; i++) {
		p[i] = malloc((size_t)64 << (i % 16));
		if (p[i] == NULL)
			return -1;
		memset(p[i], i, (size_t)64 << (i % 16));
	}
	for (int i = 0; i < 64; i += 2)
		p[i] = realloc(p[i], 3u << 20);
	for (int i = 0; i < 64; i++)
		free(p[i]);
	for (int i = 0; i < 100000; i++)
		numbers[i] = (i * 7919) % 100003;
	qsort(numbers, 100000, sizeof(*numbers), by_value);

	int good = numbers[0] <= numbers[99999];

	free(numbers);
	return good ? 0 : -1;
}

static int text(void)
{
	char line[128];

	return snprintf(line, sizeof(line), "%d %.3f %s", 42, 3.14159, "words") == 14 &&
		       printf("%s\n", line) == 15 && fflush(stdout) == 0 && fputs("", stderr) >= 0
		   ? 0
		   : -1;
}

static int clocks(void)
{
	struct timespec pause = { 0, 1000000 }, now;
	time_t t = time(NULL);
	struct tm tm;
	char out[64];

	return nanosleep(&pause, NULL) == 0 && clock_gettime(CLOCK_MONOTONIC, &now) == 0 &&
		       clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0 &&
		       localtime_r(&t, &tm) != NULL && strftime(out, sizeof(out), "%c %Z", &tm) > 0
		   ? 0
		   : -1;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static long at;

static void *take_turn(void *arg)
{
	long mine = (long)(intptr_t)arg;
	void *heap = malloc(1u << 18);

	pthread_mutex_lock(&lock);
	while (at != mine)
		pthread_cond_wait(&turn, &lock);
	at++;
	pthread_cond_broadcast(&turn);
	pthread_mutex_unlock(&lock);
	free(heap);
	return arg;
}

static void *leave(void *arg)
{
	pthread_exit(arg);
}

static int threads(void)
{
	pthread_t t[4], alone;
	pthread_attr_t detached;
	void *said;

	for (intptr_t i = 0; i < 4; i++)
		if (pthread_create(&t[i], NULL, take_turn, (void *)i) != 0)
			return -1;
	for (intptr_t i = 0; i < 4; i++)
		if (pthread_join(t[i], &said) != 0 || (intptr_t)said != i)
			return -1;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&alone, &detached, leave, NULL) != 0)
		return -1;
	usleep(20000);
	return 0;
}

static void *for_ever(void *arg)
{
	for (;;)
		sleep(1000);
	return arg;
}

static void *give_up(void *arg)
{
	abort();
	return arg;
}

/* Another thread is told to end, or ends all of it. */
static int cancel(void)
{
	void *said = NULL;
	pthread_t t;

	return pthread_create(&t, NULL, for_ever, NULL) == 0 && pthread_cancel(t) == 0 &&
		       pthread_join(t, &said) == 0 && said == PTHREAD_CANCELED
		   ? 0
		   : -1;
}

static int abort_there(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, give_up, NULL) == 0 ? pthread_join(t, NULL) : -1;
}

static int read_dir(const char *dir)
{
	char path[256], line[64];
	struct stat st;
	DIR *d = opendir(dir);
	FILE *f;

	snprintf(path, sizeof(path), "%s/in", dir);
	if (d == NULL || readdir(d) == NULL || closedir(d) != 0 || stat(path, &st) != 0)
		return -1;
	f = fopen(path, "r");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL || fseek(f, 0, SEEK_SET) != 0)
		return -1;
	return fclose(f);
}

static int write_dir(const char *dir)
{
	char from[256], to[256];
	FILE *f;

	snprintf(from, sizeof(from), "%s/new", dir);
	snprintf(to, sizeof(to), "%s/out", dir);
	f = fopen(from, "w");
	if (f == NULL || fprintf(f, "%d\n", 7) != 2 || fflush(f) != 0 || fsync(fileno(f)) != 0 ||
	    fclose(f) != 0)
		return -1;
	return rename(from, to) == 0 && access(to, F_OK) == 0 ? unlink(to) : -1;
}

int main(int argc, char **argv)
{
	tzset();
	if (argc < 2 || shut(argv[1]) != 0)
		return 99;
	if (memory() != 0)
		return 1;
	if (text() != 0)
		return 2;
	if (clocks() != 0)
		return 3;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "threads") == 0 && threads() != 0)
			return 4;
		if (strcmp(argv[i], "read") == 0 && i + 1 < argc && read_dir(argv[i + 1]) != 0)
			return 5;
		if (strcmp(argv[i], "write") == 0 && i + 1 < argc && write_dir(argv[i + 1]) != 0)
			return 6;
		if (strcmp(argv[i], "cancel") == 0 && cancel() != 0)
			return 7;
		if (strcmp(argv[i], "abort") == 0)
			abort();
		if (strcmp(argv[i], "abort-there") == 0 && abort_there() != 0)
			return 8;
		if (strcmp(argv[i], "break") == 0)
			(void)!symlink("/", "/tmp/stockade-never");
	}
	return 0;
}
