/*
 * seal.h - signatures, hashes and the memory that secrets live in. The only file behind which
 * libsodium stands; callers see bytes and lengths.
 *
 * The algorithm belongs to the key, never to the message: a caller says which, from its key ring.
 */
#ifndef WORKER_SEAL_H
#define WORKER_SEAL_H

#include "sandbox/base.h"

#define STK_SHA256_LEN   32
#define STK_KEY_LEN      32 /* Ed25519 seed or public key, HMAC key */
#define STK_SIG_MAX      64 /* Ed25519; an HMAC tag has 32 */
#define STK_SIG_TEXT_MAX 86

enum stk_alg {
	STK_ALG_ED25519,
	STK_ALG_HMAC_SHA256
};

/* Must succeed once before anything else here; safe to repeat. */
STK_CHECK enum stk_err stk_seal_init(void);

/* "ed25519", "hmac-sha256"; and back (false: no such algorithm). */
const char *stk_alg_text(enum stk_alg alg);
STK_CHECK bool stk_alg_find(struct stk_span text, enum stk_alg *out);
/* Bytes of a signature: 64 or 32. */
size_t stk_alg_sig_len(enum stk_alg alg);

void stk_sha256(struct stk_span bytes, uint8_t out[static STK_SHA256_LEN]);
void stk_random(void *out, size_t len);
/* Constant time in @len. */
bool stk_same_secret(const void *a, const void *b, size_t len);

/* @key: public key or HMAC key. @sig must have exactly stk_alg_sig_len() bytes. */
STK_CHECK bool stk_seal_verify(enum stk_alg alg, const uint8_t key[static STK_KEY_LEN],
    struct stk_span msg, struct stk_span sig);
/* @secret: Ed25519 seed or HMAC key; writes stk_alg_sig_len() bytes. */
void stk_seal_sign(enum stk_alg alg, const uint8_t secret[static STK_KEY_LEN], struct stk_span msg,
    uint8_t sig[static STK_SIG_MAX]);
/* The public key of an Ed25519 seed. */
void stk_seal_public(const uint8_t seed[static STK_KEY_LEN], uint8_t out[static STK_KEY_LEN]);
/* False for points of small order (one signature would fit every message) and off the curve. */
STK_CHECK bool stk_seal_public_ok(const uint8_t key[static STK_KEY_LEN]);

/*
 * Strict base64url: no padding, no white space, zero trailing bits. Decodes exactly @want bytes, or
 * returns false.
 */
STK_CHECK bool stk_b64url_decode(struct stk_span text, uint8_t *out, size_t want);
/* Writes a NUL-terminated text of (4 * len + 2) / 3 characters. */
void stk_b64url_encode(const uint8_t *p, size_t len, char *out, size_t cap);

/* Base64 as RFC 4648 writes it, padded; *@n bytes of at most @cap into @out. */
STK_CHECK bool stk_b64_decode(struct stk_span text, uint8_t *out, size_t cap, size_t *n);

/* Memory for one key: worker/vault.h. NULL with errno; wiped and freed by stk_secret_free. */
uint8_t *stk_secret_new(void);
void stk_secret_free(uint8_t *secret);
void stk_wipe(void *p, size_t len);

/*
 * A key file: one line `ed25519:<43>` or `hmac-sha256:<43>`, mode at most 0440, owned by root or
 * the reader, at most a symlink within its own folder (Kubernetes mounts secrets so). Relative
 * paths start at @base (a directory, or NULL). On success *@secret is owned by the caller
 * (stk_secret_free). Else a static fragment in *@why: STK_E_SYSTEM, STK_E_FORMAT, STK_E_REFUSED.
 */
STK_CHECK enum stk_err stk_key_file_read(
    const char *base, const char *path, enum stk_alg *alg, uint8_t **secret, const char **why);

/*
 * Opens a secret file under the same rules of mode, owner and folder. *@fd is the caller's. Errors
 * as above.
 */
STK_CHECK enum stk_err stk_secret_file_open(
    const char *base, const char *path, int *fd, const char **why);

#endif
