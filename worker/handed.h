/*
 * handed.h - what the operator hands to one class and to no other: its secrets and its settings.
 *
 * A registry line names labels (SECRETS) and names (SETTINGS); the configuration maps labels to
 * files and gives the names values. W reads the files once at start into a vault per class and
 * sends the vault's bytes to a job after READY, behind the arguments; no zygote, no other class and
 * no log sees them.
 */
#ifndef WORKER_HANDED_H
#define WORKER_HANDED_H

#include "sandbox/cage.h"
#include "worker/config.h"

struct stk_handed {
	struct stk_handed_class {
		uint8_t *block; /* a vault; as sent (sandbox/wire.h); NULL: nothing is handed */
		size_t len;
	} of[STK_CLASSES_MAX]; /* by class index */
};

/*
 * Reads what the classes of @t need; @only >= 0: that class alone, whose labels must all be mapped;
 * else a class with one that is not is left out, for stk_handed_unmapped() to be told of. Files
 * obey the rules of key files (mode, owner, folder), hold 1 to 4096 bytes, and lose one trailing
 * newline. 0, or an exit code (66, 71, 77, 78) with one sentence in @why, which never quotes a
 * value. Needs no stk_seal_init. stk_handed_clear() in every case; *@out is zeroed first.
 */
STK_CHECK int stk_handed_load(const struct stk_config *c, const struct stk_class_table *t, int only,
    struct stk_handed *out, char *why, size_t why_size);
/* The first secret or setting of @d that nothing is mapped to, or NULL; *secret says which it is.
 */
const char *stk_handed_unmapped(
    const struct stk_config *c, const struct stk_class_desc *d, bool *secret);
void stk_handed_clear(struct stk_handed *h);

/* What class @index is sent; empty for none. Borrowed from @h. */
struct stk_span stk_handed_span(const struct stk_handed *h, uint32_t index);

/*
 * Overwrites every occurrence of a secret of class @d (of at least 6 bytes; settings are no
 * secrets) in @text with asterisks, and says whether there was one. Against accidents: a handler
 * that encodes a secret first is not found out.
 */
bool stk_handed_redact(
    const struct stk_handed_class *h, const struct stk_class_desc *d, uint8_t *text, size_t len);

#endif
