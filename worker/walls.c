/*
 * walls.c - see walls.h.
 */
#include "worker/walls.h"

#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/readonly.h"
#include "worker/crew.h"
#include "worker/redis_url.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DNS_PORT 53 /* an answer too long for a datagram */

/* What a worker reads after its start, whatever it is configured for. Absent ones are skipped. */
static const char *const read_again[] = {
	"/etc",                 /* resolver, hosts, time zone, certificates; configuration */
	"/proc",                /* the look at each cage from outside */
	"/run/systemd/resolve", /* where resolv.conf is a link to */
	"/run/resolvconf",      /* and elsewhere */
	"/usr/share/zoneinfo",  /* local time in records */
	"/sys/fs/cgroup",       /* memory.events */
	"/dev/null",
};

struct rules {
	int fd, abi;
	const char **step;
};

static enum stk_err grant(const struct rules *r, const char *path, uint32_t rights)
{
	STK_AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? STK_OK
									      : STK_E_SYSTEM;
	return stk_landlock_add(r->fd, r->abi, fd, rights);
}

/* What @path lies in, cut in place; the file itself where that would be everything. */
static enum stk_err grant_above(const struct rules *r, char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL)
		return grant(r, ".", STK_LANDLOCK_READ);
	if (slash != path)
		*slash = '\0';
	return grant(r, path, STK_LANDLOCK_READ);
}

/* The folder of @path, so that a file that is replaced by rename can be read again: where a link
 * lies, and where it leads. */
static enum stk_err grant_folder(const struct rules *r, const char *path)
{
	char real[PATH_MAX];
	enum stk_err e = STK_OK;

	if (path == NULL || strlen(path) >= sizeof(real))
		return STK_OK;
	if (realpath(path, real) != NULL)
		e = grant_above(r, real);
	memcpy(real, path, strlen(path) + 1);
	return e == STK_OK ? grant_above(r, real) : e;
}

static enum stk_err grant_files(
    const struct rules *r, const struct stk_config *c, const struct stk_keyring *ring, int cgroup)
{
	const char *named[] = { c->policy, c->redis_password_file, c->ledger_password_file };
	enum stk_err e = STK_OK;

	*r->step = "allow itself what it reads again";
	for (size_t i = 0; i < STK_ARRAY_LEN(read_again) && e == STK_OK; i++)
		e = grant(r, read_again[i], STK_LANDLOCK_READ);
	for (size_t i = 0; i < STK_ARRAY_LEN(named) && e == STK_OK; i++)
		e = grant_folder(r, named[i]);
	for (size_t i = 0; ring != NULL && i < ring->n_keys && e == STK_OK; i++)
		e = grant_folder(r, ring->keys[i].secret_path);
	if (c->audit_dir != NULL && e == STK_OK)
		e = grant(r, c->audit_dir, STK_LANDLOCK_READ | STK_LANDLOCK_ADD);
	if (c->work_dir != NULL && e == STK_OK)
		e = grant(r, c->work_dir, STK_LANDLOCK_READ | STK_LANDLOCK_REMOVE);
	/* its last act: to remove the jobs' group */
	if (cgroup != -1 && e == STK_OK)
		e = stk_landlock_add(
		    r->fd, r->abi, cgroup, STK_LANDLOCK_READ | STK_LANDLOCK_REMOVE);
	return e;
}

/* Path sockets are no business of Landlock's (as of ABI 7); then no port at all is needed. */
static enum stk_err grant_server(const struct rules *r, const char *text)
{
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES];
	enum stk_err e = STK_OK;

	if (text == NULL)
		return STK_OK;
	if (stk_redis_url_parse(text, &url, why, sizeof(why)) != STK_OK) {
		errno = EINVAL;
		return STK_E_SYSTEM;
	}
	if (url.socket_path[0] == '\0')
		e = stk_landlock_add_port(r->fd, r->abi, url.port);
	if (e == STK_OK && url.socket_path[0] == '\0')
		e = stk_landlock_add_port(r->fd, r->abi, DNS_PORT);
	stk_redis_url_clear(&url);
	return e;
}

static enum stk_err grant_ports(const struct rules *r, const struct stk_config *c)
{
	enum stk_err e;

	*r->step = "allow itself Redis's port";
	e = grant_server(r, c->redis);
	return e == STK_OK ? grant_server(r, c->ledger_url) : e;
}

/* An empty ruleset that also denies TCP, and what @further says; fd -1 where Landlock is off or not
 * to be had: whether that may be is judged at the worker's start. */
static enum stk_err begin(const struct stk_config *c, struct rules *r, uint32_t further)
{
	*r->step = "make a Landlock ruleset";
	r->fd = -1;
	r->abi = c->layers[STK_LAYER_LANDLOCK_FS] == STK_WISH_OFF ? 0 : stk_landlock_abi();
	if (r->abi < 1)
		return STK_OK;
	if (stk_landlock_create(r->abi, STK_LANDLOCK_NET | further, &r->fd) == STK_OK)
		return STK_OK;
	return c->layers[STK_LAYER_LANDLOCK_FS] == STK_WISH_PREFER ? STK_OK : STK_E_SYSTEM;
}

static enum stk_err enter(const struct stk_config *c, struct rules *r)
{
	enum stk_err e;

	if (r->fd == -1)
		return STK_OK;
	*r->step = "enter Landlock";
	e = stk_landlock_restrict(r->fd);
	stk_close(&r->fd);
	return e == STK_OK || c->layers[STK_LAYER_LANDLOCK_FS] == STK_WISH_PREFER ? STK_OK : e;
}

static enum stk_err shut(enum stk_err (*build)(struct stk_bpf *out), const char **step)
{
	struct stk_bpf filter = { 0 };
	enum stk_err e;

	*step = "seal what is read-only";
	e = stk_readonly_seal();
	if (e != STK_OK && e != STK_E_ABSENT)
		return e;
	*step = "build its filter";
	e = build(&filter);
	if (e == STK_OK) {
		*step = "install its filter";
		e = stk_filter_install_around(&filter);
	}
	stk_bpf_clear(&filter);
	return e;
}

/* A machine without Landlock is the worker's to name, or to do without: it asks for more of it. */
enum stk_err stk_walls_supervisor(const struct stk_config *c, const char **step)
{
	struct rules r = { .step = step };

	if (begin(c, &r, 0) == STK_OK && enter(c, &r) != STK_OK)
		stk_close(&r.fd);
	return shut(stk_filter_supervisor_build, step);
}

/* Nobody depends on it, so unlike the supervisor it rather ends than stands there half open. */
enum stk_err stk_walls_exporter_files(const struct stk_config *c, const char **step)
{
	struct rules r = { .step = step };
	enum stk_err e = begin(c, &r, STK_LANDLOCK_SCOPES);

	return e == STK_OK ? enter(c, &r) : e;
}

enum stk_err stk_walls_exporter(const struct stk_config *c, const char **step)
{
	enum stk_err e = stk_walls_exporter_files(c, step);

	return e == STK_OK ? shut(stk_filter_exporter_build, step) : e;
}

enum stk_err stk_walls_worker_files(
    const struct stk_config *c, const struct stk_keyring *ring, int cgroup, const char **step)
{
	struct rules r = { .step = step };
	enum stk_err e = begin(c, &r, 0);

	if (e == STK_OK && r.fd != -1)
		e = grant_files(&r, c, ring, cgroup);
	if (e == STK_OK && r.fd != -1)
		e = grant_ports(&r, c);
	if (e == STK_OK)
		return enter(c, &r);
	stk_close(&r.fd);
	return e;
}

enum stk_err stk_walls_worker(
    const struct stk_config *c, const struct stk_keyring *ring, int cgroup, const char **step)
{
	enum stk_err e = stk_walls_worker_files(c, ring, cgroup, step);

	if (e != STK_OK)
		return e;
	/* between the two: a thread made later is no call of the filter's, one made before is
	 * outside Landlock */
	if (c->drain_batch > 1)
		(void)stk_crew_open();
	return shut(stk_filter_worker_build, step);
}
