/*
 * layers.h - which layers of the wall are asked for, by whom, and whether they are there.
 *
 * Puts together what the table says (sandbox/layers.def), what the operator says (`layers`,
 * `class_layers`) and what the probes saw. The worker's start and `stockade doctor` read the same
 * plan, so that the one refuses what the other says it will.
 */
#ifndef WORKER_LAYERS_H
#define WORKER_LAYERS_H

#include "sandbox/cage.h"
#include "worker/config.h"

struct stk_layer_plan {
	struct stk_probe probes[STK_LAYER_COUNT];
	enum stk_demand demand[STK_LAYER_COUNT]; /* the strongest of all */
	/* the class that asks the most, if the worker itself asks less; else NULL; borrowed from
	 * the class table */
	const char *asked_by[STK_LAYER_COUNT];
};

/* Refuses (STK_E_FORMAT with a sentence) settings that mean nothing. Needs no class table. */
STK_CHECK enum stk_err stk_layers_check(const struct stk_config *c, struct stk_conf_error *e);
/* The first class of `class_layers` that is not in @t, or NULL. Borrowed from @c. */
const char *stk_layers_stranger(const struct stk_config *c, const struct stk_class_table *t);

/* What class @d asks of @l; NULL: the worker by itself. */
enum stk_demand stk_layers_demand(
    const struct stk_config *c, enum stk_layer l, const struct stk_class_desc *d);
/* Whether the cage is to use Landlock; forks a trial where that depends on the machine. */
bool stk_layers_landlock(const struct stk_config *c);

/* Probes everything (forks; before any secret) and judges it for the classes of @t. */
void stk_layers_plan(
    const struct stk_config *c, const struct stk_class_table *t, struct stk_layer_plan *out);
/* The second half alone: out->probes stands already. */
void stk_layers_judge(
    const struct stk_config *c, const struct stk_class_table *t, struct stk_layer_plan *out);
/* Required and not there. */
bool stk_layers_missing(const struct stk_layer_plan *p, enum stk_layer l);
/* Preferred and not there. */
bool stk_layers_degraded(const struct stk_layer_plan *p, enum stk_layer l);
/* The first that is missing, or STK_LAYER_COUNT. */
enum stk_layer stk_layers_first_missing(const struct stk_layer_plan *p);
/* Logs each that is degraded; how many. */
uint64_t stk_layers_log(const struct stk_layer_plan *p);
/* What would bring back a layer that its probe did not find; NULL: nothing is known. Static
 * storage. */
const char *stk_layers_cure(const struct stk_probe *p);
/* The setting that goes on without @l, for who asks for it; empty: there is none. */
#define STK_LAYERS_WITHOUT_MAX (STK_NAME_MAX + 96)
void stk_layers_without(const struct stk_layer_plan *p, enum stk_layer l, char *out, size_t size);
/* One sentence on a missing layer @l: what, for whom, what to do. */
void stk_layers_say(const struct stk_layer_plan *p, enum stk_layer l, char *why, size_t size);

/*
 * Why class @d cannot run although the worker does: the layer it needs and was told to do without.
 * NULL if it can; static storage.
 */
const char *stk_layers_class_fault(
    const struct stk_config *c, const struct stk_layer_plan *p, const struct stk_class_desc *d);

#endif
