/*
 * payload.c - see payload.h. Keys are compared decoded, because the signer's and the worker's idea
 * of "class" must not differ by an escape (ARCHITECTURE.md, Decisions 11).
 */
#include "worker/payload.h"

#include "worker/scan.h"

/* What tools of the ecosystem are known to write beside class and args. */
static const char *const known_keys[] = { "class", "args", "queue", "id", "prefix", "queue_time",
	"traceparent", "tracestate", "baggage" };

struct outer {
	struct stk_scan scan;
	struct stk_span keys[STK_OUTER_KEYS_MAX];
	size_t n_keys, n_unknown;
	bool has_class, has_args, plain;
	struct stk_payload *out;
};

static bool known(struct stk_span key)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(known_keys); i++)
		if (stk_json_string_is(key, known_keys[i]))
			return true;
	return false;
}

/* Counts @key; too many, or one seen before, is a shape no client of ours makes. */
static enum stk_verdict take_key(struct outer *o, struct stk_span key)
{
	if (!known(key) && ++o->n_unknown > STK_OUTER_UNKNOWN_MAX)
		return STK_V_E_OUTER_SHAPE;
	if (o->n_keys == STK_OUTER_KEYS_MAX)
		return STK_V_E_OUTER_SHAPE;
	for (size_t i = 0; i < o->n_keys; i++)
		if (stk_json_same_string(o->keys[i], key))
			return STK_V_E_OUTER_SHAPE;
	o->keys[o->n_keys++] = key;
	return STK_V_ACCEPT;
}

/* A value that must be a scalar: the shape is wrong if it is a container, else the JSON. */
static enum stk_verdict not_scalar(enum stk_token t)
{
	return t == STK_TOKEN_OBJECT_BEGIN || t == STK_TOKEN_ARRAY_BEGIN ? STK_V_E_OUTER_SHAPE
									 : STK_V_E_OUTER_JSON;
}

static enum stk_verdict scan_extra(struct outer *o)
{
	enum stk_token t = stk_scan_next(&o->scan, NULL);

	if (t == STK_TOKEN_STRING || t == STK_TOKEN_NUMBER || t == STK_TOKEN_WORD)
		return STK_V_ACCEPT;
	return not_scalar(t);
}

static enum stk_verdict scan_class(struct outer *o)
{
	enum stk_token t = stk_scan_next(&o->scan, &o->out->class_text);

	if (t == STK_TOKEN_NUMBER || t == STK_TOKEN_WORD)
		return STK_V_E_OUTER_SHAPE;
	if (t != STK_TOKEN_STRING)
		return not_scalar(t);
	if (stk_json_unescape(o->out->class_text, NULL, 0) > STK_CLASS_MAX)
		return STK_V_E_OUTER_SHAPE;
	o->has_class = true;
	return STK_V_ACCEPT;
}

/* The byte that the next token begins with, 0 at the end: enough to know what it cannot be. */
static uint8_t peek(struct outer *o)
{
	for (size_t i = o->scan.at; i < o->scan.bytes.len; i++) {
		uint8_t c = o->scan.bytes.p[i];

		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return c;
	}
	return 0;
}

/* args: exactly three strings. Whatever else begins where one should stand is an unsigned job. */
static enum stk_verdict scan_args(struct outer *o)
{
	struct stk_span *const texts[] = { &o->out->header, &o->out->body, &o->out->signature };
	enum stk_token t = stk_scan_next(&o->scan, NULL);

	if (t == STK_TOKEN_BAD || t == STK_TOKEN_END)
		return STK_V_E_OUTER_JSON;
	if (t != STK_TOKEN_ARRAY_BEGIN)
		return STK_V_E_OUTER_SHAPE;
	for (size_t i = 0; i < STK_ARRAY_LEN(texts); i++) {
		uint8_t c = peek(o);

		if (c == 0)
			return STK_V_E_OUTER_JSON;
		if (c != '"')
			return STK_V_E_UNSIGNED;
		if (stk_scan_next(&o->scan, texts[i]) != STK_TOKEN_STRING)
			return STK_V_E_OUTER_JSON;
		t = stk_scan_next(&o->scan, NULL);
		if (t == STK_TOKEN_ARRAY_END)
			break;
		if (t != STK_TOKEN_COMMA)
			return STK_V_E_OUTER_JSON;
	}
	if (t != STK_TOKEN_ARRAY_END || o->out->signature.p == NULL)
		return STK_V_E_UNSIGNED;
	o->has_args = true;
	return STK_V_ACCEPT;
}

/* args of a plain job: any array; that it is well-formed is asked of the whole. */
static enum stk_verdict scan_plain_args(struct outer *o)
{
	enum stk_token t = stk_scan_next(&o->scan, NULL);
	size_t from = o->scan.at - 1, depth = 1;

	if (t != STK_TOKEN_ARRAY_BEGIN)
		return t == STK_TOKEN_BAD || t == STK_TOKEN_END ? STK_V_E_OUTER_JSON
								: STK_V_E_OUTER_SHAPE;
	while (depth > 0) {
		t = stk_scan_next(&o->scan, NULL);
		if (t == STK_TOKEN_BAD || t == STK_TOKEN_END)
			return STK_V_E_OUTER_JSON;
		if (t == STK_TOKEN_ARRAY_BEGIN || t == STK_TOKEN_OBJECT_BEGIN)
			depth++;
		if (t == STK_TOKEN_ARRAY_END || t == STK_TOKEN_OBJECT_END)
			depth--;
	}
	o->out->args = stk_span_of(o->scan.bytes.p + from, o->scan.at - from);
	o->has_args = true;
	return STK_V_ACCEPT;
}

/* One member, from its key's token on. */
static enum stk_verdict scan_member(struct outer *o, enum stk_token t, struct stk_span key)
{
	enum stk_verdict v;

	if (t != STK_TOKEN_STRING)
		return STK_V_E_OUTER_JSON;
	if ((v = take_key(o, key)) != STK_V_ACCEPT)
		return v;
	if (stk_scan_next(&o->scan, NULL) != STK_TOKEN_COLON)
		return STK_V_E_OUTER_JSON;
	if (stk_json_string_is(key, "class"))
		return scan_class(o);
	if (stk_json_string_is(key, "args"))
		return o->plain ? scan_plain_args(o) : scan_args(o);
	return scan_extra(o);
}

static enum stk_verdict scan_members(struct outer *o)
{
	struct stk_span key = { 0 };
	enum stk_token t = stk_scan_next(&o->scan, &key);
	enum stk_verdict v;

	if (t == STK_TOKEN_OBJECT_END)
		return STK_V_ACCEPT;
	for (;;) {
		if ((v = scan_member(o, t, key)) != STK_V_ACCEPT)
			return v;
		t = stk_scan_next(&o->scan, NULL);
		if (t == STK_TOKEN_OBJECT_END)
			return STK_V_ACCEPT;
		if (t != STK_TOKEN_COMMA)
			return STK_V_E_OUTER_JSON;
		t = stk_scan_next(&o->scan, &key);
	}
}

static enum stk_verdict scan_outer(struct stk_span bytes, bool plain, struct stk_payload *out)
{
	struct outer o = { .scan = { .bytes = bytes }, .plain = plain, .out = out };
	enum stk_token t = stk_scan_next(&o.scan, NULL);
	enum stk_verdict v;

	*out = (struct stk_payload){ 0 };
	if (t == STK_TOKEN_ARRAY_BEGIN || t == STK_TOKEN_STRING || t == STK_TOKEN_NUMBER ||
	    t == STK_TOKEN_WORD)
		return STK_V_E_OUTER_SHAPE;
	if (t != STK_TOKEN_OBJECT_BEGIN)
		return STK_V_E_OUTER_JSON;
	if ((v = scan_members(&o)) != STK_V_ACCEPT)
		return v;
	if (stk_scan_next(&o.scan, NULL) != STK_TOKEN_END)
		return STK_V_E_OUTER_JSON;
	return o.has_class && o.has_args ? STK_V_ACCEPT : STK_V_E_OUTER_SHAPE;
}

enum stk_verdict stk_payload_scan(struct stk_span bytes, struct stk_payload *out)
{
	return scan_outer(bytes, false, out);
}

enum stk_verdict stk_payload_plain(struct stk_span bytes, struct stk_payload *out)
{
	*out = (struct stk_payload){ 0 };
	if (stk_json_recognise(bytes, STK_JSON_DEPTH, STK_JSON_OBJECT, NULL) != STK_OK)
		return STK_V_E_OUTER_JSON;
	return scan_outer(bytes, true, out);
}
