/*
 * mutations.h - genuine jobs, and what somebody without their keys could make of them.
 *
 * A draft is a genuine job taken apart: what its strings say once decoded, where and when it is
 * popped. A mutation changes it in one way and says by what it did, never by asking the verifier,
 * whether the result still says the same in the same bytes. Everything that does not must be
 * refused; what does (another spelling of the outer JSON) must be admitted under the same job id.
 */
#ifndef TESTS_MUTATIONS_H
#define TESTS_MUTATIONS_H

#include "worker/admit.h"

#define NOW_S    1800000000
#define TEXT_MAX 8192

struct text {
	char b[TEXT_MAX];
	size_t n;
};

/* Whose keys: the worker's ring knows all but GONE and STRANGER. */
enum signer {
	WEB,      /* web's: Ed25519; grants images and low, classes Resize and Ghost */
	RETIRING, /* web's older one: jobs issued before NOW_S - 5000 */
	HMAC,     /* web's: HMAC-SHA256 */
	OTHER,    /* other's: Ed25519; grants mail, class Send */
	REVOKED,  /* web's, revoked */
	GONE,     /* was web's; not in the ring any more */
	STRANGER, /* an attacker's own */
	SIGNERS
};
extern const char *const kids[SIGNERS];

struct draft {
	struct text cls, header, body, sig; /* decoded */
	struct text queue;
	int64_t now_s;
	enum signer by;
	struct text out; /* what is pushed; empty: the four strings, spelled as short as can be */
	bool same;       /* it still says the same, in the same signed bytes */
	uint8_t id[STK_JOB_ID_LEN]; /* of the genuine job */
};

/* --- forge.c --- */
uint64_t roll(uint64_t sides); /* 0 .. sides - 1 */
void roll_seed(uint64_t seed);
/* The ring; NULL if something is amiss. Also asserts that no small-order key enters one. */
struct stk_keyring *forge_ring(void);
const struct stk_class_table *forge_classes(void);
/* A genuine job, admitted as it stands. */
void forge_genuine(struct draft *d);
/* Signs what @d says now with @who's key, its algorithm and the right domain. */
void forge_sign(struct draft *d, enum signer who);
/* Signs any bytes, into d->sig. */
void forge_sign_bytes(struct draft *d, enum signer who, const char *p, size_t n);
/* HMAC-SHA256 of what @d says, under 32 bytes of anybody's choice. */
void forge_hmac(struct draft *d, const uint8_t key[static STK_KEY_LEN]);
const uint8_t *forge_public(enum signer who);
/* @how: 0 as short as can be, else that odd spellings are thrown in. */
void forge_spell(struct draft *d, bool odd);

void text_set(struct text *t, const char *s);
void text_add(struct text *t, const char *p, size_t n);
__attribute__((format(printf, 2, 3))) void text_print(struct text *t, const char *format, ...);
/* The value of a header's field, "exp"; NULL if it has none. @n: its length. */
char *field(struct text *header, const char *name, size_t *n);
/* Puts @value there instead. */
void field_set(struct text *header, const char *name, const char *value);

/* --- change.c --- */
struct mutation {
	const char *family, *name;
	/* false: not applicable to this job, which is then no case */
	bool (*act)(struct draft *d);
};
extern const struct mutation mutations[];
extern const size_t n_mutations;

/* --- off.c, or on.c which can switch off nothing --- */
/* Switches one check of the verifier off; false: there is none of that name. NULL: all are on. */
bool check_off(const char *name);
const char *check_name(size_t i); /* NULL behind the last */

#endif
