/*
 * text.c - OpenSSL, jansson, iconv and time zones: libraries that open files of their own when they
 * are first used, which a pure class does in setup() and never again.
 */
#include "tests/handlers/handlers.h"

#include <errno.h>
#include <iconv.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int stockade_setup_handler_openssl(void);
int stockade_setup_handler_iconv(void);
int stockade_setup_handler_time_zone(void);

/* Reads openssl.cnf and loads the provider that it names. */
int stockade_setup_handler_openssl(void)
{
	EVP_MD *md;

	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
		return -1;
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_free(md);
	return md == NULL ? -1 : 0;
}

static const char *sign_and_verify(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t sig[64];
	size_t len = sizeof(sig);
	const char *wrong = NULL;

	if (key == NULL || c == NULL)
		return "make an Ed25519 key";
	if (EVP_DigestSignInit(c, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(c, sig, &len, (const uint8_t *)"words", 5) != 1)
		wrong = "sign";
	else if (EVP_MD_CTX_reset(c) != 1 || EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) != 1 ||
		 EVP_DigestVerify(c, sig, len, (const uint8_t *)"words", 5) != 1)
		wrong = "verify";
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	return wrong;
}

static const char *encrypt(void)
{
	static uint8_t in[100000], out[100064];
	uint8_t key[32], iv[12];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;
	const char *wrong = NULL;

	if (RAND_bytes(key, sizeof(key)) != 1 || RAND_bytes(iv, sizeof(iv)) != 1)
		wrong = "random bytes";
	else if (c == NULL || EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv) != 1 ||
		 EVP_EncryptUpdate(c, out, &n, in, sizeof(in)) != 1 ||
		 EVP_EncryptFinal_ex(c, out + n, &n) != 1)
		wrong = "AES-256-GCM";
	EVP_CIPHER_CTX_free(c);
	return wrong;
}

const char *handler_openssl(struct stockade_job *job)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const char *wrong;

	(void)job;
	if (EVP_Digest("words", 5, digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
		return "SHA-256";
	wrong = sign_and_verify();
	return wrong == NULL ? encrypt() : wrong;
}

const char *handler_jansson(struct stockade_job *job)
{
	json_t *tree = json_pack(
	    "{s:[i,f,s,b,n],s:{s:s}}", "list", 1, 2.5, "three", 1, "map", "k", "\xc3\xa4");
	char *text = tree == NULL ? NULL : json_dumps(tree, JSON_SORT_KEYS);
	json_t *again = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	(void)job;
	if (again == NULL || json_equal(tree, again) == 0)
		return "JSON there and back";
	json_decref(tree);
	json_decref(again);
	free(text);
	return NULL;
}

/* The table of a character set is a library that is loaded when it is first opened; it stays only
 * while a descriptor is open. */
static iconv_t from_latin1 = (iconv_t)-1;

int stockade_setup_handler_iconv(void)
{
	from_latin1 = iconv_open("UTF-8", "ISO-8859-15");
	return from_latin1 == (iconv_t)-1 ? -1 : 0;
}

const char *handler_iconv(struct stockade_job *job)
{
	char in[] = "na\xefve \xa4", out[64] = "";
	char *from = in, *to = out;
	size_t in_left = strlen(in), out_left = sizeof(out) - 1;
	iconv_t second = iconv_open("UTF-8", "ISO-8859-15");

	(void)job;
	if (second == (iconv_t)-1)
		return "open a character set again";
	if (iconv(second, &from, &in_left, &to, &out_left) == (size_t)-1 || in_left != 0)
		return "convert";
	if (strcmp(out, "na\xc3\xafve \xe2\x82\xac") != 0)
		return "the right letters";
	return iconv_close(second) == 0 ? NULL : "close";
}

int stockade_setup_handler_time_zone(void)
{
	if (setenv("TZ", "Europe/Berlin", 1) == -1)
		return -1;
	tzset();
	return 0;
}

const char *handler_time_zone(struct stockade_job *job)
{
	time_t winter = 1700000000, summer = 1690000000;
	struct tm tm;
	char out[64];

	(void)job;
	if (localtime_r(&winter, &tm) == NULL || tm.tm_isdst != 0 || tm.tm_gmtoff != 3600)
		return "winter in Berlin (is tzdata installed?)";
	if (localtime_r(&summer, &tm) == NULL || tm.tm_isdst != 1 || tm.tm_gmtoff != 7200)
		return "summer in Berlin";
	if (strftime(out, sizeof(out), "%F %T %Z", &tm) == 0 || strstr(out, "CEST") == NULL)
		return "its name";
	return mktime(&tm) == summer ? NULL : "back again";
}
