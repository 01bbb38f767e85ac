/*
 * bpf_eval.h - runs a seccomp program in user space, instruction by instruction as the kernel's
 * classic BPF would, so that tests can ask a filter about calls nobody dares to make.
 */
#ifndef TESTS_LIB_BPF_EVAL_H
#define TESTS_LIB_BPF_EVAL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The program's answer (SECCOMP_RET_*) into *@action. False if it is not a valid seccomp program on
 * this path: an unknown instruction, a load or jump outside, no return.
 */
bool bpf_eval(
    const struct sock_filter *insns, size_t len, const struct seccomp_data *data, uint32_t *action);

/* The answer that wins when two filters are stacked: seccomp(2), "precedence". */
uint32_t bpf_strictest(uint32_t a, uint32_t b);

#endif
