/*
 * learn.c - see learn.h. Runs in both programs, before any job; the text is our own, and is checked
 * like everything that crosses the wall.
 */
#include "sandbox/learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES ((uint32_t)STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE)

void stk_learn_text(const struct stk_learn *l, char out[static STK_LEARN_MAX])
{
	(void)snprintf(
	    out, STK_LEARN_MAX, "%u:%u:%u:%u", l->class_index, l->profiles, l->reads, l->writes);
}

bool stk_learn_parse(const char *text, struct stk_learn *l)
{
	uint32_t *const into[] = { &l->class_index, &l->profiles, &l->reads, &l->writes };

	for (size_t i = 0; i < STK_ARRAY_LEN(into); i++) {
		char *end;
		unsigned long v;

		if (*text < '0' || *text > '9')
			return false;
		v = strtoul(text, &end, 10);
		if (v > UINT32_MAX || *end != (i + 1 < STK_ARRAY_LEN(into) ? ':' : '\0'))
			return false;
		*into[i] = (uint32_t)v;
		text = end + 1;
	}
	return true;
}

static bool add(const struct stk_desc_header *h, struct stk_class_desc *d, uint32_t labels,
    enum stk_profile kind)
{
	for (uint32_t i = 0; i < h->n_labels; i++) {
		if ((labels & UINT32_C(1) << i) == 0)
			continue;
		if (d->n_grants == STK_GRANTS_MAX)
			return false;
		d->grants[d->n_grants] = (struct stk_grant){ .kind = kind, .label_index = i };
		memcpy(d->grants[d->n_grants].label, h->labels[i], STK_LABEL_MAX);
		d->n_grants++;
		d->profiles |= (uint32_t)kind;
	}
	return true;
}

bool stk_learn_apply(
    const struct stk_learn *l, const struct stk_desc_header *h, struct stk_class_desc *classes)
{
	uint32_t all = h->n_labels >= 32 ? UINT32_MAX : (UINT32_C(1) << h->n_labels) - 1;
	struct stk_class_desc *d;

	if (l->class_index >= h->n_classes || ((l->reads | l->writes) & ~all) != 0 ||
	    (l->profiles & ~(uint32_t)STK_PROFILE_THREADS) != 0)
		return false;
	d = &classes[l->class_index];
	memset(d->grants, 0, sizeof(d->grants));
	d->n_grants = 0;
	d->profiles = (d->profiles & ~(FILES | (uint32_t)STK_PROFILE_THREADS)) | l->profiles;
	/* its own directory is a place to write to */
	if (d->ask.work_bytes > 0)
		d->profiles |= STK_PROFILE_FILES_WRITE;
	/* what may be written may be read: no need to say both */
	return add(h, d, l->reads & ~l->writes, STK_PROFILE_FILES_READ) &&
	       add(h, d, l->writes, STK_PROFILE_FILES_WRITE);
}

struct stk_learn stk_learn_of(const struct stk_class_desc *classes, uint32_t class_index)
{
	const struct stk_class_desc *d = &classes[class_index];
	struct stk_learn l = { .class_index = class_index,
		.profiles = d->profiles & STK_PROFILE_THREADS };

	for (uint32_t i = 0; i < d->n_grants; i++) {
		uint32_t bit = UINT32_C(1) << d->grants[i].label_index;

		if (d->grants[i].kind == STK_PROFILE_FILES_WRITE)
			l.writes |= bit;
		else
			l.reads |= bit;
	}
	return l;
}
