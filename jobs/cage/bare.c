/*
 * bare.c - see bare.h. No wall stands here: whoever starts it wants to look into the handler, and
 * is who would be harmed. The nursery starts no process in this role.
 */
#include "jobs/cage/bare.h"

#include "sandbox/entry.h"
#include "sandbox/faults.h"

#include <string.h>
#include <unistd.h>

#define EX_USAGE 64
#define EX_DATA  65
#define EX_SETUP 71

/* A sanitizer tells more of a fault than we can. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int stockade_bare(const struct stockade_table *t, const char *class_name)
{
	static struct stk_spawn spawn;
	const struct stockade_class *c;
	uint32_t i = 0;

	while (i < t->head.n_classes && strcmp(t->classes[i].name, class_name) != 0)
		i++;
	/* from the beginning: a debugger runs it again */
	if (i == t->head.n_classes || lseek(STK_SLOT_ARGS, 0, SEEK_SET) == -1 ||
	    ftruncate(STK_SLOT_REPORT, 0) == -1 || lseek(STK_SLOT_REPORT, 0, SEEK_SET) == -1)
		return EX_USAGE;
	if (!stockade_read_all(STK_SLOT_ARGS, &spawn, sizeof(spawn)) ||
	    spawn.magic != STK_SPAWN_MAGIC || spawn.class_index != i)
		return EX_DATA;
	c = t->origin[i];
	if (c->setup != NULL && c->setup() == -1)
		return EX_SETUP;
	if (!SANITIZED && stk_faults_catch() == -1)
		return EX_SETUP;
	if (!stk_frame_write(STK_SLOT_REPORT, STK_FRAME_READY, NULL, 0))
		return EX_SETUP;
	stockade_run_job(c, &t->classes[i], &spawn);
}
