/*
 * seal.c - see seal.h. The only file that includes sodium.h.
 */
#include "worker/seal.h"

#include "worker/vault.h"

#include <sodium.h>
#include <string.h>

_Static_assert(STK_KEY_LEN == crypto_sign_SEEDBYTES, "seed");
_Static_assert(STK_KEY_LEN == crypto_sign_PUBLICKEYBYTES, "public key");
_Static_assert(STK_KEY_LEN == crypto_auth_hmacsha256_KEYBYTES, "HMAC key");
_Static_assert(STK_SIG_MAX == crypto_sign_BYTES, "signature");
_Static_assert(STK_SHA256_LEN == crypto_hash_sha256_BYTES, "digest");

enum stk_err stk_seal_init(void)
{
	return sodium_init() >= 0 ? STK_OK : STK_E_SYSTEM;
}

const char *stk_alg_text(enum stk_alg alg)
{
	switch (alg) {
	case STK_ALG_ED25519: return "ed25519";
	case STK_ALG_HMAC_SHA256: return "hmac-sha256";
	}
	return "unknown";
}

bool stk_alg_find(struct stk_span text, enum stk_alg *out)
{
	*out = STK_ALG_ED25519;
	if (stk_span_eq(text, stk_span_str("ed25519")))
		return true;
	*out = STK_ALG_HMAC_SHA256;
	return stk_span_eq(text, stk_span_str("hmac-sha256"));
}

size_t stk_alg_sig_len(enum stk_alg alg)
{
	return alg == STK_ALG_ED25519 ? crypto_sign_BYTES : crypto_auth_hmacsha256_BYTES;
}

void stk_sha256(struct stk_span bytes, uint8_t out[static STK_SHA256_LEN])
{
	(void)crypto_hash_sha256(out, bytes.p, bytes.len);
}

void stk_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}

bool stk_same_secret(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

bool stk_seal_verify(enum stk_alg alg, const uint8_t key[static STK_KEY_LEN], struct stk_span msg,
    struct stk_span sig)
{
	if (sig.len != stk_alg_sig_len(alg))
		return false;
	if (alg == STK_ALG_HMAC_SHA256)
		return crypto_auth_hmacsha256_verify(sig.p, msg.p, msg.len, key) == 0;
	return crypto_sign_verify_detached(sig.p, msg.p, msg.len, key) == 0;
}

void stk_seal_sign(enum stk_alg alg, const uint8_t secret[static STK_KEY_LEN], struct stk_span msg,
    uint8_t sig[static STK_SIG_MAX])
{
	uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];

	if (alg == STK_ALG_HMAC_SHA256) {
		(void)crypto_auth_hmacsha256(sig, msg.p, msg.len, secret);
		return;
	}
	(void)crypto_sign_seed_keypair(pk, sk, secret);
	(void)crypto_sign_detached(sig, NULL, msg.p, msg.len, sk);
	sodium_memzero(sk, sizeof(sk));
}

void stk_seal_public(const uint8_t seed[static STK_KEY_LEN], uint8_t out[static STK_KEY_LEN])
{
	uint8_t sk[crypto_sign_SECRETKEYBYTES];

	(void)crypto_sign_seed_keypair(out, sk, seed);
	sodium_memzero(sk, sizeof(sk));
}

bool stk_seal_public_ok(const uint8_t key[static STK_KEY_LEN])
{
	return crypto_core_ed25519_is_valid_point(key) == 1;
}

bool stk_b64url_decode(struct stk_span text, uint8_t *out, size_t want)
{
	size_t got = 0;

	if (text.len != (4 * want + 2) / 3)
		return false;
	return sodium_base642bin(out, want, (const char *)text.p, text.len, NULL, &got, NULL,
		   sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
	       got == want;
}

void stk_b64url_encode(const uint8_t *p, size_t len, char *out, size_t cap)
{
	(void)sodium_bin2base64(out, cap, p, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool stk_b64_decode(struct stk_span text, uint8_t *out, size_t cap, size_t *n)
{
	return sodium_base642bin(out, cap, (const char *)text.p, text.len, NULL, n, NULL,
		   sodium_base64_VARIANT_ORIGINAL) == 0;
}

uint8_t *stk_secret_new(void)
{
	return stk_vault_new(STK_KEY_LEN);
}

void stk_secret_free(uint8_t *secret)
{
	stk_vault_free(secret);
}

void stk_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}
