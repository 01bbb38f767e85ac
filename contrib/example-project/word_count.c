/*
 * word_count.c - Acme::WordCount: lines and words of one granted file. What is in the file is
 * nobody's word but its own: it is counted, never believed.
 */
#include <stockade/job.h>

#include "word_count.args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct counts {
	uint64_t lines, words;
	int in_word;
};

static void count(struct counts *c, const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int blank = strchr(" \t\r\n", at[i]) != NULL && at[i] != '\0';

		c->lines += at[i] == '\n';
		c->words += !blank && !c->in_word;
		c->in_word = !blank;
	}
}

struct stockade_result word_count(struct stockade_job *job, const struct word_count_args *args)
{
	static char block[65536];
	struct counts c = { 0 };
	char json[96];
	ssize_t n;
	int fd = stockade_open(job, "inputs", args->file);

	if (fd == -1)
		return stockade_fail(job, 1, "cannot open %s: %s", args->file, strerror(errno));
	while ((n = read(fd, block, sizeof(block))) > 0)
		count(&c, block, (size_t)n);
	if (n == -1)
		return stockade_fail(job, 2, "cannot read %s: %s", args->file, strerror(errno));
	(void)snprintf(
	    json, sizeof(json), "{\"lines\":%" PRIu64 ",\"words\":%" PRIu64 "}", c.lines, c.words);
	return stockade_result_json(job, json) == 0 ? STOCKADE_DONE
						    : stockade_fail(job, 3, "no room");
}
