/*
 * main.c - N mutated payloads against the worker's own judgement (see mutations.h).
 *   mutations N [SEED]          none of them is admitted; other spellings of the same are, under
 * the same id mutations --off CHECK N     (mutations-off) the same with one check switched off: it
 * must be found mutations --checks          their names mutations --verify-us       what one
 * verification of a bad Ed25519 signature costs here
 */
#include "tests/mutations/mutations.h"

#include "worker/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct stk_keyring *ring;
static struct stk_gate gate;

struct tally {
	uint64_t cases, wrong, admitted; /* admitted: what must be refused */
};
static struct tally tallies[128];

/* What the verifier made of it is wrong. */
static bool is_wrong(const struct draft *d, const struct mutation *m, const struct stk_admission *a)
{
	if (d->same)
		return a->verdict != STK_V_ACCEPT || memcmp(a->job_id, d->id, STK_JOB_ID_LEN) != 0;
	if (a->verdict == STK_V_ACCEPT || a->ticket != NULL)
		return true;
	/* of these no signature fits any more, so nobody is believed to have made them */
	return (a->signature_valid || a->authenticated) &&
	       (strcmp(m->family, "header") == 0 || strcmp(m->family, "args") == 0 ||
		   strcmp(m->family, "signature") == 0 || strcmp(m->family, "forged") == 0);
}

static void one(const struct mutation *m, struct tally *t)
{
	static struct draft d;
	struct stk_parcel p = { 0 };
	struct stk_admission a = { 0 };

	forge_genuine(&d);
	d.out.n = 0;
	if (!m->act(&d))
		return;
	if (d.out.n == 0 && strcmp(m->name, "json_cut") != 0)
		forge_spell(&d, !d.same && roll(4) == 0);
	memcpy(p.queue, d.queue.b, d.queue.n < STK_QUEUE_MAX ? d.queue.n + 1 : 0);
	p.bytes = stk_span_of(d.out.b, d.out.n);
	(void)stk_admit(&gate, &p, d.now_s, &a);
	t->cases++;
	t->admitted += !d.same && a.verdict == STK_V_ACCEPT;
	if (is_wrong(&d, m, &a) && t->wrong++ == 0)
		printf("# %s/%s: %s: queue %s, now %" PRId64 ": %s\n", m->family, m->name,
		    stk_verdict_text(a.verdict), d.queue.b, d.now_s, d.out.b);
	stk_admission_clear(&a);
}

static uint64_t run(uint64_t n)
{
	uint64_t cases = 0, wrong = 0;

	memset(tallies, 0, sizeof(tallies));
	for (uint64_t i = 0; cases < n; i++) {
		size_t k = i % n_mutations;
		uint64_t before = tallies[k].cases;

		one(&mutations[k], &tallies[k]);
		cases += tallies[k].cases - before;
	}
	for (size_t k = 0; k < n_mutations; k++)
		wrong += tallies[k].wrong;
	return wrong;
}

static void print_families(void)
{
	for (size_t k = 0; k < n_mutations;) {
		const char *family = mutations[k].family;
		uint64_t cases = 0, kinds = 0;

		for (; k < n_mutations && strcmp(mutations[k].family, family) == 0; k++, kinds++)
			cases += tallies[k].cases;
		printf("# %-10s %3" PRIu64 " kinds %9" PRIu64 " payloads\n", family, kinds, cases);
	}
}

/* Every kind was tried and was judged rightly. */
static int all_on(uint64_t n)
{
	uint64_t wrong = run(n), untried = 0;

	print_families();
	for (size_t k = 0; k < n_mutations; k++)
		untried += tallies[k].cases == 0;
	printf("%s - each of %zu kinds was tried\n", untried == 0 ? "ok" : "not ok", n_mutations);
	printf("%s - %" PRIu64 " payloads: %" PRIu64 " judged wrongly\n",
	    wrong == 0 ? "ok" : "not ok", n, wrong);
	return wrong == 0 && untried == 0 ? 0 : 1;
}

/* The control: without this check the run above would fail. */
static int one_off(const char *name, uint64_t n)
{
	uint64_t admitted = 0;
	const char *first = NULL;

	if (!check_off(name)) {
		printf("not ok - there is no check %s to switch off\n", name);
		return 1;
	}
	(void)run(n);
	for (size_t k = 0; k < n_mutations; k++) {
		admitted += tallies[k].admitted;
		if (first == NULL && tallies[k].admitted > 0)
			first = mutations[k].name;
	}
	printf("%s - without the check %s %" PRIu64 " of %" PRIu64 " are admitted, first by %s\n",
	    admitted > 0 ? "ok" : "not ok", name, admitted, n, first != NULL ? first : "none");
	return admitted > 0 ? 0 : 1;
}

static void print_verify_us(void)
{
	static struct draft d;
	struct timespec from, to;
	const int rounds = 4000;
	uint8_t sig[STK_SIG_MAX], key[STK_KEY_LEN];
	int fits = 0;

	do
		forge_genuine(&d);
	while (d.by != WEB);
	if (!stk_b64url_decode(stk_span_of(d.sig.b, d.sig.n), sig, STK_SIG_MAX))
		abort();
	memcpy(key, forge_public(STRANGER), STK_KEY_LEN); /* making it is no part of verifying */
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < rounds; i++) {
		(void)snprintf(d.body.b, sizeof(d.body.b), "%0400d", i);
		fits += stk_seal_verify(STK_ALG_ED25519, key, stk_span_of(d.body.b, 400),
		    stk_span_of(sig, STK_SIG_MAX));
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	if (fits != 0)
		abort();
	printf("%.1f\n",
	    ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3 /
		rounds);
}

static uint64_t number(const char *s)
{
	return s == NULL ? 0 : strtoull(s, NULL, 10);
}

int main(int argc, char **argv)
{
	bool off = argc == 4 && strcmp(argv[1], "--off") == 0;

	if (argc == 2 && strcmp(argv[1], "--checks") == 0) {
		for (size_t i = 0; check_name(i) != NULL; i++)
			puts(check_name(i));
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--verify-us") == 0) {
		if (stk_seal_init() != STK_OK)
			return 71;
		print_verify_us();
		return 0;
	}
	if (number(off ? argv[3] : argv[argc > 1]) == 0)
		return 64;
	roll_seed(argc == 3 ? number(argv[2]) : 20270101);
	ring = forge_ring();
	gate = (struct stk_gate){ .ring = ring,
		.classes = forge_classes(),
		.max_payload_bytes = 131072,
		.max_body_bytes = 65536,
		.skew_s = 60 };
	return off ? one_off(argv[2], number(argv[3])) : all_on(number(argv[1]));
}
