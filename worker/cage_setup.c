/*
 * cage_setup.c - see cage_setup.h.
 */
#include "worker/cage_setup.h"

#include "worker/cli/cli.h"
#include "worker/net_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int fork_nursery(const struct stk_config *c, int cage_fd, const char *learn,
    struct stk_cage **out, char *why, size_t why_size)
{
	STK_AUTO_CLOSE int self_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	struct stk_nursery_options o = {
		.cage_fd = cage_fd,
		.landlock = stk_layers_landlock(c),
		.zygote_jobs = (uint32_t)c->zygote_jobs,
		.learn = learn,
		.broker_fd = self_fd,
	};
	const char **readable = calloc(c->setup_read.n + 1, sizeof(*readable));
	const char *step = "?";
	enum stk_err e;

	if (readable == NULL) {
		(void)snprintf(why, why_size, "out of memory");
		return STK_EX_OS;
	}
	for (size_t i = 0; i < c->setup_read.n; i++)
		readable[i] = c->setup_read.v[i];
	o.readable = readable;
	e = stk_nursery_fork(&o, out, &step);
	free(readable);
	if (e == STK_OK)
		return 0;
	(void)snprintf(
	    why, why_size, "cannot start the nursery, step %s: %s", step, stk_strerror(e));
	return STK_EX_OS;
}

static int open_directories(
    const struct stk_config *c, struct stk_cage_setup *s, char *why, size_t why_size)
{
	for (uint32_t i = 0; i < s->table.head.n_labels; i++) {
		const char *path = stk_config_directory(c, s->table.head.labels[i]);

		if (path == NULL)
			continue;
		s->dir_fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (s->dir_fds[i] == -1) {
			(void)snprintf(why, why_size,
			    "cannot open directory %s for the grant %s: %s", path,
			    s->table.head.labels[i], strerror(errno));
			return STK_EX_NOINPUT;
		}
	}
	return 0;
}

static int open_programs(struct stk_cage_setup *s, char *why, size_t why_size)
{
	struct stk_paths paths;

	if (!stk_paths_of(s->table.classes, s->table.head.n_classes, &paths)) {
		(void)snprintf(why, why_size,
		    "the classes of the cage program execute more than %d programs and library "
		    "trees",
		    STK_PATHS_MAX);
		return STK_EX_CONFIG;
	}
	if (stk_paths_open(&paths, &s->paths) == STK_OK)
		return 0;
	(void)snprintf(why, why_size, "cannot open /dev/null: %s", strerror(errno));
	return STK_EX_OS;
}

int stk_cage_setup_program(const struct stk_cage_setup *s, size_t index, char *why, size_t why_size)
{
	const struct stk_class_desc *d = &s->table.classes[index];
	struct stk_paths paths;
	uint32_t at;
	int fault;

	if ((d->profiles & STK_PROFILE_EXEC) == 0 ||
	    !stk_paths_of(s->table.classes, s->table.head.n_classes, &paths) ||
	    (at = stk_paths_faulty(&paths, &s->paths, d)) == STK_PATHS_MAX)
		return 0;
	fault = s->paths.fault[at];
	(void)snprintf(why, why_size,
	    "class %s executes %s, which cannot be used: %s; install it, or take the class out of "
	    "the policy or of the registry",
	    d->name, paths.at[at].path,
	    fault == STK_PATH_UNSAFE ? "it must be a regular file that only another user may write"
	    : fault == EACCES        ? "this user may not execute it; chmod a+rx"
				     : strerror(fault));
	return fault == STK_PATH_UNSAFE ? STK_EX_CONFIG : STK_EX_NOINPUT;
}

/* Most likely the machine and not a program is at fault: then its layer is the better sentence. */
static int name_layer(
    const struct stk_config *c, struct stk_cage_setup *s, int code, char *why, size_t why_size)
{
	char layer[512];
	int named = stk_cage_setup_probe(c, s, layer, sizeof(layer));

	if (named == 0)
		return code;
	(void)snprintf(why, why_size, "%s", layer);
	return named;
}

#define FEW_DESCRIPTORS 64               /* where a job's own and the nursery's hardly fit */
#define LITTLE_SPACE    (128u * 1048576) /* of addresses, where libraries hardly do */

/* What to look at where a cage program said nothing that could be understood. */
static void suspect(char *out, size_t size)
{
	struct rlimit fds, space;

	if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < FEW_DESCRIPTORS)
		(void)snprintf(out, size,
		    "this service may hold %llu descriptors, which is too few: raise that (ulimit "
		    "-n, LimitNOFILE=) to 1024",
		    (unsigned long long)fds.rlim_cur);
	else if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur < LITTLE_SPACE)
		(void)snprintf(out, size,
		    "this service may have %llu MiB of address space, which is too little: raise "
		    "that (ulimit -v, LimitAS=), or leave it to MEM_MIB and ceiling.memory",
		    (unsigned long long)space.rlim_cur >> 20);
	else
		(void)snprintf(out, size, "is it a stockade-cage of this version?");
}

int stk_cage_setup(
    const struct stk_config *c, int cage_fd, struct stk_cage_setup *out, char *why, size_t why_size)
{
	return stk_cage_setup_learning(c, cage_fd, NULL, out, why, why_size);
}

int stk_cage_setup_learning(const struct stk_config *c, int cage_fd, const char *learn,
    struct stk_cage_setup *out, char *why, size_t why_size)
{
	const char *fault = NULL;
	char suspected[192];
	enum stk_err e;
	int code;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < STK_ARRAY_LEN(out->dir_fds); i++)
		out->dir_fds[i] = -1;
	for (size_t i = 0; i < STK_ARRAY_LEN(out->paths.fd); i++)
		out->paths.fd[i] = -1;
	if ((code = fork_nursery(c, cage_fd, learn, &out->cage, why, why_size)) != 0)
		return name_layer(c, out, code, why, why_size);
	e = stk_cage_describe(out->cage, &out->table, &fault);
	if (e != STK_OK) {
		suspect(suspected, sizeof(suspected));
		(void)snprintf(why, why_size, "the cage program %s did not describe itself: %s; %s",
		    c->cage, fault != NULL ? fault : stk_strerror(e), suspected);
		return name_layer(c, out, STK_EX_CONFIG, why, why_size);
	}
	for (uint32_t i = 0; i < out->table.head.n_classes; i++)
		out->profiles |= out->table.classes[i].profiles;
	if ((code = open_directories(c, out, why, why_size)) != 0)
		return code;
	if ((code = open_programs(out, why, why_size)) != 0)
		return code;
	stk_cage_equip(out->cage, &out->table, out->dir_fds, &out->paths);
	if ((out->profiles & STK_PROFILE_NET) != 0) {
		stk_net_terms_make(c, &out->net);
		stk_cage_net(out->cage, &out->net);
	}
	return 0;
}

const char *stk_cage_setup_unmapped(const struct stk_cage_setup *s, size_t index)
{
	const struct stk_class_desc *d = &s->table.classes[index];

	for (uint32_t i = 0; i < d->n_grants; i++)
		if (s->dir_fds[d->grants[i].label_index] == -1)
			return s->table.head.labels[d->grants[i].label_index];
	return NULL;
}

void stk_cage_setup_work(
    const struct stk_config *c, struct stk_cage_setup *s, bool look, struct stk_work_left *left)
{
	const char *fault = NULL;
	bool wanted = false;
	enum stk_err e;

	*left = (struct stk_work_left){ 0 };
	for (uint32_t i = 0; i < s->table.head.n_classes; i++)
		wanted = wanted || s->table.classes[i].ask.work_bytes > 0;
	if (!wanted)
		return;
	if (c->work_dir == NULL) {
		s->work_code = STK_EX_CONFIG;
		(void)snprintf(s->work_why, sizeof(s->work_why),
		    "; add work_dir = \"/path\"; to the configuration, a directory of the "
		    "worker's user with mode 0700");
		return;
	}
	e = look ? stk_work_look(c->work_dir, &fault)
		 : stk_work_open(c->work_dir, &s->work, left, &fault);
	if (e != STK_OK) {
		s->work_code = e == STK_E_REFUSED ? STK_EX_CONFIG : STK_EX_NOINPUT;
		(void)snprintf(s->work_why, sizeof(s->work_why), ": work_dir %s %s%s%s",
		    c->work_dir, fault, e == STK_E_SYSTEM ? ": " : "",
		    e == STK_E_SYSTEM ? strerror(errno) : "");
		return;
	}
	if (!look)
		stk_cage_lend_work(s->cage, s->work);
}

int stk_cage_setup_workless(
    const struct stk_cage_setup *s, size_t index, char *why, size_t why_size)
{
	const struct stk_class_desc *d = &s->table.classes[index];

	if (d->ask.work_bytes == 0 || s->work_code == 0)
		return 0;
	(void)snprintf(why, why_size, "class %s needs a work directory%s", d->name, s->work_why);
	return s->work_code;
}

int stk_cage_setup_probe(
    const struct stk_config *c, struct stk_cage_setup *s, char *why, size_t why_size)
{
	const char *stranger = stk_layers_stranger(c, &s->table);
	enum stk_layer l;

	stk_layers_plan(c, &s->table, &s->layers);
	l = stk_layers_first_missing(&s->layers);
	if (l != STK_LAYER_COUNT) {
		stk_layers_say(&s->layers, l, why, why_size);
		return STK_EX_OS;
	}
	/* without a table nothing can be said of classes */
	if (stranger != NULL && s->table.head.n_classes > 0) {
		(void)snprintf(
		    why, why_size, "class_layers: the cage program has no class %.128s", stranger);
		return STK_EX_CONFIG;
	}
	return 0;
}

void stk_cage_setup_clear(struct stk_cage_setup *s)
{
	if (s->cage == NULL)
		return;
	stk_cage_close(s->cage);
	s->cage = NULL;
	stk_work_close(s->work);
	s->work = NULL;
	stk_class_table_clear(&s->table);
	for (size_t i = 0; i < STK_ARRAY_LEN(s->dir_fds); i++)
		stk_close(&s->dir_fds[i]);
	for (size_t i = 0; i < STK_ARRAY_LEN(s->paths.fd); i++)
		stk_close(&s->paths.fd[i]);
}
