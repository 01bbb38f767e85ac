/*
 * fuzz.h - fuzzing a handler behind its schema (fuzz.c), with or without libFuzzer. Not installed.
 */
#ifndef JOBS_TEST_FUZZ_H
#define JOBS_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's names. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stockade_fuzz_count {
	uint64_t inputs, fitting;
};
struct stockade_fuzz_count stockade_fuzz_counted(void);
/* Removes the files of a directory. */
void stockade_fuzz_empty(int dir);

#endif
