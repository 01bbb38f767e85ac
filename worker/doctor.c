/*
 * doctor.c - see doctor.h. The list of findings, and what the plan of the layers says.
 */
#include "worker/doctor.h"

#include "sandbox/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *stk_grade_text(enum stk_grade g)
{
	switch (g) {
	case STK_GRADE_OK: return "ok";
	case STK_GRADE_OFF: return "off";
	case STK_GRADE_MISS: return "MISS";
	case STK_GRADE_WARN: return "WARN";
	case STK_GRADE_REFUSE: break;
	}
	return "REFUSE";
}

const char *stk_area_text(enum stk_area a)
{
	switch (a) {
	case STK_AREA_LAYER: return "layer";
	case STK_AREA_CLASS: return "class";
	case STK_AREA_HOST: return "host";
	case STK_AREA_FILES: return "files";
	case STK_AREA_REDIS: return "redis";
	case STK_AREA_COUNT: break;
	}
	return "?";
}

struct stk_finding *stk_find(struct stk_findings *f, enum stk_grade grade, enum stk_area area,
    const char *name, const char *fmt, ...)
{
	static struct stk_finding spare;
	bool room = f->n < STK_FINDINGS_MAX;
	struct stk_finding *v = room ? &f->v[f->n++] : &spare;
	va_list ap;

	if (!room)
		f->dropped++;
	if (grade > f->worst)
		f->worst = grade;
	*v = (struct stk_finding){ .grade = grade, .area = area };
	(void)snprintf(v->name, sizeof(v->name), "%s", name);
	va_start(ap, fmt);
	(void)vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	return v;
}

void stk_find_fix(struct stk_finding *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(v->fix, sizeof(v->fix), fmt, ap);
	va_end(ap);
}

void stk_find_clean(struct stk_span s, char *out, size_t size)
{
	size_t room = size - 1, keep = s.len <= room ? s.len : room - 3;

	for (size_t i = 0; i < keep; i++)
		out[i] = (char)(s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?');
	out[keep] = '\0';
	if (s.len > room)
		memcpy(out + keep, "...", 4);
}

int stk_findings_exit(const struct stk_findings *f)
{
	switch (f->worst) {
	case STK_GRADE_OK:
	case STK_GRADE_OFF: return 0;
	case STK_GRADE_MISS:
	case STK_GRADE_WARN: return 3;
	case STK_GRADE_REFUSE: break;
	}
	return 4;
}

/* --- layers ----------------------------------------------------------------------------------- */

static enum stk_grade layer_grade(const struct stk_layer_plan *p, enum stk_layer l)
{
	return p->probes[l].state == STK_PROBE_OK ? STK_GRADE_OK
	       : stk_layers_missing(p, l)         ? STK_GRADE_REFUSE
	       : stk_layers_degraded(p, l)        ? STK_GRADE_MISS
						  : STK_GRADE_OFF;
}

static void layer_fix(struct stk_finding *v, const struct stk_layer_plan *p, enum stk_layer l)
{
	const char *cure = stk_layers_cure(&p->probes[l]);
	char without[STK_LAYERS_WITHOUT_MAX] = "";

	if (v->grade == STK_GRADE_REFUSE)
		stk_layers_without(p, l, without, sizeof(without));
	if (cure != NULL && without[0] != '\0')
		stk_find_fix(v, "%s; or go on without it: %s", cure, without);
	else if (without[0] != '\0')
		stk_find_fix(v, "go on without it: %s", without);
	else if (cure != NULL)
		stk_find_fix(v, "%s", cure);
}

static void one_layer(const struct stk_layer_plan *p, enum stk_layer l, struct stk_findings *f)
{
	const struct stk_probe *probe = &p->probes[l];
	const char *demand = stk_layer_fixed(l) ? "fixed" : stk_demand_text(p->demand[l]);
	struct stk_finding *v = stk_find(f, layer_grade(p, l), STK_AREA_LAYER, stk_layer_text(l),
	    "%s%s%s%s", probe->why, p->asked_by[l] != NULL ? " (asked for by class " : "",
	    p->asked_by[l] != NULL ? p->asked_by[l] : "", p->asked_by[l] != NULL ? ")" : "");

	v->demand = demand;
	v->err = probe->err;
	if (v->grade > STK_GRADE_OFF)
		layer_fix(v, p, l);
}

/* --- classes ---------------------------------------------------------------------------------- */

/* The first layer that @d requires and that is not there, or STK_LAYER_COUNT. */
static enum stk_layer class_lacks(
    const struct stk_config *c, const struct stk_layer_plan *p, const struct stk_class_desc *d)
{
	unsigned l = 0;

	while (l < STK_LAYER_COUNT &&
	       (p->probes[l].state == STK_PROBE_OK ||
		   stk_layers_demand(c, (enum stk_layer)l, d) != STK_DEMAND_REQUIRE))
		l++;
	return (enum stk_layer)l;
}

static void one_class(const struct stk_config *c, const struct stk_cage_setup *s,
    const struct stk_class_desc *d, size_t index, struct stk_findings *f)
{
	enum stk_layer lacks = class_lacks(c, &s->layers, d);
	const char *fault = stk_layers_class_fault(c, &s->layers, d);
	char broker[300], lacking[512];

	if (lacks != STK_LAYER_COUNT)
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_CLASS, d->name,
		    "refused: %s needs %s: %s",
		    (d->profiles & STK_PROFILE_EXEC) != 0 ? "exec"
		    : d->profiles != STK_PROFILE_PURE     ? "its profile"
							  : "it",
		    stk_layer_text(lacks), s->layers.probes[lacks].why);
	else if (fault != NULL)
		stk_find_fix(
		    stk_find(f, STK_GRADE_MISS, STK_AREA_CLASS, d->name, "refused: %s", fault),
		    "%stake it out of the policy: its jobs would wait until they expire",
		    stk_layers_demand(c, STK_LAYER_LANDLOCK_FS, NULL) == STK_DEMAND_OFF
			? "layers = { landlock_fs = \"require\"; }; or "
			: "a kernel with Landlock, or ");
	else if (stk_class_unready(c, s, index, lacking, sizeof(lacking)) != 0)
		return; /* stk_doctor_granted says what that means here */
	else if (!stk_filter_ready(d->profiles))
		(void)stk_find(f, STK_GRADE_MISS, STK_AREA_CLASS, d->name,
		    "refused: this version has no call table for one of its profiles");
	else if ((d->profiles & STK_PROFILE_NET) == 0)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_CLASS, d->name, "runnable");
	else if (stk_cage_net_try(s->cage, (uint32_t)index, broker) == STK_OK)
		(void)stk_find(
		    f, STK_GRADE_OK, STK_AREA_CLASS, d->name, "runnable; its broker starts");
	else
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_CLASS, d->name, "refused: %s", broker);
}

void stk_doctor_layers(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f)
{
	const char *stranger = stk_layers_stranger(c, &s->table);

	f->landlock_abi = s->layers.probes[STK_LAYER_LANDLOCK_FS].abi;
	for (unsigned l = 0; l < STK_LAYER_COUNT; l++)
		one_layer(&s->layers, (enum stk_layer)l, f);
	for (uint32_t i = 0; i < s->table.head.n_classes; i++)
		one_class(c, s, &s->table.classes[i], i, f);
	if (stranger != NULL && s->table.head.n_classes > 0) {
		char name[STK_NAME_MAX + 1];

		stk_find_clean(stk_span_str(stranger), name, sizeof(name));
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_CLASS, name,
		    "class_layers asks for it, and the cage program has no such class");
	}
}

static bool is_judged(const struct stk_findings *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].area == STK_AREA_CLASS && strcmp(f->v[i].name, name) == 0)
			return true;
	return false;
}

/* The policy as it is written, for who is granted what; a worker's start judges it. */
static struct stk_keyring *load_policy(const struct stk_config *c, struct stk_findings *f)
{
	struct stk_conf_error e = { 0 };
	struct stk_keyring *ring = NULL;

	if (stk_seal_init() == STK_OK && stk_policy_load(c->policy, &ring, &e) == STK_OK)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_FILES, "keys",
		    "%zu keys of %zu principals", ring->n_keys, ring->n_principals);
	return ring;
}

void stk_doctor_granted(const struct stk_worker *w, struct stk_findings *f)
{
	struct stk_keyring *ring = load_policy(w->config, f);

	for (uint32_t i = 0; i < w->cage.table.head.n_classes; i++) {
		const char *name = w->cage.table.classes[i].name;
		bool wanted = ring == NULL || stk_class_wanted(w->config, ring, name);
		char why[384];

		if (is_judged(f, name) ||
		    stk_class_unready(w->config, &w->cage, i, why, sizeof(why)) == 0)
			continue;
		if (wanted)
			stk_doctor_refusal(f, STK_AREA_CLASS, name, why);
		else if (!is_judged(f, name))
			(void)stk_find(
			    f, STK_GRADE_OFF, STK_AREA_CLASS, name, "granted to nobody: %s", why);
	}
	stk_keyring_free(ring);
}

void stk_doctor_refusal(
    struct stk_findings *f, enum stk_area area, const char *name, const char *sentence)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].grade == STK_GRADE_REFUSE &&
		    strncmp(f->v[i].text, sentence, sizeof(f->v[i].text) - 1) == 0)
			return;
	(void)stk_find(f, STK_GRADE_REFUSE, area, name, "%s", sentence);
}
