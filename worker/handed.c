/*
 * handed.c - see handed.h. The files are the operator's; nothing of them is echoed.
 */
#include "worker/handed.h"

#include "worker/cli/cli.h"
#include "worker/redact.h"
#include "worker/seal.h"
#include "worker/vault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the next record goes. */
struct filling {
	struct stk_handed_class *h;
	char *why;
	size_t why_size;
};

STK_PRINTF(3, 4)
static int wrong(const struct filling *f, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f->why, f->why_size, fmt, ap);
	va_end(ap);
	return code;
}

static const char *mapped(const struct stk_map *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].name, name) == 0)
			return m->v[i].value;
	return NULL;
}

/* Length, bytes, NUL: so that a job may use it as a string where it is one. */
static void close_record(struct stk_handed_class *h, uint32_t len)
{
	memcpy(h->block + h->len, &len, sizeof(len));
	h->block[h->len + sizeof(len) + len] = '\0';
	h->len += sizeof(len) + len + 1;
}

/* Straight from the file into the vault: no copy on the heap or the stack. */
static int read_file(const struct filling *f, const char *label, const char *path)
{
	uint8_t *at = f->h->block + f->h->len + sizeof(uint32_t);
	STK_AUTO_CLOSE int fd = -1;
	const char *fault;
	size_t len = 0;
	ssize_t n;
	enum stk_err e = stk_secret_file_open(NULL, path, &fd, &fault);

	if (e != STK_OK)
		return wrong(f, e == STK_E_SYSTEM ? STK_EX_NOINPUT : STK_EX_CONFIG,
		    "the file %s of secret '%s' %s", path, label, fault);
	while ((n = read(fd, at + len, STK_HANDED_EACH + 1 - len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return wrong(f, STK_EX_NOINPUT, "the file %s of secret '%s': %s", path,
			    label, strerror(errno));
		len += (size_t)n;
		if (len > STK_HANDED_EACH)
			return wrong(f, STK_EX_CONFIG,
			    "the file %s of secret '%s' is larger than %u bytes", path, label,
			    STK_HANDED_EACH);
	}
	if (len > 0 && at[len - 1] == '\n')
		len--;
	if (len == 0)
		return wrong(f, STK_EX_CONFIG, "the file %s of secret '%s' is empty", path, label);
	close_record(f->h, (uint32_t)len);
	return 0;
}

static int add_secret(const struct filling *f, const struct stk_config *c,
    const struct stk_class_desc *d, const char *label)
{
	const char *path = mapped(&c->secrets, label);

	if (path == NULL)
		return wrong(f, STK_EX_CONFIG,
		    "class %s needs a secret '%s' that no file is mapped to; add secrets = { %s = "
		    "\"/path\"; }; to the configuration",
		    d->name, label, label);
	return read_file(f, label, path);
}

static int add_setting(const struct filling *f, const struct stk_config *c,
    const struct stk_class_desc *d, const char *name)
{
	const char *value = mapped(&c->settings, name);
	size_t len;

	if (value == NULL)
		return wrong(f, STK_EX_CONFIG,
		    "class %s needs a setting '%s' that has no value; add settings = { %s = "
		    "\"value\"; }; to the configuration",
		    d->name, name, name);
	len = strlen(value);
	if (len > STK_HANDED_EACH)
		return wrong(f, STK_EX_CONFIG, "the value of setting '%s' is larger than %u bytes",
		    name, STK_HANDED_EACH);
	memcpy(f->h->block + f->h->len + sizeof(uint32_t), value, len);
	close_record(f->h, (uint32_t)len);
	return 0;
}

static int fill(const struct filling *f, const struct stk_config *c, const struct stk_class_desc *d)
{
	int code = 0;

	if (d->n_secrets + d->n_settings == 0)
		return 0;
	f->h->block = stk_vault_new(STK_HANDED_MAX);
	if (f->h->block == NULL)
		return wrong(f, STK_EX_OS,
		    "the secrets of class %s cannot be kept in locked memory: %s; " STK_VAULT_CURE,
		    d->name, strerror(errno));
	for (uint32_t i = 0; code == 0 && i < d->n_secrets; i++)
		code = add_secret(f, c, d, d->secrets[i]);
	for (uint32_t i = 0; code == 0 && i < d->n_settings; i++)
		code = add_setting(f, c, d, d->settings[i]);
	return code;
}

const char *stk_handed_unmapped(
    const struct stk_config *c, const struct stk_class_desc *d, bool *secret)
{
	*secret = true;
	for (uint32_t i = 0; i < d->n_secrets; i++)
		if (mapped(&c->secrets, d->secrets[i]) == NULL)
			return d->secrets[i];
	*secret = false;
	for (uint32_t i = 0; i < d->n_settings; i++)
		if (mapped(&c->settings, d->settings[i]) == NULL)
			return d->settings[i];
	return NULL;
}

int stk_handed_load(const struct stk_config *c, const struct stk_class_table *t, int only,
    struct stk_handed *out, char *why, size_t why_size)
{
	int code = 0;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; code == 0 && i < t->head.n_classes; i++) {
		struct filling f = { .h = &out->of[i], .why = why, .why_size = why_size };
		bool secret;

		if (only < 0 ? stk_handed_unmapped(c, &t->classes[i], &secret) == NULL
			     : (uint32_t)only == i)
			code = fill(&f, c, &t->classes[i]);
	}
	return code;
}

void stk_handed_clear(struct stk_handed *h)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(h->of); i++) {
		stk_vault_free(h->of[i].block);
		h->of[i] = (struct stk_handed_class){ 0 };
	}
}

struct stk_span stk_handed_span(const struct stk_handed *h, uint32_t index)
{
	return stk_span_of(h->of[index].block, h->of[index].len);
}

bool stk_handed_redact(
    const struct stk_handed_class *h, const struct stk_class_desc *d, uint8_t *text, size_t len)
{
	const uint8_t *at = h->block;
	bool found = false;

	for (uint32_t i = 0; h->block != NULL && text != NULL && i < d->n_secrets; i++) {
		uint32_t n;

		memcpy(&n, at, sizeof(n));
		found |= stk_redact(at + sizeof(n), n, text, len);
		at += sizeof(n) + n + 1;
	}
	return found;
}
