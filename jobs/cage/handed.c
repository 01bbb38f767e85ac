/*
 * handed.c - job.h's secrets, settings and work directory, from the inside. The block came from W,
 * which read the operator's files; it is taken apart with the same care as anything else.
 */
#include "jobs/cage/cage.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static struct {
	const struct stk_spawn *spawn;
	const struct stk_class_desc *desc;
	struct stk_span secrets[STK_SECRETS_MAX], settings[STK_SECRETS_MAX];
} handed;

/* One record off the front of @rest: length, bytes, NUL. */
static bool take(struct stk_span *rest, struct stk_span *out)
{
	uint32_t len;

	if (rest->len < sizeof(len))
		return false;
	memcpy(&len, rest->p, sizeof(len));
	if (len > STK_HANDED_EACH || rest->len < sizeof(len) + len + 1 ||
	    rest->p[sizeof(len) + len] != '\0')
		return false;
	*out = stk_span_of(rest->p + sizeof(len), len);
	*rest = stk_span_of(out->p + len + 1, rest->len - sizeof(len) - len - 1);
	return true;
}

bool stockade_handed_take(const struct stk_class_desc *desc, const struct stk_spawn *spawn,
    const uint8_t *block, size_t len)
{
	struct stk_span rest = stk_span_of(block, len);

	handed.spawn = spawn;
	/* arguments that are only checked come alone */
	if (len == 0)
		return true;
	handed.desc = desc;
	for (uint32_t i = 0; i < desc->n_secrets; i++)
		if (!take(&rest, &handed.secrets[i]))
			return false;
	for (uint32_t i = 0; i < desc->n_settings; i++)
		if (!take(&rest, &handed.settings[i]))
			return false;
	return rest.len == 0;
}

const void *stockade_secret(const struct stockade_job *job, const char *label, size_t *len)
{
	for (uint32_t i = 0; handed.desc != NULL && i < handed.desc->n_secrets; i++)
		if (strcmp(handed.desc->secrets[i], label) == 0) {
			if (len != NULL)
				*len = handed.secrets[i].len;
			return handed.secrets[i].p;
		}
	stockade_tell_once(job, STK_LACKS_GRANT "SECRETS(\"%.31s\")", label);
	errno = ENOENT;
	return NULL;
}

const char *stockade_setting(const struct stockade_job *job, const char *name)
{
	for (uint32_t i = 0; handed.desc != NULL && i < handed.desc->n_settings; i++)
		if (strcmp(handed.desc->settings[i], name) == 0)
			return (const char *)handed.settings[i].p;
	stockade_tell_once(job, STK_LACKS_GRANT "SETTINGS(\"%.31s\")", name);
	errno = ENOENT;
	return NULL;
}

/* --- the job's own directory ------------------------------------------------------------------ */

int stockade_work_dir(const struct stockade_job *job)
{
	if (handed.spawn != NULL && (handed.spawn->extras & UINT32_C(1) << STK_EXTRA_WORK_DIR) != 0)
		return STK_SLOT_EXTRAS + STK_EXTRA_WORK_DIR;
	stockade_tell_once(job, STK_LACKS_GRANT "WORK_MIB(n)");
	errno = ENOENT;
	return -1;
}

static int open_work(const struct stockade_job *job, const char *name, int flags)
{
	int dir = stockade_work_dir(job);

	if (dir == -1)
		return -1;
	if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	return openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int stockade_work_create(const struct stockade_job *job, const char *name)
{
	return open_work(job, name, O_RDWR | O_CREAT | O_TRUNC);
}

int stockade_work_open(const struct stockade_job *job, const char *name)
{
	return open_work(job, name, O_RDONLY);
}
