/*
 * fuzz_redis.c - any bytes as Redis's replies, in two chunk sizes: the codec gives the same replies
 * for both, refuses by name, and leaks nothing.
 */
#include "worker/redis_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small caps, so that a fuzzer reaches them. */
static const struct stk_redis_caps caps = {
	.reply_bytes = 4096, .string_bytes = 64, .n_elements = 32
};

static size_t count(const struct stk_reply *r)
{
	size_t n = 1 + r->bytes.len;

	for (size_t i = 0; i < r->n; i++)
		n += count(&r->elements[i]);
	return n;
}

static enum stk_err drain(struct stk_codec *c, size_t *sum)
{
	struct stk_reply *r;
	enum stk_err e;

	while ((e = stk_codec_next(c, &r)) == STK_OK && r != NULL) {
		*sum = *sum * 31 + count(r);
		stk_reply_free(r);
	}
	return e;
}

static size_t feed(const uint8_t *data, size_t size, size_t step)
{
	struct stk_codec *c;
	enum stk_err e = STK_OK;
	size_t sum = 0;

	if (stk_codec_new(&caps, &c) != STK_OK)
		return 0;
	for (size_t i = 0; e == STK_OK && i < size; i += step) {
		e = stk_codec_feed(c, data + i, size - i < step ? size - i : step);
		if (e == STK_OK)
			e = drain(c, &sum);
	}
	stk_codec_free(c);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= 2048 && feed(data, size, 1) != feed(data, size, 2048))
		abort();
	return 0;
}
