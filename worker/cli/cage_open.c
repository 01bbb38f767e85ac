/*
 * cage_open.c - see cage_open.h: the class table for a subcommand that has only --cage.
 */
#include "worker/cli/cage_open.h"

#include "worker/cli/options.h"

#include <string.h>

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
	return 0;
}
