/*
 * policy.c - `stockade policy`: finds the word. `policy test` is `explain` under the name that
 * somebody looks for who has just changed a policy.
 */
#include "worker/cli/policy.h"

#include <string.h>

static int test(int argc, char **argv)
{
	return stk_cmd_explain.run(argc, argv);
}

static int run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} words[] = {
		{ "check", stk_policy_check },
		{ "show", stk_policy_show },
		{ "test", test },
		{ "review", stk_policy_review },
		{ "syscalls", stk_policy_syscalls },
	};

	for (size_t i = 0; argc > 1 && i < STK_ARRAY_LEN(words); i++)
		if (strcmp(argv[1], words[i].name) == 0)
			return words[i].run(argc - 1, argv + 1);
	return stk_usage(
	    &stk_cmd_policy, argc > 1 && strcmp(argv[1], "--help") == 0 ? 0 : STK_EX_USAGE);
}

const struct stk_command stk_cmd_policy = {
	.name = "policy",
	.summary = "check, show, test and review who may enqueue what; what a class may do",
	.usage = "policy check [--policy FILE] [--config FILE] [--cage PROGRAM] [--json]\n"
		 "       stockade policy show [--principal P] [--policy FILE] [--config FILE] "
		 "[--json]\n"
		 "       stockade policy test ... PAYLOAD-FILE|-      (as `stockade explain`)\n"
		 "       stockade policy review [--since 90d] [--audit DIR] [--policy FILE]\n"
		 "                              [--config FILE] [--json]\n"
		 "       stockade policy syscalls [--cage PROGRAM] [--config FILE] [--json] CLASS\n"
		 "check: 0 good, 78 refused; review: 0 all of it is used, 1 something is not",
	.run = run,
};
