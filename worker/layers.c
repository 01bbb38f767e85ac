/*
 * layers.c - see layers.h. What counts, the strongest first: what the table fixes, the operator's
 * word for the class, the operator's word for all, the table's word for the class's profiles.
 */
#include "worker/layers.h"

#include "worker/log.h"
#include "worker/pulse.h"
#include "worker/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int layer_named(const char *name)
{
	for (unsigned l = 0; l < STK_LAYER_COUNT; l++)
		if (strcmp(stk_layer_text((enum stk_layer)l), name) == 0)
			return (int)l;
	return -1;
}

static bool lists(const struct stk_strings *names, enum stk_layer l)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], stk_layer_text(l)) == 0)
			return true;
	return false;
}

static const struct stk_class_layers *class_layers(const struct stk_config *c, size_t i)
{
	return (const struct stk_class_layers *)c->class_layers.items + i;
}

static enum stk_layer_wish class_wish(const struct stk_class_layers *o, enum stk_layer l)
{
	return lists(&o->require, l)  ? STK_WISH_REQUIRE
	       : lists(&o->prefer, l) ? STK_WISH_PREFER
	       : lists(&o->off, l)    ? STK_WISH_OFF
				      : STK_WISH_NONE;
}

/* A name nobody knows, or one layer under two demands, or less of a layer that cannot be had less.
 */
static enum stk_err check_names(const struct stk_class_layers *o, const struct stk_strings *names,
    enum stk_layer_wish wish, struct stk_conf_error *e)
{
	for (size_t i = 0; i < names->n; i++) {
		int l = layer_named(names->v[i]);

		if (l < 0)
			return stk_conf_blame(e, "class_layers", 0,
			    "class %s names a layer '%.64s' that there is not; `stockade doctor` "
			    "lists them",
			    o->name, names->v[i]);
		if (class_wish(o, (enum stk_layer)l) != wish)
			return stk_conf_blame(e, "class_layers", 0,
			    "class %s asks for layer %s in two ways", o->name, names->v[i]);
		if (wish != STK_WISH_REQUIRE && stk_layer_fixed((enum stk_layer)l))
			return stk_conf_blame(e, "class_layers", 0,
			    "class %s: the cage does not shut without %s; it cannot be asked for "
			    "less",
			    o->name, names->v[i]);
	}
	return STK_OK;
}

static bool of_landlock(enum stk_layer l)
{
	return l >= STK_LAYER_LANDLOCK_FS && l <= STK_LAYER_LANDLOCK_ABSTRACT;
}

/* Where Landlock is not used at all, what is a part of it cannot be required: nothing would hold
 * it. */
static enum stk_err check_landlock(const struct stk_config *c, struct stk_conf_error *e)
{
	static const char because[] =
	    "cannot be required: with landlock_fs = \"off\" Landlock is not used at all";

	for (unsigned i = 0; i < STK_LAYER_COUNT; i++) {
		enum stk_layer l = (enum stk_layer)i;

		if (!of_landlock(l) || c->layers[STK_LAYER_LANDLOCK_FS] != STK_WISH_OFF)
			continue;
		if (c->layers[i] == STK_WISH_REQUIRE)
			return stk_conf_blame(e, "layers", 0, "%s %s", stk_layer_text(l), because);
		for (size_t k = 0; k < c->class_layers.n; k++)
			if (lists(&class_layers(c, k)->require, l))
				return stk_conf_blame(e, "class_layers", 0, "class %s: %s %s",
				    class_layers(c, k)->name, stk_layer_text(l), because);
	}
	return STK_OK;
}

enum stk_err stk_layers_check(const struct stk_config *c, struct stk_conf_error *e)
{
	enum stk_err err = STK_OK;

	for (unsigned l = 0; l < STK_LAYER_COUNT; l++)
		if (stk_layer_fixed((enum stk_layer)l) &&
		    (c->layers[l] == STK_WISH_OFF || c->layers[l] == STK_WISH_PREFER))
			return stk_conf_blame(e, "layers", 0,
			    "the cage does not shut without %s; it cannot be asked for less",
			    stk_layer_text((enum stk_layer)l));
	for (size_t i = 0; i < c->class_layers.n && err == STK_OK; i++) {
		const struct stk_class_layers *o = class_layers(c, i);

		err = check_names(o, &o->require, STK_WISH_REQUIRE, e);
		if (err == STK_OK)
			err = check_names(o, &o->prefer, STK_WISH_PREFER, e);
		if (err == STK_OK)
			err = check_names(o, &o->off, STK_WISH_OFF, e);
	}
	return err == STK_OK ? check_landlock(c, e) : err;
}

const char *stk_layers_stranger(const struct stk_config *c, const struct stk_class_table *t)
{
	for (size_t i = 0; i < c->class_layers.n; i++)
		if (stk_class_find(t, stk_span_str(class_layers(c, i)->name)) < 0)
			return class_layers(c, i)->name;
	return NULL;
}

static enum stk_demand demand_of(enum stk_layer_wish w)
{
	return w == STK_WISH_REQUIRE  ? STK_DEMAND_REQUIRE
	       : w == STK_WISH_PREFER ? STK_DEMAND_PREFER
				      : STK_DEMAND_OFF;
}

enum stk_demand stk_layers_demand(
    const struct stk_config *c, enum stk_layer l, const struct stk_class_desc *d)
{
	enum stk_layer_wish wish = (enum stk_layer_wish)c->layers[l];

	if (stk_layer_fixed(l))
		return STK_DEMAND_REQUIRE;
	if (of_landlock(l) && c->layers[STK_LAYER_LANDLOCK_FS] == STK_WISH_OFF)
		return STK_DEMAND_OFF; /* none of it is used then */
	for (size_t i = 0; d != NULL && i < c->class_layers.n; i++) {
		enum stk_layer_wish own = class_wish(class_layers(c, i), l);

		if (own != STK_WISH_NONE && strcmp(class_layers(c, i)->name, d->name) == 0)
			wish = own;
	}
	return wish != STK_WISH_NONE ? demand_of(wish)
				     : stk_layer_demand(l, d == NULL ? 0 : d->profiles);
}

bool stk_layers_landlock(const struct stk_config *c)
{
	struct stk_probe p;

	switch (stk_layers_demand(c, STK_LAYER_LANDLOCK_FS, NULL)) {
	case STK_DEMAND_OFF: return false;
	case STK_DEMAND_REQUIRE: return true;
	case STK_DEMAND_PREFER: break;
	}
	stk_probe_one(STK_LAYER_LANDLOCK_FS, &p);
	return p.state == STK_PROBE_OK;
}

void stk_layers_plan(
    const struct stk_config *c, const struct stk_class_table *t, struct stk_layer_plan *out)
{
	stk_probe_all(out->probes);
	stk_layers_judge(c, t, out);
}

void stk_layers_judge(
    const struct stk_config *c, const struct stk_class_table *t, struct stk_layer_plan *out)
{
	for (unsigned i = 0; i < STK_LAYER_COUNT; i++) {
		enum stk_layer l = (enum stk_layer)i;

		out->demand[i] = stk_layers_demand(c, l, NULL);
		out->asked_by[i] = NULL;
		for (uint32_t k = 0; k < t->head.n_classes; k++) {
			enum stk_demand d = stk_layers_demand(c, l, &t->classes[k]);

			if (d <= out->demand[i])
				continue;
			out->demand[i] = d;
			out->asked_by[i] = t->classes[k].name;
		}
	}
}

bool stk_layers_missing(const struct stk_layer_plan *p, enum stk_layer l)
{
	return p->probes[l].state != STK_PROBE_OK && p->demand[l] == STK_DEMAND_REQUIRE;
}

bool stk_layers_degraded(const struct stk_layer_plan *p, enum stk_layer l)
{
	return p->probes[l].state != STK_PROBE_OK && p->demand[l] == STK_DEMAND_PREFER;
}

uint64_t stk_layers_log(const struct stk_layer_plan *p)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < STK_LAYER_COUNT; i++) {
		enum stk_layer l = (enum stk_layer)i;
		struct stk_jw *line;

		if (!stk_layers_degraded(p, l))
			continue;
		n++;
		line = stk_log_start(STK_LOG_WARN, "worker.degraded", "unknown",
		    "layer %s is not there: %s", stk_layer_text(l), p->probes[i].why);
		stk_jw_cstr(line, "stockade.layer", stk_layer_text(l));
		stk_log_end();
	}
	return n;
}

enum stk_layer stk_layers_first_missing(const struct stk_layer_plan *p)
{
	unsigned l = 0;

	while (l < STK_LAYER_COUNT && !stk_layers_missing(p, (enum stk_layer)l))
		l++;
	return (enum stk_layer)l;
}

/* Of a trial to which no call said no; NULL: nothing is known that would help. */
static const char *trial_cure(enum stk_trial t)
{
	switch (t) {
	case STK_TRIAL_NO_EFFECT:
		return "run it on a kernel that does what it says: an emulated one (gVisor) may "
		       "not";
	case STK_TRIAL_NO_PLACE: return "set TMPDIR to a folder that this user can write";
	case STK_TRIAL_NO_PROCESS:
		return "raise how many processes this user may have (ulimit -u, TasksMax=, a pod's "
		       "pids limit), or stop what else runs as it";
	case STK_TRIAL_KILLED: return "ask for a container profile that allows it";
	case STK_TRIAL_ANSWERED:
	case STK_TRIAL_ODD: break;
	}
	return NULL;
}

/* Of a call that said no. */
static const char *errno_cure(enum stk_layer l, int err)
{
	if (l == STK_LAYER_PROC && (err == ENOENT || err == EACCES || err == EPERM))
		return "a /proc without hidepid; under systemd without ProtectProc";
	if (l == STK_LAYER_CGROUP)
		return err == EACCES || err == EPERM
			   ? "delegate a group to this user (systemd: Delegate=yes)"
			   : "delegate the memory controller to the group of the service";
	switch (err) {
	case EPERM:
	case EBUSY: return "ask for a container profile that allows it";
	case ENOSYS:
	case EINVAL: return "a newer kernel, or a newer container runtime";
	case EFBIG: return STK_PULSE_CURE;
	case EOPNOTSUPP: return "switch it on at boot (lsm=landlock,...)";
	default: return NULL;
	}
}

const char *stk_layers_cure(const struct stk_probe *p)
{
	if (p->trial == STK_TRIAL_NO_PROCESS)
		return trial_cure(p->trial);
	if (p->layer == STK_LAYER_UID || (p->trial == STK_TRIAL_NO_EFFECT && geteuid() == 0))
		return "set `user` in the configuration, or start it as another user";
	if ((p->layer == STK_LAYER_MLOCK && (p->err == EPERM || p->err == ENOMEM)) ||
	    (p->layer == STK_LAYER_MEMFD_SECRET && p->err == EAGAIN))
		return STK_VAULT_CURE "; a pod has it of its runtime";
	return p->trial == STK_TRIAL_ANSWERED ? errno_cure(p->layer, p->err) : trial_cure(p->trial);
}

void stk_layers_without(const struct stk_layer_plan *p, enum stk_layer l, char *out, size_t size)
{
	const char *name = stk_layer_text(l);

	if (p->probes[l].trial == STK_TRIAL_NO_PROCESS || stk_layer_fixed(l))
		out[0] = '\0'; /* it may well be there; or nothing goes on without it */
	else if (p->asked_by[l] != NULL)
		(void)snprintf(out, size,
		    "class_layers = ( { class = \"%s\"; prefer = [ \"%s\" ]; } );", p->asked_by[l],
		    name);
	else
		(void)snprintf(out, size, "layers = { %s = \"prefer\"; };%s", name,
		    l == STK_LAYER_LANDLOCK_FS ? " classes with files or exec then do not run"
					       : "");
}

void stk_layers_say(const struct stk_layer_plan *p, enum stk_layer l, char *why, size_t size)
{
	const char *cure = stk_layers_cure(&p->probes[l]);
	char who[STK_NAME_MAX + 32] = "", without[STK_LAYERS_WITHOUT_MAX];

	if (p->asked_by[l] != NULL)
		(void)snprintf(who, sizeof(who), " (class %s asks for it)", p->asked_by[l]);
	stk_layers_without(p, l, without, sizeof(without));
	(void)snprintf(why, size, "layer %s is missing: %s%s%s%s%s%s", stk_layer_text(l),
	    p->probes[l].why, who, cure != NULL ? "; " : "", cure != NULL ? cure : "",
	    without[0] != '\0' ? "; to go on without it: " : "", without);
}

const char *stk_layers_class_fault(
    const struct stk_config *c, const struct stk_layer_plan *p, const struct stk_class_desc *d)
{
	bool exec = (d->profiles & STK_PROFILE_EXEC) != 0;
	bool files =
	    (d->profiles & ((uint32_t)STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE)) != 0;

	if (!exec && !files)
		return NULL;
	if (stk_layers_demand(c, STK_LAYER_LANDLOCK_FS, NULL) == STK_DEMAND_OFF)
		return exec ? "exec needs landlock_fs, which is switched off"
			    : "files need landlock_fs, which is switched off";
	if (p->probes[STK_LAYER_LANDLOCK_FS].state != STK_PROBE_OK)
		return exec ? "exec needs landlock_fs, which this machine does not give"
			    : "files need landlock_fs, which this machine does not give";
	return NULL;
}
