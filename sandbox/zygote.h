/*
 * zygote.h - Z: a freshly executed cage program that clones one caged child per request.
 *
 * Called by a cage program's main for the role `zygote`. Z never sees arguments, results or
 * secrets: those travel in a pipe between W and J.
 */
#ifndef SANDBOX_ZYGOTE_H
#define SANDBOX_ZYGOTE_H

#include "sandbox/entry.h"

/* The role's operands, written by M: `zygote PROFILES WORKER LANDLOCK`. */
struct stk_zygote_args {
	uint32_t profiles;
	pid_t worker;
	bool landlock;
	char *title; /* where the arguments stand; a child writes what it does over them */
	size_t title_size;
};

struct stk_zygote_program {
	const struct stk_desc_header *head;
	const struct stk_class_desc *classes; /* head->n_classes, as described */
	/* runs a class's setup(), before anything is shut; 0, or -1 with errno */
	int (*setup)(uint32_t class_index);
	/* the caged child after READY: reads GO and arguments from STK_SLOT_ARGS, must not return
	 */
	void (*job)(
	    const struct stk_class_desc *desc, uint32_t class_index, const struct stk_spawn *spawn);
};

/* False if the operands are not three decimal numbers in their ranges and some padding. */
bool stk_zygote_args_parse(int argc, char **argv, struct stk_zygote_args *out);

/*
 * Shuts itself in, says hello on STK_SLOT_ARGS and serves spawns until W closes the socket. Returns
 * the process's exit status: 0, or STK_EXIT_SETUP after a hello that names the failed step.
 */
int stk_zygote_main(const struct stk_zygote_program *p, const struct stk_zygote_args *args);

#endif
