/*
 * letter.h - what W writes to J after READY: GO, the arguments, and what the class is handed. It
 * drains into a pipe that does not block. Internal to sandbox/.
 */
#ifndef SANDBOX_LETTER_H
#define SANDBOX_LETTER_H

#include "sandbox/wire.h"

struct stk_letter {
	uint8_t *bytes;         /* GO and the arguments; owned */
	size_t len, at;         /* at counts beyond len into handed */
	struct stk_span handed; /* stays where it is: a copy would be one more secret to wipe */
};

/* False: no memory. @handed is borrowed until stk_letter_clear(), which is safe on a zeroed one. */
STK_CHECK bool stk_letter_write(
    struct stk_letter *l, const struct stk_go *go, struct stk_span args, struct stk_span handed);
/* As much as @fd takes. True: all of it is gone, or nobody reads any more. */
STK_CHECK bool stk_letter_push(struct stk_letter *l, int fd);
void stk_letter_clear(struct stk_letter *l);

#endif
