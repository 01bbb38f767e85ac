/*
 * metrics.c - see metrics.h.
 */
#include "worker/metrics.h"

#include "worker/counters.h"

/* clang-format off */
#define SINGLE(id, field, n, h) { .name = (n), .a = "", .b = "", .type = STK_TYPE_COUNTER, .scale = 1, .rows = 1, .help = (h), .counter = offsetof(struct stk_counters, field) },
#define COUNTER(id, n, la, lb, w, s, r, h) { .name = (n), .a = (la), .b = (lb), .type = STK_TYPE_COUNTER, .wide = STK_WIDE_##w, .scale = (s), .rows = (r), .help = (h), .counter = SIZE_MAX },
#define GAUGE(id, n, la, lb, m, s, r, h) { .name = (n), .a = (la), .b = (lb), .type = STK_TYPE_GAUGE, .merge = STK_MERGE_##m, .scale = (s), .rows = (r), .help = (h), .counter = SIZE_MAX },
#define SEEN(id, n, la, r, h) { .name = (n), .a = (la), .b = "", .type = STK_TYPE_SEEN, .merge = STK_MERGE_MAX, .scale = 1, .rows = (r), .help = (h), .counter = SIZE_MAX },
#define HISTOGRAM(id, n, la, s, r, h, ...) { .name = (n), .a = (la), .b = "", .type = STK_TYPE_HISTOGRAM, .scale = (s), .rows = (r), .help = (h), .bounds = { __VA_ARGS__ }, .counter = SIZE_MAX },
static const struct stk_metric_desc table[STK_METRIC_COUNT] = {
#include "worker/metrics.def"
};
/* clang-format on */

static const char *const violations[STK_VIOLATION_COUNT] = {
	[STK_VIOLATION_SYSCALL] = "syscall",
	[STK_VIOLATION_RLIMIT] = "rlimit",
	[STK_VIOLATION_REPORT] = "report",
	[STK_VIOLATION_NET] = "net",
};

const struct stk_metric_desc *stk_metric_desc(enum stk_metric m)
{
	return &table[m];
}

static size_t wide_cells(enum stk_wide w)
{
	static const size_t n[] = {
		[STK_WIDE_NONE] = 1,
		[STK_WIDE_REASON] = STK_VERDICT_COUNT,
		[STK_WIDE_RESULT] = STK_OUT_COUNT,
		[STK_WIDE_VIOLATION] = STK_VIOLATION_COUNT,
		[STK_WIDE_NET] = STK_NET_COUNT,
	};

	return n[w];
}

size_t stk_metric_cells(enum stk_metric m)
{
	/* one bucket beyond the last bound, and the sum */
	return table[m].type == STK_TYPE_HISTOGRAM ? STK_BOUNDS + 2 : wide_cells(table[m].wide);
}

bool stk_metric_is_gauge(enum stk_metric m)
{
	return table[m].type == STK_TYPE_GAUGE || table[m].type == STK_TYPE_SEEN;
}

const char *stk_wide_name(enum stk_wide w)
{
	static const char *const names[] = {
		[STK_WIDE_NONE] = NULL,
		[STK_WIDE_REASON] = "reason",
		[STK_WIDE_RESULT] = "result",
		[STK_WIDE_VIOLATION] = "kind",
		[STK_WIDE_NET] = "result",
	};

	return names[w];
}

/* Accepted is no refusal, and what the cage finds in arguments is an outcome. */
static bool is_reason(size_t i)
{
	return i != STK_V_ACCEPT && i != STK_V_E_ARGS_JSON && i != STK_V_E_SCHEMA;
}

const char *stk_wide_value(enum stk_wide w, size_t i)
{
	if (i >= wide_cells(w))
		return NULL;
	switch (w) {
	case STK_WIDE_REASON: return is_reason(i) ? stk_verdict_text((enum stk_verdict)i) : NULL;
	case STK_WIDE_RESULT: return stk_outcome_text((enum stk_outcome_name)i);
	case STK_WIDE_VIOLATION: return violations[i];
	case STK_WIDE_NET: return stk_net_text((uint32_t)i);
	case STK_WIDE_NONE:
	default: return "";
	}
}
