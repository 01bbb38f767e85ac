/*
 * generate.c - see generate.h. First all rules that hold for one value are gathered, through $ref,
 * allOf and the chosen alternatives, then a value is made that heeds them.
 */
#include "jobs/test/generate.h"

#include <math.h>
#include <string.h>

#define DEPTH_MAX 24
#define NEEDS_MAX 8 /* required lists of one value */
#define EXTRA     6 /* items or members beyond what must be */
#define ANY_TYPE  (STK_TYPE_NULL | STK_TYPE_BOOLEAN | STK_TYPE_INTEGER | STK_TYPE_STRING)

struct generator {
	const struct stk_program *p;
	struct stockade_dice *d;
	unsigned depth;
};

/* The rules that hold for one value; NULL where there is none. */
struct wants {
	uint32_t types;
	const struct stk_rule *values, *multiple, *prefix, *items, *contains, *properties,
	    *additional;
	double low, high;
	bool above, below; /* low and high themselves are out */
	struct stockade_text text;
	uint32_t items_least, items_most, members_least;
	const struct stk_rule *needs[NEEDS_MAX];
	size_t n_needs;
};

/* --- choices ---------------------------------------------------------------------------------- */

uint32_t stockade_dice_pick(struct stockade_dice *d, uint32_t n)
{
	uint32_t v = 0;

	for (uint32_t range = 1; range < n && d->left > 0; range <<= 8) {
		v = v << 8 | *d->p++;
		d->left--;
		if (range >= UINT32_C(1) << 24)
			break;
	}
	return n == 0 ? 0 : v % n;
}

uint64_t stockade_dice_word(struct stockade_dice *d)
{
	uint64_t v = 0;

	for (int i = 0; i < 8 && d->left > 0; i++, d->left--)
		v = v << 8 | *d->p++;
	return v;
}

/* --- gathering -------------------------------------------------------------------------------- */

static void gather(struct generator *g, uint32_t schema, struct wants *w);

static double of(struct stk_number n)
{
	return n.real ? n.d : (double)n.i;
}

static void bound(struct wants *w, const struct stk_rule *r)
{
	double v = of(r->number);
	bool low = r->op == STK_RULE_MINIMUM || r->op == STK_RULE_EXCLUSIVE_MINIMUM;

	if (low && v >= w->low) {
		w->low = v;
		w->above = r->op == STK_RULE_EXCLUSIVE_MINIMUM;
	}
	if (!low && v <= w->high) {
		w->high = v;
		w->below = r->op == STK_RULE_EXCLUSIVE_MAXIMUM;
	}
}

static void gather_others(struct generator *g, const struct stk_rule *r, struct wants *w)
{
	bool yes;

	switch (r->op) {
	case STK_RULE_REF: gather(g, r->a, w); break;
	case STK_RULE_ALL_OF:
		for (uint32_t i = 0; i < r->b; i++)
			gather(g, g->p->lists[r->a + i], w);
		break;
	case STK_RULE_ANY_OF:
	case STK_RULE_ONE_OF:
		gather(g, g->p->lists[r->a + stockade_dice_pick(g->d, r->b)], w);
		break;
	case STK_RULE_IF:
		yes = stockade_dice_pick(g->d, 2) == 0;
		if (yes)
			gather(g, r->a, w);
		if ((yes ? r->b : r->c) != STK_RULES_NONE)
			gather(g, yes ? r->b : r->c, w);
		break;
	default: break;
	}
}

static void gather_nested(struct generator *g, const struct stk_rule *r, struct wants *w)
{
	switch (r->op) {
	case STK_RULE_MIN_ITEMS: w->items_least = r->a; break;
	case STK_RULE_MAX_ITEMS: w->items_most = r->a; break;
	case STK_RULE_PREFIX_ITEMS: w->prefix = r; break;
	case STK_RULE_ITEMS: w->items = r; break;
	case STK_RULE_CONTAINS: w->contains = r; break;
	case STK_RULE_PROPERTIES: w->properties = r; break;
	case STK_RULE_ADDITIONAL_PROPERTIES: w->additional = r; break;
	case STK_RULE_MIN_PROPERTIES: w->members_least = r->a; break;
	case STK_RULE_REQUIRED:
		if (w->n_needs < NEEDS_MAX)
			w->needs[w->n_needs++] = r;
		break;
	default: gather_others(g, r, w); break;
	}
}

static void gather_rule(struct generator *g, const struct stk_rule *r, struct wants *w)
{
	switch (r->op) {
	case STK_RULE_TYPE:
		w->types &= r->a | ((r->a & STK_TYPE_NUMBER) != 0 ? STK_TYPE_INTEGER : 0);
		break;
	case STK_RULE_CONST:
	case STK_RULE_ENUM: w->values = r; break;
	case STK_RULE_MULTIPLE_OF: w->multiple = r; break;
	case STK_RULE_MAXIMUM:
	case STK_RULE_EXCLUSIVE_MAXIMUM:
	case STK_RULE_MINIMUM:
	case STK_RULE_EXCLUSIVE_MINIMUM: bound(w, r); break;
	case STK_RULE_MAX_LENGTH: w->text.most = r->a < w->text.most ? r->a : w->text.most; break;
	case STK_RULE_MIN_LENGTH:
		w->text.least = r->a > w->text.least ? r->a : w->text.least;
		break;
	case STK_RULE_PATTERN: w->text.pattern = g->p->patterns[r->a]; break;
	case STK_RULE_FORMAT: w->text.format = r->a; break;
	default: gather_nested(g, r, w); break;
	}
}

static void gather(struct generator *g, uint32_t schema, struct wants *w)
{
	const struct stk_schema *s = &g->p->schemas[schema];

	if (++g->depth <= DEPTH_MAX)
		for (uint32_t i = 0; i < s->n; i++)
			gather_rule(g, &g->p->rules[s->first + i], w);
	g->depth--;
}

/* --- making ----------------------------------------------------------------------------------- */

static json_t *make(struct generator *g, uint32_t schema);

/* One of const's and enum's; *next is the value behind it. */
static json_t *spelled(const struct stk_value *v)
{
	const struct stk_value *part = v + 1;
	json_t *out;

	switch (v->type) {
	case STK_TYPE_NULL: return json_null();
	case STK_TYPE_BOOLEAN: return json_boolean(v->len != 0);
	case STK_TYPE_NUMBER:
		return v->number.real ? json_real(v->number.d) : json_integer(v->number.i);
	case STK_TYPE_STRING: return json_stringn(v->text, v->len);
	default: break;
	}
	out = v->type == STK_TYPE_ARRAY ? json_array() : json_object();
	for (uint32_t i = 0; i < v->len; i++, part += part->span)
		if (v->type == STK_TYPE_ARRAY)
			(void)json_array_append_new(out, spelled(part));
		else
			(void)json_object_set_new(out, part->key, spelled(part));
	return out;
}

static json_t *make_listed(struct generator *g, const struct wants *w)
{
	const struct stk_value *v = g->p->values + w->values->a;

	for (uint32_t i = stockade_dice_pick(g->d, w->values->b); i > 0; i--)
		v += v->span;
	return spelled(v);
}

/* The bounds themselves, their neighbours and zero come often: there the mistakes are. */
static double within(struct generator *g, double low, double high, bool whole)
{
	const double edges[] = { low, high, 0, low + 1, high - 1, 1, -1, (low + high) / 2 };
	uint32_t pick = stockade_dice_pick(g->d, 16);
	double v = 0;

	if (pick < STK_ARRAY_LEN(edges))
		v = edges[pick];
	else
		v = low + (high - low) * ((double)(stockade_dice_word(g->d) >> 11) * 0x1p-53);
	if (whole)
		v = floor(v);
	return v < low ? low : v > high ? high : v;
}

static json_t *make_number(struct generator *g, const struct wants *w, bool whole)
{
	double low = w->low == -INFINITY ? (w->high < -1e9 ? w->high - 1e9 : -1e9) : w->low;
	double high = w->high == INFINITY ? (low > 1e9 ? low + 1e9 : 1e9) : w->high;
	double step = w->multiple == NULL ? 0 : w->multiple->number.d, v;

	if (whole) {
		low = ceil(low) + (w->above && ceil(low) == w->low ? 1 : 0);
		high = floor(high) - (w->below && floor(high) == w->high ? 1 : 0);
	}
	/* no whole number lies between them */
	if (whole && low > high && (w->types & STK_TYPE_NUMBER) != 0)
		return make_number(g, w, false);
	v = within(g, low, high, whole);
	if (step > 0)
		v = (floor(v / step) * step >= low ? floor(v / step) : ceil(v / step)) * step;
	if (!whole && ((w->above && v <= w->low) || (w->below && v >= w->high)))
		v = (low + high) / 2;
	if (whole && v >= -STK_2_63 && v < STK_2_63)
		return json_integer((json_int_t)v);
	return json_real(v);
}

static json_t *make_array(struct generator *g, const struct wants *w)
{
	uint32_t given = w->prefix == NULL ? 0 : w->prefix->b, least = w->items_least, most;
	bool closed = w->items != NULL && g->p->schemas[w->items->a].n == 1 &&
		      g->p->rules[g->p->schemas[w->items->a].first].op == STK_RULE_NEVER;
	json_t *out = json_array();
	uint32_t n;

	if (w->contains != NULL && w->contains->b > least)
		least = w->contains->b;
	most = (given > least ? given : least) + (closed ? 0 : EXTRA);
	most = most < w->items_most ? most : w->items_most;
	if (closed && most > given)
		most = given;
	n = most <= least ? least : least + stockade_dice_pick(g->d, most - least + 1);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t schema = STK_RULES_NONE;

		if (i < given)
			schema = g->p->lists[w->prefix->a + i];
		else if (w->contains != NULL && i - given < w->contains->b)
			schema = w->contains->a;
		else if (w->items != NULL)
			schema = w->items->a;
		(void)json_array_append_new(out, schema == STK_RULES_NONE
						     ? json_integer(stockade_dice_pick(g->d, 256))
						     : make(g, schema));
	}
	return out;
}

static bool needed(const struct generator *g, const struct wants *w, const char *key)
{
	for (size_t k = 0; k < w->n_needs; k++)
		for (uint32_t i = 0; i < w->needs[k]->b; i++)
			if (strcmp(g->p->names[w->needs[k]->a + i], key) == 0)
				return true;
	return false;
}

static json_t *make_object(struct generator *g, const struct wants *w)
{
	json_t *out = json_object();

	for (uint32_t i = 0; w->properties != NULL && i < w->properties->b; i++) {
		const struct stk_rule_entry *e = &g->p->entries[w->properties->a + i];

		if (needed(g, w, e->key) || stockade_dice_pick(g->d, 2) == 1)
			(void)json_object_set_new(out, e->key, make(g, e->schema));
	}
	/* what is needed and has no schema of its own */
	for (size_t k = 0; k < w->n_needs; k++)
		for (uint32_t i = 0; i < w->needs[k]->b; i++) {
			const char *key = g->p->names[w->needs[k]->a + i];

			if (json_object_get(out, key) == NULL)
				(void)json_object_set_new(out, key,
				    w->additional == NULL ? json_true()
							  : make(g, w->additional->a));
		}
	for (uint32_t i = 0; json_object_size(out) < w->members_least && i < 64; i++) {
		const char key[] = { 'k', (char)('0' + i % 10), (char)('0' + i / 10), '\0' };

		(void)json_object_set_new(
		    out, key, w->additional == NULL ? json_true() : make(g, w->additional->a));
	}
	return out;
}

/* One of the types there may be; without a word on types, what the other rules are about. */
static uint32_t choose_type(struct generator *g, const struct wants *w)
{
	uint32_t types = w->types, n, pick;

	if (types == UINT32_MAX)
		types = w->properties != NULL || w->n_needs > 0 ? STK_TYPE_OBJECT
			: w->prefix != NULL || w->items != NULL ? STK_TYPE_ARRAY
			: w->text.pattern != NULL || w->text.format != STK_RULES_NONE
			    ? STK_TYPE_STRING
			    : ANY_TYPE;
	n = (uint32_t)__builtin_popcount(types);
	pick = stockade_dice_pick(g->d, n);
	for (uint32_t bit = 1; bit <= STK_TYPE_OBJECT; bit <<= 1)
		if ((types & bit) != 0 && pick-- == 0)
			return bit;
	return STK_TYPE_NULL;
}

static json_t *make(struct generator *g, uint32_t schema)
{
	struct wants w = { .types = UINT32_MAX,
		.low = -INFINITY,
		.high = INFINITY,
		.items_most = UINT32_MAX,
		.text = { .most = UINT32_MAX, .format = STK_RULES_NONE } };
	json_t *out = NULL;

	if (++g->depth > DEPTH_MAX) {
		g->depth--;
		return json_null();
	}
	gather(g, schema, &w);
	if (w.values != NULL) {
		out = make_listed(g, &w);
	} else {
		switch (choose_type(g, &w)) {
		case STK_TYPE_BOOLEAN: out = json_boolean(stockade_dice_pick(g->d, 2)); break;
		case STK_TYPE_INTEGER: out = make_number(g, &w, true); break;
		case STK_TYPE_NUMBER: out = make_number(g, &w, false); break;
		case STK_TYPE_STRING: out = stockade_generate_text(&w.text, g->d); break;
		case STK_TYPE_ARRAY: out = make_array(g, &w); break;
		case STK_TYPE_OBJECT: out = make_object(g, &w); break;
		default: out = json_null(); break;
		}
	}
	g->depth--;
	return out;
}

json_t *stockade_generate(const struct stk_program *p, struct stockade_dice *d)
{
	struct generator g = { .p = p, .d = d };

	return make(&g, 0);
}
