/*
 * fuzz_redis_url.c - any text as REDIS_URL: parsed within bounds, or refused with a sentence.
 */
#include "worker/redis_url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[STK_REDIS_WHY_BYTES];
	struct stk_redis_url u;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (stk_redis_url_parse(text, &u, why, sizeof(why)) != STK_OK) {
		if (why[0] == '\0' || u.host[0] != '\0' || u.password[0] != '\0')
			abort();
	} else if ((u.host[0] == '\0') == (u.socket_path[0] == '\0')) {
		abort();
	}
	free(text);
	return 0;
}
