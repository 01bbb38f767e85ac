/*
 * verdict.c - see verdict.h; the table and its readers.
 */
#include "worker/verdict.h"

#include <string.h>

static const struct {
	const char *text;
	const char *sentence;
	enum stk_verdict_kind kind;
	bool authenticated;
} verdicts[] = {
#define X(name, auth, knd, snt)                                                               \
	[STK_V_##name] = {                                                                    \
		.text = #name, .sentence = snt, .kind = STK_KIND_##knd, .authenticated = auth \
	},
	STK_VERDICTS(X)
#undef X
};

_Static_assert(STK_ARRAY_LEN(verdicts) == STK_VERDICT_COUNT, "one row per verdict");

const char *stk_verdict_text(enum stk_verdict v)
{
	return v < STK_VERDICT_COUNT ? verdicts[v].text : "E_BUG";
}

const char *stk_verdict_sentence(enum stk_verdict v)
{
	return v < STK_VERDICT_COUNT ? verdicts[v].sentence : "not a verdict";
}

enum stk_verdict_kind stk_verdict_kind(enum stk_verdict v)
{
	return v < STK_VERDICT_COUNT ? verdicts[v].kind : STK_KIND_REFUSE;
}

bool stk_verdict_authenticated(enum stk_verdict v)
{
	return v < STK_VERDICT_COUNT && verdicts[v].authenticated;
}

bool stk_verdict_by_holder(enum stk_verdict v)
{
	static const bool theirs[STK_VERDICT_COUNT] = {
		[STK_V_E_TIME_ORDER] = true,
		[STK_V_E_IAT_FUTURE] = true,
		[STK_V_E_KEY_WINDOW] = true,
		[STK_V_E_POLICY_DENIED] = true,
		[STK_V_E_POLICY_SIZE] = true,
		[STK_V_E_POLICY_RUNS] = true,
		[STK_V_E_POLICY_DELAY] = true,
		[STK_V_E_POLICY_WINDOW] = true,
		[STK_V_E_ARGS_JSON] = true,
		[STK_V_E_SCHEMA] = true,
	};

	return v < STK_VERDICT_COUNT && theirs[v];
}

enum stk_verdict stk_verdict_find(const char *text)
{
	enum stk_verdict v = STK_V_ACCEPT;

	while (v < STK_VERDICT_COUNT && strcmp(verdicts[v].text, text) != 0)
		v++;
	return v;
}
