/*
 * expect.c - see expect.h.
 */
#include "tests/lib/expect.h"

#include "tests/harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool holds(const struct stk_outcome *o, const char *part)
{
	if (o->name != STK_OUT_DONE)
		return strstr(o->why, part) != NULL ||
		       (o->message != NULL && strstr(o->message, part) != NULL);
	return part[0] == '\0' ||
	       (o->result != NULL && memmem(o->result, o->result_len, part, strlen(part)) != NULL);
}

void expect(struct stk_stand *s, const char *class_name, enum stk_outcome_name name,
    const char *part, const char *args, ...)
{
	struct stk_outcome o;
	char text[2048];
	va_list ap;

	va_start(ap, args);
	(void)vsnprintf(text, sizeof(text), args, ap);
	va_end(ap);
	assert_int_equal(stand_run(s, class_name, text, &o), STK_OK);
	if (o.name != name || !holds(&o, part))
		fail_msg("%s %s: %s, not %s with \"%s\": %s %.*s", class_name, text,
		    stk_outcome_text(o.name), stk_outcome_text(name), part, o.why,
		    (int)(o.result_len < 400 ? o.result_len : 400),
		    o.result == NULL ? "" : (const char *)o.result);
	assert_int_equal(o.proof.seccomp, 2);
	assert_int_equal(o.proof.no_new_privs, 1);
	assert_int_equal(o.proof.caps, 0);
	stk_outcome_clear(&o);
}
