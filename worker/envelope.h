/*
 * envelope.h - STK1: the header line's grammar, the rule for the body, the signed message and the
 * job id (PROTOCOL.md, STK1). Called by admit on untrusted text, and by the signer on its own.
 */
#ifndef WORKER_ENVELOPE_H
#define WORKER_ENVELOPE_H

#include "worker/payload.h"

#define STK_HEADER_MAX 1024
#define STK_KID_MAX    64
#define STK_AUD_MAX    64
#define STK_REF_MAX    64
#define STK_QUEUES_MAX 8
#define STK_RUNS_MAX   100
#define STK_JTI_MIN    16
#define STK_JTI_MAX    64
#define STK_JOB_ID_LEN 16
#define STK_DOMAIN     "stockade-job-v1\n" /* M = domain H LF B */

/* A header line taken apart; every span is borrowed from it. */
struct stk_envelope {
	struct stk_span kid, aud, cls, jti, ref;
	struct stk_span queues[STK_QUEUES_MAX];
	size_t n_queues;
	int64_t iat_s, nbf_s, exp_s;
	uint32_t runs;
};

/*
 * STK_V_ACCEPT; STK_V_E_UNSIGNED for text that is no stk line at all, STK_V_E_VERSION for stk<n>
 * other than stk1, STK_V_E_HEADER for anything outside the grammar. One content has one encoding.
 */
STK_CHECK enum stk_verdict stk_envelope_parse(struct stk_span header, struct stk_envelope *out);

/* 2..@max bytes, first `[`, last `]`, no byte below 0x20. Whether it is JSON is asked in the cage.
 */
bool stk_envelope_body_ok(struct stk_span body, size_t max);

bool stk_envelope_names_queue(const struct stk_envelope *e, struct stk_span queue);

/* Field rules, for a signer that wants to name the wrong option before it signs. */
bool stk_envelope_kid_ok(struct stk_span s);
bool stk_envelope_aud_ok(struct stk_span s);
bool stk_envelope_queue_ok(struct stk_span s);
bool stk_envelope_class_ok(struct stk_span s);
bool stk_envelope_ref_ok(struct stk_span s);

/* The signed bytes M, with H and B as spans into them. Owned: stk_message_clear(). */
struct stk_message {
	uint8_t *bytes;
	size_t len;
	struct stk_span header, body;
};

/*
 * Decodes the texts of @p into one buffer of at most STK_HEADER_MAX + @max_body and a few bytes.
 * STK_V_E_UNSIGNED, E_VERSION or E_HEADER come from @out_env's parsing, STK_V_E_BODY from the rule
 * above. *@nomem is set, and STK_V_E_BODY returned, if the allocation was refused.
 */
STK_CHECK enum stk_verdict stk_message_decode(const struct stk_payload *p, size_t max_body,
    struct stk_message *out, struct stk_envelope *out_env, bool *nomem);
/* The same from plain parts, for the signer: STK_OK, STK_E_TOOBIG or STK_E_NOMEM. */
STK_CHECK enum stk_err stk_message_make(
    struct stk_span header, struct stk_span body, struct stk_message *out);
void stk_message_clear(struct stk_message *m);
/* First 16 bytes of SHA-256(M). */
void stk_message_job_id(const struct stk_message *m, uint8_t out[static STK_JOB_ID_LEN]);

#endif
