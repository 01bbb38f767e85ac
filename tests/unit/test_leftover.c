/*
 * test_leftover.c - after a login nothing of the Redis password is left in the worker's memory: not
 * in a buffer of ours, not in one of hiredis, not on the stack. The whole of it is searched.
 */
#include "tests/harness.h"
#include "tests/lib/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORD_LEN 24u
#define MASK     0x5a

static struct test_redis server;
static uint8_t masked[WORD_LEN]; /* this process never has the word itself but for the login */

/* Only in a child: the word in the clear. */
static void unmask(char out[WORD_LEN + 1])
{
	for (size_t i = 0; i < WORD_LEN; i++)
		out[i] = (char)(masked[i] ^ MASK);
	out[WORD_LEN] = '\0';
}

static void in_a_child(void (*act)(int fd), int fd)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		act(fd);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void set_password(int fd)
{
	char word[WORD_LEN + 1], command[128];
	struct stk_redis *link = test_redis_link(&server);

	(void)fd;
	unmask(word);
	(void)snprintf(command, sizeof(command), "CONFIG SET requirepass %s", word);
	if (link == NULL || !test_redis_says(link, command, "OK"))
		_exit(1);
}

static void write_word(int fd)
{
	char word[WORD_LEN + 1];

	unmask(word);
	if (stk_write_all(fd, word, WORD_LEN) != STK_OK)
		_exit(1);
}

static int up(void **state)
{
	(void)state;
	for (size_t i = 0; i < WORD_LEN; i++) {
		assert_int_equal(getrandom(&masked[i], 1, 0), 1);
		masked[i] = (uint8_t)(('a' + masked[i] % 26) ^ MASK);
	}
	assert_true(test_redis_start(&server, NULL));
	in_a_child(set_password, -1);
	return 0;
}

static int down(void **state)
{
	(void)state;
	test_redis_stop(&server);
	return 0;
}

static size_t count_in(const uint8_t *p, size_t len)
{
	size_t found = 0;

	for (size_t i = 0; i + WORD_LEN <= len; i++) {
		size_t k = 0;

		while (k < WORD_LEN && (p[i + k] ^ MASK) == masked[k])
			k++;
		found += k == WORD_LEN;
	}
	return found;
}

/* Every readable byte of this process. */
static size_t count_everywhere(void)
{
	static uint8_t page[65536 + WORD_LEN];
	char line[512];
	size_t found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	assert_true(maps != NULL && mem != -1);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r')
			continue;
		for (unsigned long at = from; at < to; at += 65536) {
			/* what is read here would be found a second time */
			bool own = at + sizeof(page) > (uintptr_t)page &&
				   at < (uintptr_t)page + sizeof(page);
			ssize_t n = own ? 0 : pread(mem, page, sizeof(page), (off_t)at);

			found += n > 0 ? count_in(page, (size_t)n) : 0;
			memset(page, 0, sizeof(page));
		}
	}
	(void)fclose(maps);
	(void)close(mem);
	return found;
}

static void log_in(int password_fd, enum stk_err want)
{
	struct stk_redis_url url;
	char text[160], why[STK_REDIS_WHY_BYTES];
	struct stk_redis_config c = { .url = &url, .password_fd = password_fd };
	struct stk_redis *r;

	(void)snprintf(text, sizeof(text), "unix://%s", server.socket_path);
	assert_int_equal(stk_redis_url_parse(text, &url, why, sizeof(why)), STK_OK);
	assert_int_equal(stk_redis_new(&c, &r), STK_OK);
	assert_int_equal(stk_redis_connect(r), STK_OK);
	assert_int_equal(test_redis_says(r, "PING", "PONG") ? STK_OK : STK_E_REFUSED, want);
	assert_int_equal(count_everywhere(), 0);
	stk_redis_free(r);
	stk_redis_url_clear(&url);
}

static void the_search_is_not_blind(void **state)
{
	char *heap = malloc(WORD_LEN + 1);

	(void)state;
	assert_int_equal(count_everywhere(), 0);
	unmask(heap);
	assert_true(count_everywhere() > 0);
	explicit_bzero(heap, WORD_LEN + 1);
	free(heap);
	assert_int_equal(count_everywhere(), 0);
}

static void a_login_leaves_nothing_behind(void **state)
{
	int fd = memfd_create("password", MFD_CLOEXEC);

	(void)state;
	assert_true(fd != -1);
	in_a_child(write_word, fd);
	log_in(-1, STK_E_REFUSED); /* the server does ask for it */
	log_in(fd, STK_OK);
	log_in(fd, STK_OK);
	assert_int_equal(count_everywhere(), 0);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_is_not_blind),
		cmocka_unit_test(a_login_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, up, down);
}
