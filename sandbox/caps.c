/*
 * caps.c - see caps.h. The kernel's answer afterwards decides, not the return codes on the way.
 */
#include "sandbox/caps.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

/* Without CAP_SETPCAP no drop is permitted, so the first EPERM ends it; what is left there grants
 * nothing by itself. */
static enum stk_err drop_bounding(void)
{
	for (cap_value_t c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0)
			return errno == EPERM ? STK_OK : STK_E_SYSTEM;
	return STK_OK;
}

static enum stk_err clear_sets(void)
{
	cap_t empty = cap_init();

	if (empty == NULL)
		return STK_E_NOMEM;

	enum stk_err e = cap_set_proc(empty) == 0 ? STK_OK : STK_E_SYSTEM;
	int saved = errno;

	(void)cap_free(empty);
	errno = saved;
	return e;
}

static enum stk_err sets_are_empty(void)
{
	cap_t now = cap_get_proc(), empty = cap_init();
	enum stk_err e = STK_E_SYSTEM;

	if (now != NULL && empty != NULL)
		e = cap_compare(now, empty) == 0 ? STK_OK : STK_E_REFUSED;
	if (now != NULL)
		(void)cap_free(now);
	if (empty != NULL)
		(void)cap_free(empty);
	return e;
}

enum stk_err stk_caps_verify(const char **step)
{
	*step = "read capabilities";

	enum stk_err e = sets_are_empty();

	*step = e == STK_E_REFUSED ? "capabilities still held" : *step;
	for (cap_value_t c = 0; e == STK_OK; c++) {
		int on = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0);

		*step = "ambient capabilities still held";
		if (on < 0)
			break;
		if (on == 1)
			e = STK_E_REFUSED;
	}
	if (e == STK_OK)
		*step = NULL;
	return e;
}

enum stk_err stk_caps_drop(const char **step)
{
	*step = "drop bounding capabilities";
	if (drop_bounding() != STK_OK)
		return STK_E_SYSTEM;
	*step = "clear ambient capabilities";
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return STK_E_SYSTEM;
	*step = "clear capabilities";

	enum stk_err e = clear_sets();

	return e == STK_OK ? stk_caps_verify(step) : e;
}
