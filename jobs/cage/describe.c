/*
 * describe.c - the registry as the worker's whitelist: sorted records, collected labels, digest.
 * Runs in the roles describe and zygote, so both always speak of the same table.
 */
#include "jobs/cage/cage.h"

#include "sandbox/digest.h"
#include "sandbox/net_addr.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	const struct stockade_class *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static uint32_t or_default(uint32_t asked, uint32_t otherwise)
{
	return asked == 0 ? otherwise : asked;
}

static bool has(const struct stockade_class *c, uint32_t profile)
{
	return (c->profile & profile) != 0;
}

static struct stk_limits limits_of(const struct stockade_class *c)
{
	return (struct stk_limits){
		.mem_bytes = (uint64_t)or_default(c->mem_mib, 256) << 20,
		.file_bytes = (uint64_t)or_default(c->file_mib, 8) << 20,
		.stack_bytes = (uint64_t)or_default(c->stack_mib, 8) << 20,
		.work_bytes = (uint64_t)c->work_mib << 20,
		.wall_ms = or_default(c->wall_ms, 60000),
		.cpu_s = or_default(c->cpu_s, 10),
		.fds = or_default(c->fds, 16),
		.output_bytes = or_default(c->output_kib, 64) << 10,
		.report_bytes = or_default(c->report_kib, 4) << 10,
		.result_bytes = or_default(c->result_kib, 64) << 10,
		.silence_ms = c->silence_s * 1000,
		.tasks = or_default(c->tasks, has(c, STOCKADE_PROFILE_threads) ? 8 : 1),
	};
}

/* Keeps the label table sorted while it grows. */
static const char *add_label(struct stk_desc_header *h, const char *label)
{
	uint32_t at = 0;

	if (strlen(label) == 0 || strlen(label) >= STK_LABEL_MAX)
		return "a grant's label is empty or longer than 31 bytes";
	while (at < h->n_labels && strcmp(h->labels[at], label) < 0)
		at++;
	if (at < h->n_labels && strcmp(h->labels[at], label) == 0)
		return NULL;
	if (h->n_labels == STK_LABELS_MAX)
		return "more than 32 different labels";
	memmove(h->labels[at + 1], h->labels[at], (h->n_labels - at) * sizeof(h->labels[0]));
	memset(h->labels[at], 0, sizeof(h->labels[at]));
	memcpy(h->labels[at], label, strlen(label));
	h->n_labels++;
	return NULL;
}

static const char *add_labels(struct stk_desc_header *h, const char *const *labels)
{
	const char *wrong = NULL;

	for (; wrong == NULL && *labels != NULL; labels++)
		wrong = add_label(h, *labels);
	return wrong;
}

static const char *add_grants(const struct stk_desc_header *h, const char *const *labels,
    uint32_t kind, struct stk_class_desc *d)
{
	for (; *labels != NULL; labels++) {
		struct stk_grant *g = &d->grants[d->n_grants];

		if (d->n_grants == STK_GRANTS_MAX)
			return "a class has more than 8 grants";
		while (strcmp(h->labels[g->label_index], *labels) != 0)
			g->label_index++;
		memcpy(g->label, h->labels[g->label_index], sizeof(g->label));
		g->kind = kind;
		d->profiles |= kind;
		d->n_grants++;
	}
	return NULL;
}

/* Copies NULL-ended @texts into @field-wide slots of @out. */
static const char *add_texts(
    const char *const *texts, size_t field, size_t most, char *out, uint32_t *n)
{
	for (; *texts != NULL; texts++) {
		size_t len = strlen(*texts);

		if (*n == most)
			return "a class names too many destinations, trees, secrets or settings";
		if (len == 0 || len >= field)
			return "a destination, path, secret or setting is empty or too long";
		memcpy(out + *n * field, *texts, len);
		*n += 1;
	}
	return NULL;
}

static const char *add_named(const struct stockade_class *c, struct stk_class_desc *d)
{
	const char *const program[] = { c->program, NULL };
	uint32_t one = 0;
	const char *wrong = add_texts(program, STK_PATH_MAX, 1, d->program, &one);

	if (wrong == NULL)
		wrong = add_texts(c->trees, STK_PATH_MAX, STK_TREES_MAX, d->trees[0], &d->n_trees);
	if (wrong == NULL)
		wrong = add_texts(c->nets, STK_NET_MAX, STK_NETS_MAX, d->nets[0], &d->n_nets);
	if (wrong == NULL)
		wrong = add_texts(
		    c->secrets, STK_LABEL_MAX, STK_SECRETS_MAX, d->secrets[0], &d->n_secrets);
	if (wrong == NULL)
		wrong = add_texts(
		    c->settings, STK_LABEL_MAX, STK_SECRETS_MAX, d->settings[0], &d->n_settings);
	return wrong;
}

/* A profile without its grant and a grant without its profile are both an author's mistake. */
static const char *profile_wrong(const struct stockade_class *c, const struct stk_class_desc *d)
{
	struct stk_net_rule rule;

	if (c->profile == STOCKADE_PROFILE_none)
		return "a class has no PROFILE";
	if (has(c, STOCKADE_PROFILE_pure) && c->profile != STOCKADE_PROFILE_pure)
		return "PROFILE(pure) goes with no other";
	if ((d->n_grants > 0 || c->work_mib > 0) != has(c, STOCKADE_PROFILE_files))
		return "PROFILE(files) and READ, WRITE or WORK_MIB belong together";
	if ((d->n_nets > 0) != has(c, STOCKADE_PROFILE_net))
		return "PROFILE(net) and CONNECT belong together";
	for (uint32_t i = 0; i < d->n_nets; i++)
		if (stk_net_rule_parse(d->nets[i], &rule) != NULL)
			return "a CONNECT is not \"name:port\", \"*.name:port\", \"address:port\", "
			       "\"range:port\" or \"*:port\"";
	if ((c->program != NULL) != has(c, STOCKADE_PROFILE_exec))
		return "PROFILE(exec) and EXEC or EXEC_DYNAMIC belong together";
	if (c->tasks > 1 && !has(c, STOCKADE_PROFILE_threads))
		return "TASKS and PROFILE(threads) belong together";
	return NULL;
}

static uint32_t profiles_of(const struct stockade_class *c)
{
	uint32_t sum = STK_PROFILE_PURE;

	if (c->work_mib > 0)
		sum |= STK_PROFILE_FILES_WRITE;
	if (has(c, STOCKADE_PROFILE_threads))
		sum |= STK_PROFILE_THREADS;
	if (has(c, STOCKADE_PROFILE_net))
		sum |= STK_PROFILE_NET;
	if (has(c, STOCKADE_PROFILE_exec))
		sum |= STK_PROFILE_EXEC;
	if (c->dynamic != 0)
		sum |= STK_PROFILE_EXEC_DYNAMIC;
	return sum;
}

static const char *fill(
    const struct stk_desc_header *h, const struct stockade_class *c, struct stk_class_desc *d)
{
	const char *wrong;

	memcpy(d->name, c->name, strlen(c->name));
	stk_digest(c->schema, (size_t)(c->schema_end - c->schema), d->schema_digest);
	d->ask = limits_of(c);
	d->idempotent = c->idempotent;
	d->keep_result_s = c->keep_result_s;
	d->releases = c->releases;
	d->retry_max = c->retry_max;
	d->retry_kind = c->retry_kind;
	d->retry_base_ms = c->retry_base_ms;
	d->profiles = profiles_of(c);
	wrong = add_grants(h, c->reads, STK_PROFILE_FILES_READ, d);
	if (wrong == NULL)
		wrong = add_grants(h, c->writes, STK_PROFILE_FILES_WRITE, d);
	if (wrong == NULL)
		wrong = add_named(c, d);
	return wrong == NULL ? profile_wrong(c, d) : wrong;
}

const char *stockade_table_build(
    const struct stockade_class *registry, size_t n, struct stockade_table *t)
{
	const char *wrong = NULL;

	memset(t, 0, sizeof(*t));
	if (n == 0 || n > STK_CLASSES_MAX)
		return "a registry has 1 to 256 classes";
	t->head = (struct stk_desc_header){ .magic = STK_DESC_MAGIC,
		.abi = STK_ABI,
		.wall_version = STK_WALL_VERSION,
		.n_classes = (uint32_t)n,
		.class_size = sizeof(struct stk_class_desc) };
	for (size_t i = 0; i < n; i++)
		t->origin[i] = &registry[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers */
	qsort(t->origin, n, sizeof(t->origin[0]), by_name);
	for (size_t i = 0; wrong == NULL && i < n; i++) {
		wrong = add_labels(&t->head, t->origin[i]->reads);
		if (wrong == NULL)
			wrong = add_labels(&t->head, t->origin[i]->writes);
	}
	for (size_t i = 0; wrong == NULL && i < n; i++)
		wrong = fill(&t->head, t->origin[i], &t->classes[i]);
	stk_digest(t->classes, n * sizeof(t->classes[0]), t->head.registry_digest);
	return wrong;
}
