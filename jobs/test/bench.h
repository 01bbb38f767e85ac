/*
 * bench.h - what the files of libstockade-test.a share. Not installed.
 */
#ifndef JOBS_TEST_BENCH_H
#define JOBS_TEST_BENCH_H

#include "jobs/job_test.h"
#include "sandbox/cage.h"
#include "sandbox/program.h"
#include "sandbox/work.h"

struct stockade_test_value {
	char name[STK_LABEL_MAX];
	char *value; /* owned */
};

struct stockade_test {
	char *program;         /* owned */
	struct stk_cage *cage; /* owned */
	struct stk_class_table table;
	char *paths[STK_LABELS_MAX]; /* owned; NULL: nothing said yet */
	bool made[STK_LABELS_MAX];   /* paths[i] is ours to remove */
	int dir_fds[STK_LABELS_MAX];
	struct stk_path_fds program_fds;
	bool equipped; /* a run was made: directories stand */
	char *work_base;
	struct stk_work *work;
	struct stk_net_terms net;
	struct stockade_test_value values[2 * STK_SECRETS_MAX * 4];
	size_t n_values;
	bool secret[2 * STK_SECRETS_MAX * 4]; /* of values[i] */
	bool outside;
	uint32_t attempt, wall_ms;
	uint8_t job_id[16];
	/* of the last run */
	struct stk_outcome out;
	struct stockade_test_end end;
	char pointer[256], rule[64], denied[64], log[16384], output[513];
	char *result; /* owned, NUL-terminated */
	size_t log_len;
};

/* A string of our own, or the test fails. */
char *stockade_test_copy(const char *s);
/* The handed block of @d into @block; its length. Fails the test by the missing label's name. */
size_t stockade_test_hand(
    struct stockade_test *t, const struct stk_class_desc *d, uint8_t block[STK_HANDED_MAX]);
/* Directories, programs, broker and work directory, once. */
void stockade_test_equip(struct stockade_test *t);
/* rm -r of a directory that we made. */
void stockade_test_remove(const char *path);

#endif
