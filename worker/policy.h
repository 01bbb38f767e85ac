/*
 * policy.h - loads the policy file into a key ring, all or nothing.
 *
 * The format is libconfig with quoted quantities; contrib/policy.conf is a commented example:
 *
 *   audiences = [ "prod-eu/images" ];          # what `sign --aud` must say for this installation
 *   principals = (
 *     { name = "web";                          # a service; owns the limits, whatever its keys
 *       keys = (
 *         { kid = "web-2026a"; alg = "ed25519"; public = "<43 base64url>";
 *           iat_from = "2026-01-01T00:00:00Z"; iat_to = "2027-01-01T00:00:00Z"; },
 *         { kid = "web-2026b"; alg = "hmac-sha256"; secret_file = "web-2026b.key"; … } );
 *       grants = ( { queues = [ "images" ]; classes = [ "ResizeImage" ]; max_body = "16K"; } );
 *       max_runs = 5; max_delay = "7d"; max_window = "1d";
 *       rate = "50/s"; burst = 200; park_max = 20000; quarantine_max = 1000; } );
 *   limits = (                               # optional: of classes, queues, and all jobs together
 *     { class = "ResizeImage"; max_running = 4; }, { queue = "images"; rate = "20/s"; burst = 20; }
 * );
 *
 * `revoked = true` in a key refuses all it signed; a key that retires gets a nearer iat_to instead.
 * A relative secret_file starts at the policy file's folder.
 */
#ifndef WORKER_POLICY_H
#define WORKER_POLICY_H

#include "worker/conf.h"
#include "worker/keyring.h"

/*
 * On success *@out is owned by the caller (stk_keyring_free), with the SHA-256 of the file's bytes
 * as its digest. On any error *@out is NULL and @e has the sentence.
 */
STK_CHECK enum stk_err stk_policy_load(
    const char *path, struct stk_keyring **out, struct stk_conf_error *e);
/* The same from memory (a NUL follows the bytes); @base: folder of relative secret files. */
STK_CHECK enum stk_err stk_policy_parse(const char *path, const char *base, const uint8_t *bytes,
    size_t len, struct stk_keyring **out, struct stk_conf_error *e);
/* Which files a ring from @path would be read from now; another number than ring->seen: other ones.
 */
uint64_t stk_policy_seen(const char *path, const struct stk_keyring *ring);

/*
 * Can a ledger of @max_bytes hold what this ring's rates allow, at @record_bytes each, kept @keep_s
 * beyond each job's end? STK_E_FORMAT with the arithmetic in @e.
 */
STK_CHECK enum stk_err stk_policy_fits(const struct stk_keyring *ring, const char *path,
    int64_t keep_s, int64_t record_bytes, int64_t max_bytes, struct stk_conf_error *e);

#endif
