/*
 * cage_open.c - see cage_open.h: the class table for a subcommand that has only --cage.
 *
 * Arguments can be checked without anybody's directories: a label that the configuration does not
 * map gets an empty directory that is already gone from the file system.
 */
#include "worker/cli/cage_open.h"

#include "worker/cli/options.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int dir_fds[STK_LABELS_MAX]; /* borrowed by the cage until the program ends */

/* O_PATH of an empty, unlinked directory; -1 where none can be made (then classes say so). */
static int nowhere(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];
	int fd;

	if (snprintf(path, sizeof(path), "%s/stockade-XXXXXX", tmp != NULL ? tmp : "/tmp") >=
		(int)sizeof(path) ||
	    mkdtemp(path) == NULL)
		return -1;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)rmdir(path);
	return fd;
}

static void map_the_rest(struct stk_cage *cage, const struct stk_class_table *table,
    const int *mapped)
{
	for (uint32_t i = 0; i < STK_LABELS_MAX; i++) {
		dir_fds[i] = mapped[i];
		if (i < table->head.n_labels && dir_fds[i] == -1)
			dir_fds[i] = nowhere();
	}
	stk_cage_equip(cage, table, dir_fds);
}

int stk_cli_cage_open(const char *cage_path, struct stk_cage **cage, struct stk_class_table *table)
{
	struct stk_options o = { .cage = cage_path };
	struct stk_cage_setup setup;
	struct stk_config config;
	int code = stk_options_config(&o, false, &config);

	*cage = NULL;
	memset(table, 0, sizeof(*table));
	if (code != 0)
		return code;
	code = stk_options_cage(&config, &setup);
	stk_config_clear(&config);
	if (code != 0) {
		stk_cage_setup_clear(&setup);
		return code;
	}
	/* the caller owns cage and table; the directory descriptors stay open as long as it runs */
	*cage = setup.cage;
	*table = setup.table;
	map_the_rest(*cage, table, setup.dir_fds);
	return 0;
}
