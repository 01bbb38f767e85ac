/*
 * rules.c - the Landlock rulesets of a zygote's classes (entry.h), made once in Z from descriptors
 * that W opened; a child enters the one of its class.
 */
#include "sandbox/entry.h"

#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int stk_slot_rules(const struct stk_cell *c)
{
	return STK_SLOT_DIRS + (int)c->n_labels;
}

int stk_slot_path(const struct stk_cell *c, uint32_t i)
{
	return stk_slot_rules(c) + 1 + (int)i;
}

/* The labels that this class may write, as bits. */
static uint32_t written_labels(const struct stk_class_desc *d)
{
	uint32_t labels = 0;

	for (uint32_t i = 0; i < d->n_grants; i++)
		if (d->grants[i].kind == STK_PROFILE_FILES_WRITE)
			labels |= UINT32_C(1) << d->grants[i].label_index;
	return labels;
}

bool stk_cell_is_program(const struct stk_cell *c)
{
	return (c->profiles & STK_PROFILE_PROGRAM) != 0;
}

/* Programs and trees are a program's business; a handler sees none of them. */
static uint32_t path_bits(const struct stk_cell *c, const struct stk_class_desc *d)
{
	uint32_t index;

	return stk_cell_is_program(c) ? stk_paths_bits(c->paths, d, &index) : 0;
}

/* The handler's; a program is fed by it and sees no directory of the job's own. */
static bool wants_work(const struct stk_cell *c, const struct stk_class_desc *d)
{
	return d->ask.work_bytes > 0 && !stk_cell_is_program(c);
}

/* Where W has none its slot holds /dev/null, and W runs no class that needs it. */
static bool has_work_dir(void)
{
	struct stat st;

	return fstat(STK_SLOT_EXTRAS + STK_EXTRA_WORK_DIR, &st) == 0 && S_ISDIR(st.st_mode);
}

int stk_cell_ruleset(const struct stk_cell *c, const struct stk_class_desc *d)
{
	for (size_t i = 0; i < c->n_rulesets; i++)
		if (c->rulesets[i].labels == stk_class_labels(d) &&
		    c->rulesets[i].written == written_labels(d) &&
		    c->rulesets[i].work == wants_work(c, d) &&
		    c->rulesets[i].paths == path_bits(c, d))
			return c->rulesets[i].fd;
	return -1;
}

static uint32_t grant_rights(const struct stk_grant *g)
{
	return g->kind == STK_PROFILE_FILES_WRITE ? STK_LANDLOCK_READ | STK_LANDLOCK_WRITE
						  : STK_LANDLOCK_READ;
}

/* The kernel executes a dynamic program's loader as well; of these the machine has one. */
static enum stk_err add_loader(const struct stk_cell *c, int rules)
{
	static const char *const loaders[] = {
#if defined(__x86_64__)
		"/lib64/ld-linux-x86-64.so.2",
		"/lib/ld-musl-x86_64.so.1",
#else
		"/lib/ld-linux-aarch64.so.1",
		"/lib/ld-musl-aarch64.so.1",
#endif
	};
	enum stk_err e = STK_OK;

	for (size_t i = 0; e == STK_OK && i < STK_ARRAY_LEN(loaders); i++) {
		STK_AUTO_CLOSE int fd = open(loaders[i], O_PATH | O_CLOEXEC);

		if (fd != -1)
			e = stk_landlock_add(rules, c->landlock_abi, fd, STK_LANDLOCK_EXEC);
	}
	return e;
}

/* What programs open unasked and do not live well without; the nursery's rules show them too. */
static enum stk_err add_commons(const struct stk_cell *c, int rules)
{
	static const char *const commons[] = { "/dev/null", "/dev/urandom", "/etc/ld.so.cache",
		"/etc/localtime" };
	enum stk_err e = STK_OK;

	for (size_t i = 0; e == STK_OK && i < STK_ARRAY_LEN(commons); i++) {
		STK_AUTO_CLOSE int fd = open(commons[i], O_PATH | O_CLOEXEC);

		if (fd != -1)
			e = stk_landlock_add(rules, c->landlock_abi, fd, STK_LANDLOCK_READ);
	}
	return e;
}

static enum stk_err add_program(
    const struct stk_cell *c, const struct stk_class_desc *d, const struct stk_ruleset *r)
{
	enum stk_err e = STK_OK;

	for (uint32_t i = 0; e == STK_OK && i < c->n_paths; i++)
		if ((r->paths & UINT32_C(1) << i) != 0)
			e = stk_landlock_add(r->fd, c->landlock_abi, stk_slot_path(c, i),
			    c->paths->at[i].program ? STK_LANDLOCK_EXEC : STK_LANDLOCK_READ);
	if (e == STK_OK)
		e = add_commons(c, r->fd);
	if (e == STK_OK && d->n_trees > 0)
		e = add_loader(c, r->fd);
	return e;
}

/*
 * One ruleset per distinct set of grants, kinds included: a class that reads a and writes b must
 * not get the rules of one that writes a and reads b.
 */
static enum stk_err add_ruleset(struct stk_cell *c, const struct stk_class_desc *d)
{
	struct stk_ruleset *r = &c->rulesets[c->n_rulesets];
	enum stk_err e;

	if (stk_cell_ruleset(c, d) != -1)
		return STK_OK;
	r->labels = stk_class_labels(d);
	r->written = written_labels(d);
	r->work = wants_work(c, d);
	r->paths = path_bits(c, d);
	e = stk_landlock_create(c->landlock_abi, STK_LANDLOCK_NET | STK_LANDLOCK_SCOPES, &r->fd);
	for (uint32_t i = 0; e == STK_OK && i < d->n_grants; i++)
		e = stk_landlock_add(r->fd, c->landlock_abi,
		    STK_SLOT_DIRS + (int)d->grants[i].label_index, grant_rights(&d->grants[i]));
	if (e == STK_OK && r->work && has_work_dir())
		e = stk_landlock_add(r->fd, c->landlock_abi, STK_SLOT_EXTRAS + STK_EXTRA_WORK_DIR,
		    STK_LANDLOCK_READ | STK_LANDLOCK_WRITE);
	if (e == STK_OK && stk_cell_is_program(c))
		e = add_program(c, d, r);
	if (e == STK_OK)
		c->n_rulesets++;
	return e;
}

bool stk_cell_serves(const struct stk_cell *c, const struct stk_class_desc *d)
{
	return c->profiles == (stk_cell_is_program(c) ? stk_program_sum(d->profiles) : d->profiles);
}

enum stk_err stk_cell_rules(struct stk_cell *c, const struct stk_class_desc *classes, size_t n)
{
	enum stk_err e = STK_OK;

	/* what may be executed is Landlock's to say, and nobody else's */
	if (stk_cell_is_program(c) && c->landlock_abi == 0) {
		errno = EOPNOTSUPP;
		return STK_E_SYSTEM;
	}
	for (size_t i = 0; e == STK_OK && c->landlock_abi > 0 && i < n; i++)
		if (stk_cell_serves(c, &classes[i]))
			e = add_ruleset(c, &classes[i]);
	return e;
}
