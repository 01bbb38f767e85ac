/*
 * bench.c - a cage program under test: its processes, and what its jobs are handed (job_test.h).
 */
#include "jobs/test/bench.h"

#include "sandbox/program.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *stockade_test_copy(const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		fail_msg("out of memory");
	return copy;
}

/* The environment's @variable, else @name in the folder of the build. */
static char *find_program(const char *variable, const char *name)
{
	const char *said = getenv(variable), *b = getenv("B");
	char path[4096];

	if (said != NULL && said[0] != '\0')
		return stockade_test_copy(said);
	(void)snprintf(path, sizeof(path), "%s/%s", b == NULL ? "build" : b, name);
	return stockade_test_copy(path);
}

static char *fresh_directory(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/stockade-test-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(path) == NULL)
		fail_msg("cannot make a directory %s: %s", path, strerror(errno));
	return stockade_test_copy(path);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void stockade_test_remove(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- open and close --------------------------------------------------------------------------- */

struct stockade_test *stockade_test_open(const char *program)
{
	struct stockade_test *t = calloc(1, sizeof(*t));
	struct stk_nursery_options o = { .landlock = true };
	const char *step = "?", *why = "?";
	char *broker;

	if (t == NULL) {
		fail_msg("out of memory");
		return NULL; /* for the analyzers: it does not come back */
	}
	if (geteuid() == 0)
		fail_msg("a cage is never made by root: run the tests as another user");
	for (size_t i = 0; i < STK_LABELS_MAX; i++)
		t->dir_fds[i] = -1;
	for (size_t i = 0; i < STK_PATHS_MAX; i++)
		t->program_fds.fd[i] = -1;
	t->program =
	    program != NULL ? stockade_test_copy(program) : find_program("CAGE", "stockade-cage");
	t->attempt = 1;
	memset(t->job_id, 0xab, sizeof(t->job_id));
	broker = find_program("STOCKADE", "stockade");
	o.cage_fd = open(t->program, O_PATH | O_CLOEXEC);
	if (o.cage_fd == -1)
		fail_msg("cannot open the cage program %s: %s", t->program, strerror(errno));
	o.broker_fd = open(broker, O_PATH | O_CLOEXEC);
	free(broker);
	if (stk_nursery_fork(&o, &t->cage, &step) != STK_OK)
		fail_msg("cannot start the nursery: could not %s", step);
	stk_close(&o.cage_fd);
	stk_close(&o.broker_fd);
	if (stk_cage_describe(t->cage, &t->table, &why) != STK_OK)
		fail_msg("%s did not describe itself: %s", t->program, why);
	return t;
}

void stockade_test_close(struct stockade_test *t)
{
	if (t == NULL)
		return;
	stk_cage_close(t->cage);
	stk_work_close(t->work);
	if (t->work_base != NULL)
		stockade_test_remove(t->work_base);
	for (size_t i = 0; i < STK_LABELS_MAX; i++) {
		stk_close(&t->dir_fds[i]);
		if (t->made[i])
			stockade_test_remove(t->paths[i]);
		free(t->paths[i]);
	}
	for (size_t i = 0; i < STK_PATHS_MAX; i++)
		stk_close(&t->program_fds.fd[i]);
	for (size_t i = 0; i < t->n_values; i++)
		free(t->values[i].value);
	stk_class_table_clear(&t->table);
	stk_outcome_clear(&t->out);
	free(t->result);
	free(t->work_base);
	free(t->program);
	free(t);
}

/* --- directories ------------------------------------------------------------------------------ */

static uint32_t label_index(const struct stockade_test *t, const char *label)
{
	for (uint32_t i = 0; i < t->table.head.n_labels; i++)
		if (strcmp(t->table.head.labels[i], label) == 0)
			return i;
	fail_msg("no class of %s has a grant '%s'", t->program, label);
	return 0;
}

void stockade_test_directory(struct stockade_test *t, const char *label, const char *path)
{
	uint32_t i = label_index(t, label);

	if (t->equipped || t->paths[i] != NULL)
		fail_msg("stockade_test_directory(\"%s\") comes too late: before the first run and "
			 "the first file",
		    label);
	t->paths[i] = stockade_test_copy(path);
}

const char *stockade_test_path(struct stockade_test *t, const char *label)
{
	uint32_t i = label_index(t, label);

	if (t->paths[i] == NULL) {
		t->paths[i] = fresh_directory();
		t->made[i] = true;
	}
	return t->paths[i];
}

void stockade_test_file(
    struct stockade_test *t, const char *label, const char *name, const void *bytes, size_t len)
{
	const char *dir = stockade_test_path(t, label);
	char path[1024];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || stk_write_all(fd, bytes, len) != STK_OK)
		fail_msg("cannot write %s: %s", path, strerror(errno));
	stk_close(&fd);
}

static void open_work(struct stockade_test *t)
{
	struct stk_work_left left;
	const char *why = "?";

	for (uint32_t i = 0; i < t->table.head.n_classes && t->work == NULL; i++) {
		if (t->table.classes[i].ask.work_bytes == 0)
			continue;
		t->work_base = fresh_directory();
		if (stk_work_open(t->work_base, &t->work, &left, &why) != STK_OK)
			fail_msg("the work directory %s %s", t->work_base, why);
		stk_cage_lend_work(t->cage, t->work);
	}
}

void stockade_test_equip(struct stockade_test *t)
{
	struct stk_paths paths;

	if (t->equipped)
		return;
	for (uint32_t i = 0; i < t->table.head.n_labels; i++) {
		const char *path = stockade_test_path(t, t->table.head.labels[i]);

		t->dir_fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (t->dir_fds[i] == -1)
			fail_msg("cannot open the directory %s: %s", path, strerror(errno));
	}
	if (!stk_paths_of(t->table.classes, t->table.head.n_classes, &paths) ||
	    stk_paths_open(&paths, &t->program_fds) != STK_OK)
		fail_msg("cannot open /dev/null: %s", strerror(errno));
	stk_cage_equip(t->cage, &t->table, t->dir_fds, &t->program_fds);
	t->net = (struct stk_net_terms){ .connects_max = 64, .timeout_ms = 10000 };
	stk_cage_net(t->cage, &t->net);
	open_work(t);
	t->equipped = true;
}

/* --- secrets and settings --------------------------------------------------------------------- */

static void keep(struct stockade_test *t, bool secret, const char *name, const char *value)
{
	size_t i = 0;

	if (strlen(value) > STK_HANDED_EACH || strlen(name) >= STK_LABEL_MAX)
		fail_msg("'%s' or its value is too long", name);
	while (i < t->n_values && (t->secret[i] != secret || strcmp(t->values[i].name, name) != 0))
		i++;
	if (i == STK_ARRAY_LEN(t->values))
		fail_msg("too many secrets and settings");
	if (i == t->n_values)
		t->n_values++;
	(void)snprintf(t->values[i].name, sizeof(t->values[i].name), "%s", name);
	free(t->values[i].value);
	t->values[i].value = stockade_test_copy(value);
	t->secret[i] = secret;
}

void stockade_test_secret(struct stockade_test *t, const char *label, const char *value)
{
	keep(t, true, label, value);
}

void stockade_test_setting(struct stockade_test *t, const char *name, const char *value)
{
	keep(t, false, name, value);
}

static size_t hand_one(const struct stockade_test *t, bool secret, const char *name,
    const char *class_name, uint8_t *out)
{
	uint32_t len;

	for (size_t i = 0; i < t->n_values; i++) {
		if (t->secret[i] != secret || strcmp(t->values[i].name, name) != 0)
			continue;
		len = (uint32_t)strlen(t->values[i].value);
		memcpy(out, &len, sizeof(len));
		memcpy(out + sizeof(len), t->values[i].value, len + 1);
		return sizeof(len) + len + 1;
	}
	fail_msg("class %s needs the %s '%s': say stockade_test_%s(t, \"%s\", ...)", class_name,
	    secret ? "secret" : "setting", name, secret ? "secret" : "setting", name);
	return 0;
}

size_t stockade_test_hand(
    struct stockade_test *t, const struct stk_class_desc *d, uint8_t block[STK_HANDED_MAX])
{
	size_t len = 0;

	for (uint32_t i = 0; i < d->n_secrets; i++)
		len += hand_one(t, true, d->secrets[i], d->name, block + len);
	for (uint32_t i = 0; i < d->n_settings; i++)
		len += hand_one(t, false, d->settings[i], d->name, block + len);
	return len;
}
