/*
 * bpf_eval.c - see bpf_eval.h. Only what seccomp_check_filter() of the kernel accepts and our two
 * emitters use; anything else is an error, never a guess.
 */
#include "tests/lib/bpf_eval.h"

#include <string.h>

struct machine {
	uint32_t a;
	size_t pc;
};

static bool load(struct machine *m, const struct sock_filter *i, const struct seccomp_data *data)
{
	if (i->k > sizeof(*data) - 4 || i->k % 4 != 0)
		return false;
	memcpy(&m->a, (const uint8_t *)data + i->k, 4);
	return true;
}

static bool jump(struct machine *m, const struct sock_filter *i)
{
	bool taken;

	switch (i->code) {
	case BPF_JMP | BPF_JA: m->pc += i->k; return true;
	case BPF_JMP | BPF_JEQ | BPF_K: taken = m->a == i->k; break;
	case BPF_JMP | BPF_JGT | BPF_K: taken = m->a > i->k; break;
	case BPF_JMP | BPF_JGE | BPF_K: taken = m->a >= i->k; break;
	case BPF_JMP | BPF_JSET | BPF_K: taken = (m->a & i->k) != 0; break;
	default: return false;
	}
	m->pc += taken ? i->jt : i->jf;
	return true;
}

bool bpf_eval(
    const struct sock_filter *insns, size_t len, const struct seccomp_data *data, uint32_t *action)
{
	struct machine m = { 0 };

	while (m.pc < len) {
		const struct sock_filter *i = &insns[m.pc++];
		bool fine = true;

		if (i->code == (BPF_RET | BPF_K)) {
			*action = i->k;
			return true;
		}
		if (i->code == (BPF_LD | BPF_W | BPF_ABS))
			fine = load(&m, i, data);
		else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
			m.a &= i->k;
		else
			fine = jump(&m, i);
		if (!fine)
			return false;
	}
	return false;
}

uint32_t bpf_strictest(uint32_t a, uint32_t b)
{
	/* KILL_PROCESS is the lowest as a signed number: the kernel compares them so */
	int32_t x = (int32_t)(a & SECCOMP_RET_ACTION_FULL),
		y = (int32_t)(b & SECCOMP_RET_ACTION_FULL);

	return x <= y ? a : b;
}
