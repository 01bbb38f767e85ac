/*
 * bpf.c - build/test/stockade-bpf SUM FILE: writes the two filters of one sum of profiles as plain
 * data, for a program that is linked with another C library than ours: three uint32 (instructions
 * of the big filter, of the tiny one, how many of the latter take the own pid), the numbers of
 * those, then the instructions of both.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t bit;
} profiles[] = {
	{ "pure", STK_PROFILE_PURE },
	{ "threads", STK_PROFILE_THREADS },
	{ "read", STK_PROFILE_FILES_READ },
	{ "write", STK_PROFILE_FILES_WRITE },
};

/* "read+threads" */
static bool sum_of(char *text, uint32_t *sum)
{
	*sum = 0;
	for (char *word = strtok(text, "+"); word != NULL; word = strtok(NULL, "+")) {
		size_t i = 0;

		while (i < STK_ARRAY_LEN(profiles) && strcmp(profiles[i].name, word) != 0)
			i++;
		if (i == STK_ARRAY_LEN(profiles))
			return false;
		*sum |= profiles[i].bit;
	}
	return true;
}

static bool put(FILE *f, const struct stk_bpf *big, const struct stk_bpf *tiny)
{
	uint32_t head[3 + STK_BPF_PIDS_MAX] = { big->len, tiny->len, tiny->n_pids };

	for (size_t i = 0; i < tiny->n_pids; i++)
		head[3 + i] = tiny->pid_at[i];
	return fwrite(head, sizeof(head[0]), 3u + tiny->n_pids, f) == 3u + tiny->n_pids &&
	       fwrite(big->insns, sizeof(*big->insns), big->len, f) == big->len &&
	       fwrite(tiny->insns, sizeof(*tiny->insns), tiny->len, f) == tiny->len;
}

int main(int argc, char **argv)
{
	struct stk_bpf big = { 0 }, tiny = { 0 };
	uint32_t sum;
	FILE *f;
	bool good;

	if (argc != 3 || !sum_of(argv[1], &sum)) {
		(void)fprintf(stderr, "usage: stockade-bpf pure|threads|read|write[+...] FILE\n");
		return 64;
	}
	if (stk_filter_big_build(sum, &big) != STK_OK ||
	    stk_filter_tiny_build(sum, &tiny) != STK_OK)
		return 70;
	f = fopen(argv[2], "we");
	good = f != NULL && put(f, &big, &tiny);
	if (f != NULL && fclose(f) != 0)
		good = false;
	stk_bpf_clear(&big);
	stk_bpf_clear(&tiny);
	return good ? 0 : 71;
}
