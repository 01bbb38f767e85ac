/*
 * storm_look.c - see storm.h: what Redis holds, read with plain commands and no script.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int storm_number(struct stk_span body)
{
	if (body.len != 7 || memcmp(body.p, "job", 3) != 0)
		return -1;
	int n = atoi((const char *)body.p + 3);

	return n >= 0 && n < STORM_JOBS ? n : -1;
}

void storm_list(struct stk_redis *r, const char *key, int most, struct storm_list *out)
{
	char words[256];
	struct stk_reply *a;

	*out = (struct storm_list){ 0 };
	(void)snprintf(words, sizeof(words), "LRANGE %s 0 %d", key, most - 1);
	a = test_redis_do(r, words);
	for (size_t i = 0; a != NULL && i < a->n && i < STK_ARRAY_LEN(out->body); i++)
		(void)snprintf(out->body[out->n++], sizeof(out->body[0]), "%.*s",
		    (int)a->elements[i].bytes.len, (const char *)a->elements[i].bytes.p);
	stk_reply_free(a);
}

bool storm_begins(struct stk_redis *r, const char *key, const struct storm_list *front)
{
	struct storm_list now;

	if (front->n == 0)
		return true;
	storm_list(r, key, (int)front->n, &now);
	if (now.n != front->n)
		return false;
	for (size_t i = 0; i < now.n; i++)
		if (strcmp(now.body[i], front->body[i]) != 0)
			return false;
	return true;
}

static void places_of_key(struct stk_redis *r, struct storm_places *out, const char *key)
{
	bool parcel = strstr(key, ":parcel:") != NULL, hand = strstr(key, ":in:") != NULL;
	char words[256];
	struct stk_reply *a;
	int n;

	if (hand || strstr(key, ":queue:") != NULL || strcmp(key, "r:failed") == 0)
		(void)snprintf(words, sizeof(words), "LRANGE %s 0 -1", key);
	else if (parcel || strstr(key, "#e") != NULL)
		(void)snprintf(words, sizeof(words), "HVALS %s", key);
	else
		return;
	a = test_redis_do(r, words);
	for (size_t i = 0; a != NULL && i < a->n; i++) {
		if ((n = storm_number(a->elements[i].bytes)) < 0)
			continue;
		out->all[n]++;
		out->parked[n] += parcel;
		out->in_hand = out->in_hand || hand;
	}
	stk_reply_free(a);
}

void storm_places(struct stk_redis *r, struct storm_places *out)
{
	static const char *const where[] = { "KEYS r:[qf]*", "KEYS r:stockade:[ipq]*" };

	*out = (struct storm_places){ 0 };
	for (size_t i = 0; i < STK_ARRAY_LEN(where); i++) {
		struct stk_reply *keys = test_redis_do(r, where[i]);

		for (size_t k = 0; keys != NULL && k < keys->n; k++)
			places_of_key(r, out, (const char *)keys->elements[k].bytes.p);
		stk_reply_free(keys);
	}
}
