/*
 * signing.h - what `sign` and `enqueue` share: flags and arguments in, a signed payload out.
 *
 * Everything is checked by the worker's own rules before the key is touched, so that a mistake is
 * named here and not by a worker at night.
 */
#ifndef WORKER_CLI_SIGNING_H
#define WORKER_CLI_SIGNING_H

#include "worker/cli/cli.h"
#include "worker/envelope.h"
#include "worker/seal.h"

/* A flag with a value that the caller adds to the shared ones ("redis"); *@value is set if given.
 */
struct stk_sign_flag {
	const char *name;
	const char **value; /* borrowed from argv */
};

struct stk_signed {
	char queue[65]; /* the first of --queue: where to push */
	char header[STK_HEADER_MAX + 1];
	char job_id[2 * STK_JOB_ID_LEN + 1]; /* hex */
	char *payload; /* owned; {"class":…,"args":[H,B,S]}, NUL-terminated */
	size_t payload_len;
};

/* The shared flags, for a usage text. */
#define STK_SIGN_USAGE                                         \
	"--key FILE --kid K --aud A --queue Q[,Q] --class C\n" \
	"    [--runs 5] [--ttl 7d] [--not-before EPOCH|TIME] [--ref R] ARGS|-"

/*
 * Parses argv (argv[0] is the subcommand), reads ARGS, signs. Returns 0 with *@out to be cleared by
 * the caller; an exit code after complaining; or -1 after --help was shown.
 */
STK_CHECK int stk_sign_options(const struct stk_command *cmd, const struct stk_sign_flag *more,
    size_t n_more, int argc, char **argv, struct stk_signed *out);
void stk_signed_clear(struct stk_signed *s);

/* What is to be signed. */
struct stk_sign_request {
	const char *kid, *aud, *queues, *cls, *ref;
	int64_t runs, iat_s, nbf_s, exp_s;
	struct stk_span args; /* JSON text of the array, as it will be signed */
};

/*
 * The header line of @r with a fresh jti, checked by the worker's grammar. False: *@why is a
 * sentence that names the flag to change (static).
 */
STK_CHECK bool stk_sign_header(
    const struct stk_sign_request *r, char out[static STK_HEADER_MAX + 1], const char **why);
/*
 * Signs out->header LF r->args and writes id and payload into @out. 0, or an exit code after
 * complaining.
 */
STK_CHECK int stk_sign_seal(enum stk_alg alg, const uint8_t secret[static STK_KEY_LEN],
    const struct stk_sign_request *r, struct stk_signed *out);
/* NULL if the worker would take @args as a body of at most @max bytes, else a sentence with the
 * fix. */
const char *stk_sign_args_fault(struct stk_span args, size_t max);

#endif
