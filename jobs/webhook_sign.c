/*
 * webhook_sign.c - see webhook_sign.h. By libsodium.
 */
#include "jobs/webhook_sign.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX   "whsec_"
#define KEY_LESS 24
#define KEY_MOST 64

static int sign_with(
    const char *key, size_t len, const char *signed_head, const char *body, char *out)
{
	unsigned char raw[KEY_MOST], mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	size_t n = 0, prefix = strlen(PREFIX);

	if (len <= prefix || memcmp(key, PREFIX, prefix) != 0 ||
	    sodium_base642bin(raw, sizeof(raw), key + prefix, len - prefix, NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n < KEY_LESS)
		return -1;
	(void)crypto_auth_hmacsha256_init(&state, raw, n);
	(void)crypto_auth_hmacsha256_update(
	    &state, (const unsigned char *)signed_head, strlen(signed_head));
	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, strlen(body));
	(void)crypto_auth_hmacsha256_final(&state, mac);
	(void)snprintf(out, 4, "v1,");
	(void)sodium_bin2base64(out + 3, WEBHOOK_SIGNATURES / WEBHOOK_KEYS_MAX - 3, mac,
	    sizeof(mac), sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(raw, sizeof(raw));
	return 0;
}

int webhook_sign(const char *keys, const char *id, int64_t timestamp, const char *body,
    char out[WEBHOOK_SIGNATURES])
{
	char head[128];
	size_t used = 0, n = 0;

	(void)snprintf(head, sizeof(head), "%s.%" PRId64 ".", id, timestamp);
	for (keys += strspn(keys, " "); *keys != '\0'; keys += strspn(keys, " ")) {
		size_t len = strcspn(keys, " ");

		if (n++ == WEBHOOK_KEYS_MAX || sign_with(keys, len, head, body, out + used) == -1)
			return -1;
		used += strlen(out + used);
		out[used++] = ' ';
		keys += len;
	}
	if (n == 0)
		return -1;
	out[used - 1] = '\0';
	return 0;
}
