/*
 * classes.c - the described class table, read as an untrusted peer's word. The worker's whitelist
 * comes out of here, so every field is checked before the table is believed; the records are
 * fixed-size, so the parse is one length check and then comparisons.
 */
#include "sandbox/cage.h"

#include "sandbox/digest.h"
#include "sandbox/net_addr.h"
#include "sandbox/program.h"

#include <stdlib.h>
#include <string.h>

#define PROFILES_KNOWN                                                            \
	(STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE | STK_PROFILE_THREADS | \
	    STK_PROFILE_NET | STK_PROFILE_EXEC | STK_PROFILE_EXEC_DYNAMIC)

#define KEEP_RESULT_MAX (7u * 24 * 3600) /* seconds */

/* What a class may ask for at all; the operator's ceiling is lower, this only keeps sums finite. */
static const struct stk_limits most = {
	.mem_bytes = UINT64_C(1) << 46,
	.file_bytes = UINT64_C(1) << 46,
	.stack_bytes = UINT64_C(1) << 32,
	.work_bytes = UINT64_C(1) << 46,
	.wall_ms = 7u * 24 * 3600 * 1000,
	.cpu_s = 7u * 24 * 3600,
	.fds = 1u << 16,
	.output_bytes = 64u << 20,
	.report_bytes = 64u << 20,
	.result_bytes = 64u << 20,
	.tasks = 4096,
};

void stk_class_table_clear(struct stk_class_table *t)
{
	free(t->classes);
	memset(t, 0, sizeof(*t));
}

/* Length of a name that is padded with NULs to its field's end, or 0 if it is not one. */
static size_t padded_len(const char *s, size_t field)
{
	size_t len = strnlen(s, field);

	for (size_t i = len; i < field; i++)
		if (s[i] != '\0')
			return 0;
	return len == field ? 0 : len;
}

static bool alpha(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* STK1's grammar of a class: [A-Za-z_][A-Za-z0-9_:]{0,127}. */
static bool class_name_good(const char *s, size_t field)
{
	size_t len = padded_len(s, field);

	if (len == 0 || len > STK_NAME_MAX || digit(s[0]) || s[0] == ':')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!alpha(s[i]) && !digit(s[i]) && s[i] != '_' && s[i] != ':')
			return false;
	return true;
}

static bool label_good(const char *s, size_t field)
{
	size_t len = padded_len(s, field);

	for (size_t i = 0; i < len; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !digit(s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return len > 0;
}

static bool limits_good(const struct stk_limits *l)
{
	return l->mem_bytes > 0 && l->mem_bytes <= most.mem_bytes &&
	       l->file_bytes <= most.file_bytes && l->stack_bytes > 0 &&
	       l->stack_bytes <= most.stack_bytes && l->wall_ms > 0 && l->wall_ms <= most.wall_ms &&
	       l->cpu_s > 0 && l->cpu_s <= most.cpu_s && l->fds > 0 && l->fds <= most.fds &&
	       l->output_bytes <= most.output_bytes && l->report_bytes <= most.report_bytes &&
	       l->result_bytes <= most.result_bytes && l->work_bytes <= most.work_bytes &&
	       l->tasks > 0 && l->tasks <= most.tasks && l->silence_ms <= most.wall_ms;
}

static const char *grants_wrong(const struct stk_desc_header *h, const struct stk_class_desc *c)
{
	static const struct stk_grant none;
	uint32_t kinds = 0;

	if (c->n_grants > STK_GRANTS_MAX)
		return "too many grants in one class";
	for (uint32_t i = 0; i < c->n_grants; i++) {
		const struct stk_grant *g = &c->grants[i];

		if (g->kind != STK_PROFILE_FILES_READ && g->kind != STK_PROFILE_FILES_WRITE)
			return "a grant of an unknown kind";
		if (g->label_index >= h->n_labels ||
		    memcmp(g->label, h->labels[g->label_index], STK_LABEL_MAX) != 0)
			return "a grant whose label is not in the label table";
		kinds |= g->kind;
	}
	for (uint32_t i = c->n_grants; i < STK_GRANTS_MAX; i++)
		if (memcmp(&c->grants[i], &none, sizeof(none)) != 0)
			return "a grant beyond the count";
	if ((kinds & ~c->profiles) != 0)
		return "a grant that the profiles do not hold";
	return NULL;
}

static bool path_good(const char *s, size_t field)
{
	size_t len = padded_len(s, field);

	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return len > 0 && s[0] == '/' && strstr(s, "/..") == NULL;
}

/* What the broker will read, by the broker's own reader. */
static bool net_good(const char *s, size_t field)
{
	struct stk_net_rule r;

	return padded_len(s, field) > 0 && stk_net_rule_parse(s, &r) == NULL;
}

static bool slots_good(const char *slots, size_t field, uint32_t most_slots, uint32_t n,
    bool (*good)(const char *s, size_t field))
{
	if (n > most_slots)
		return false;
	for (uint32_t i = 0; i < most_slots; i++) {
		const char *slot = slots + i * field;

		if (i < n ? !good(slot, field) : slot[0] != '\0' || padded_len(slot, field) != 0)
			return false;
	}
	return true;
}

static const char *named_wrong(const struct stk_class_desc *c)
{
	bool exec = (c->profiles & STK_PROFILE_EXEC) != 0;
	bool dynamic = (c->profiles & STK_PROFILE_EXEC_DYNAMIC) != 0;

	if (!slots_good(c->program, STK_PATH_MAX, 1, exec ? 1 : 0, path_good))
		return "a program that is no absolute path, or that its profile does not hold";
	if (!slots_good(c->trees[0], STK_PATH_MAX, STK_TREES_MAX, c->n_trees, path_good) ||
	    dynamic != (c->n_trees > 0) || (dynamic && !exec))
		return "a library tree that is no absolute path, or that its profile does not hold";
	if (!slots_good(c->nets[0], STK_NET_MAX, STK_NETS_MAX, c->n_nets, net_good) ||
	    ((c->profiles & STK_PROFILE_NET) != 0) != (c->n_nets > 0))
		return "a destination that cannot be read, or that its profile does not hold";
	if (!slots_good(c->secrets[0], STK_LABEL_MAX, STK_SECRETS_MAX, c->n_secrets, label_good) ||
	    !slots_good(c->settings[0], STK_LABEL_MAX, STK_SECRETS_MAX, c->n_settings, label_good))
		return "a secret or a setting of a foreign alphabet";
	if (c->ask.work_bytes > 0 && (c->profiles & STK_PROFILE_FILES_WRITE) == 0)
		return "a work directory that the profiles do not hold";
	if (c->ask.tasks > 1 && (c->profiles & STK_PROFILE_THREADS) == 0)
		return "tasks that the profiles do not hold";
	return NULL;
}

static const char *class_wrong(const struct stk_desc_header *h, const struct stk_class_desc *c)
{
	const char *wrong;

	if (!class_name_good(c->name, sizeof(c->name)))
		return "a class name of a foreign alphabet or length";
	if ((c->profiles & ~(uint32_t)PROFILES_KNOWN) != 0)
		return "an unknown profile";
	if (c->retry_kind > STK_RETRY_FIXED)
		return "an unknown kind of retry";
	if (c->idempotent > 1 || c->retry_max > 1000 || c->retry_base_ms > most.wall_ms)
		return "a retry rule beyond its bounds";
	if (c->keep_result_s > KEEP_RESULT_MAX || c->releases > STK_RELEASES_MAX)
		return "a result kept longer than seven days, or more than 8 released jobs";
	if (!limits_good(&c->ask))
		return "a limit of zero or beyond all bounds";
	wrong = grants_wrong(h, c);
	return wrong == NULL ? named_wrong(c) : wrong;
}

static const char *header_wrong(const struct stk_desc_header *h, size_t len)
{
	static const char none[STK_LABEL_MAX];

	if (h->magic != STK_DESC_MAGIC)
		return "not a description";
	if (h->abi != STK_ABI)
		return "CAGE_ABI: it was built with another job.h (ABI number); build it again "
		       "with this "
		       "version's header and library";
	if (h->class_size != sizeof(struct stk_class_desc))
		return "built from another version (class record size)";
	if (h->n_classes == 0 || h->n_classes > STK_CLASSES_MAX || h->n_labels > STK_LABELS_MAX)
		return "no classes, or too many classes or labels";
	if (len != sizeof(*h) + h->n_classes * sizeof(struct stk_class_desc))
		return "length and class count disagree";
	for (uint32_t i = 0; i < STK_LABELS_MAX; i++) {
		if (i >= h->n_labels && memcmp(h->labels[i], none, STK_LABEL_MAX) != 0)
			return "a label beyond the count";
		if (i < h->n_labels && !label_good(h->labels[i], STK_LABEL_MAX))
			return "a label of a foreign alphabet";
		if (i > 0 && i < h->n_labels &&
		    memcmp(h->labels[i - 1], h->labels[i], STK_LABEL_MAX) >= 0)
			return "labels not sorted or not unique";
	}
	return NULL;
}

static const char *classes_wrong(const struct stk_class_table *t)
{
	struct stk_paths paths;
	const char *wrong = NULL;

	for (uint32_t i = 0; i < t->head.n_classes && wrong == NULL; i++) {
		wrong = class_wrong(&t->head, &t->classes[i]);
		if (wrong == NULL && i > 0 &&
		    strcmp(t->classes[i - 1].name, t->classes[i].name) >= 0)
			wrong = "classes not sorted or not unique";
	}
	if (wrong == NULL && !stk_paths_of(t->classes, t->head.n_classes, &paths))
		wrong = "more than 16 different programs and library trees";
	return wrong;
}

static enum stk_err refuse(struct stk_class_table *t, const char *wrong, const char **why)
{
	stk_class_table_clear(t);
	*why = wrong;
	return STK_E_FORMAT;
}

enum stk_err stk_class_table_parse(
    const uint8_t *bytes, size_t len, struct stk_class_table *t, const char **why)
{
	uint8_t digest[STK_DIGEST_BYTES];
	const char *wrong;

	memset(t, 0, sizeof(*t));
	*why = "no error";
	if (len < sizeof(t->head))
		return refuse(t, "shorter than its header", why);
	memcpy(&t->head, bytes, sizeof(t->head));
	if ((wrong = header_wrong(&t->head, len)) != NULL)
		return refuse(t, wrong, why);
	t->classes = calloc(t->head.n_classes, sizeof(*t->classes));
	if (t->classes == NULL) {
		*why = stk_strerror(STK_E_NOMEM);
		return STK_E_NOMEM;
	}
	memcpy(t->classes, bytes + sizeof(t->head), t->head.n_classes * sizeof(*t->classes));
	if ((wrong = classes_wrong(t)) != NULL)
		return refuse(t, wrong, why);
	stk_digest(t->classes, t->head.n_classes * sizeof(*t->classes), digest);
	if (memcmp(digest, t->head.registry_digest, sizeof(digest)) != 0)
		return refuse(t, "the digest does not match the records", why);
	return STK_OK;
}

int stk_class_find(const struct stk_class_table *t, struct stk_span name)
{
	for (uint32_t i = 0; i < t->head.n_classes; i++)
		if (stk_span_eq(stk_span_str(t->classes[i].name), name))
			return (int)i;
	return -1;
}
