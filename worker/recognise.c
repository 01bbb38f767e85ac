/*
 * recognise.c - the recogniser of scan.h: is this exactly one JSON value? The grammar is a handful
 * of expectations and one bit per open level, so depth costs no stack.
 */
#include "worker/scan.h"

/* What may come next. */
enum expect {
	VALUE,
	VALUE_OR_END,
	KEY,
	KEY_OR_END,
	COLON,
	COMMA_OR_END,
	NOTHING
};

struct nest {
	unsigned depth, max;
	uint8_t object[STK_JSON_DEPTH_MAX / 8]; /* bit d: level d is an object */
};

static bool in_object(const struct nest *n)
{
	return n->depth > 0 && (n->object[(n->depth - 1) / 8] >> (n->depth - 1) % 8 & 1) != 0;
}

static bool enter(struct nest *n, bool object)
{
	uint8_t bit = (uint8_t)(1u << n->depth % 8);

	if (n->depth >= n->max)
		return false;
	if (object)
		n->object[n->depth / 8] |= bit;
	else
		n->object[n->depth / 8] &= (uint8_t)~bit;
	n->depth++;
	return true;
}

static enum expect after_value(const struct nest *n)
{
	return n->depth == 0 ? NOTHING : COMMA_OR_END;
}

/* Takes token @t in state *@x; STK_E_FORMAT where the grammar has none such. */
static enum stk_err step(enum stk_token t, enum expect *x, struct nest *n)
{
	bool value = *x == VALUE || *x == VALUE_OR_END;

	switch (t) {
	case STK_TOKEN_OBJECT_BEGIN:
	case STK_TOKEN_ARRAY_BEGIN:
		if (!value)
			return STK_E_FORMAT;
		*x = t == STK_TOKEN_OBJECT_BEGIN ? KEY_OR_END : VALUE_OR_END;
		return enter(n, t == STK_TOKEN_OBJECT_BEGIN) ? STK_OK : STK_E_TOOBIG;
	case STK_TOKEN_OBJECT_END:
		if (*x != KEY_OR_END && !(*x == COMMA_OR_END && in_object(n)))
			return STK_E_FORMAT;
		n->depth--;
		*x = after_value(n);
		return STK_OK;
	case STK_TOKEN_ARRAY_END:
		if (*x != VALUE_OR_END && !(*x == COMMA_OR_END && !in_object(n)))
			return STK_E_FORMAT;
		n->depth--;
		*x = after_value(n);
		return STK_OK;
	case STK_TOKEN_COLON:
		if (*x != COLON)
			return STK_E_FORMAT;
		*x = VALUE;
		return STK_OK;
	case STK_TOKEN_COMMA:
		if (*x != COMMA_OR_END)
			return STK_E_FORMAT;
		*x = in_object(n) ? KEY : VALUE;
		return STK_OK;
	case STK_TOKEN_STRING:
		if (*x == KEY || *x == KEY_OR_END) {
			*x = COLON;
			return STK_OK;
		}
		break;
	case STK_TOKEN_NUMBER:
	case STK_TOKEN_WORD: break;
	case STK_TOKEN_END:
	case STK_TOKEN_BAD: return STK_E_FORMAT;
	}
	if (!value)
		return STK_E_FORMAT;
	*x = after_value(n);
	return STK_OK;
}

static bool root_is(enum stk_json_root root, enum stk_token first)
{
	switch (root) {
	case STK_JSON_ANY: return true;
	case STK_JSON_OBJECT: return first == STK_TOKEN_OBJECT_BEGIN;
	case STK_JSON_ARRAY: return first == STK_TOKEN_ARRAY_BEGIN;
	}
	return false;
}

enum stk_err stk_json_recognise(
    struct stk_span bytes, unsigned max_depth, enum stk_json_root root, size_t *stopped_at)
{
	struct stk_scan s = { .bytes = bytes };
	struct nest n = { .max = max_depth < STK_JSON_DEPTH_MAX ? max_depth : STK_JSON_DEPTH_MAX };
	enum expect x = VALUE;
	enum stk_err e = STK_OK;
	bool first = true;
	size_t before = 0;

	for (;;) {
		enum stk_token t;

		before = s.at;
		t = stk_scan_next(&s, NULL);
		if (t == STK_TOKEN_END && x == NOTHING)
			break;
		e = first && !root_is(root, t) ? STK_E_FORMAT : step(t, &x, &n);
		if (e != STK_OK)
			break;
		first = false;
	}
	if (stopped_at != NULL)
		*stopped_at = e == STK_OK ? s.at : before;
	return e;
}
