/*
 * learn.h - one class under another registry line than its own, for `stockade run-job --learn`.
 *
 * The line is an operand of the zygote's, which its cage program and the worker's side apply to
 * their tables alike; everything after that is the ordinary wall. Only that command ever makes one:
 * a worker's nursery has none to hand on.
 */
#ifndef SANDBOX_LEARN_H
#define SANDBOX_LEARN_H

#include "sandbox/wire.h"

#define STK_LEARN_MAX 48

struct stk_learn {
	uint32_t class_index;
	uint32_t profiles;      /* besides files, which the labels decide: threads or not */
	uint32_t reads, writes; /* bit per label index */
};

/* Into and out of "3:4:1:2". False if it is not four such numbers. */
void stk_learn_text(const struct stk_learn *l, char out[static STK_LEARN_MAX]);
STK_CHECK bool stk_learn_parse(const char *text, struct stk_learn *l);

/*
 * Gives the class the line's profiles and grants, sorted as a registry's; its net and exec grants
 * stay. False for a class, label or profile that there is not, or more grants than a class has.
 */
STK_CHECK bool stk_learn_apply(
    const struct stk_learn *l, const struct stk_desc_header *h, struct stk_class_desc *classes);
/* The line that the class has by itself. */
struct stk_learn stk_learn_of(const struct stk_class_desc *classes, uint32_t class_index);

#endif
