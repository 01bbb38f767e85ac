/*
 * cage_setup.h - from configuration to a cage that can run jobs: nursery, class table, directories.
 *
 * Used by the worker and by every subcommand that needs the class table. The caller has dropped its
 * privileges and has read no secret yet: the nursery is forked here.
 */
#ifndef WORKER_CAGE_SETUP_H
#define WORKER_CAGE_SETUP_H

#include "sandbox/cage.h"
#include "sandbox/program.h"
#include "sandbox/work.h"
#include "worker/layers.h"

struct stk_cage_setup {
	struct stk_cage *cage; /* owned */
	struct stk_class_table table;
	int dir_fds[STK_LABELS_MAX];  /* O_PATH, -1 where unmapped */
	struct stk_path_fds paths;    /* programs and library trees of exec classes */
	struct stk_work *work;        /* owned; NULL: no class has one, or work_dir is not set */
	int work_code;                /* exit code of why there is no work directory, or 0 */
	char work_why[384];           /* its sentence's end */
	struct stk_net_terms net;     /* what brokers are told; zeroed without net grants */
	uint32_t profiles;            /* all profiles of all classes together */
	struct stk_layer_plan layers; /* after stk_cage_setup_probe() */
};

/*
 * Forks the nursery and describes the cage program; maps labels to directories. Returns 0, or an
 * exit code (71, 77, 78) with one sentence in @why. stk_cage_setup_clear() in every case.
 */
STK_CHECK int stk_cage_setup(const struct stk_config *c, int cage_fd, struct stk_cage_setup *out,
    char *why, size_t why_size);

/* The same for `run-job --learn`, and nothing else: @learn is a line of sandbox/learn.h. */
STK_CHECK int stk_cage_setup_learning(const struct stk_config *c, int cage_fd, const char *learn,
    struct stk_cage_setup *out, char *why, size_t why_size);

/* Is every label of class @index mapped? NULL, or the first label that is not. */
const char *stk_cage_setup_unmapped(const struct stk_cage_setup *s, size_t index);

/*
 * Can the program of class @index, and its library trees, be used? 0, or an exit code (66, 78) with
 * one sentence in @why. What nobody may run need not be there.
 */
STK_CHECK int stk_cage_setup_program(
    const struct stk_cage_setup *s, size_t index, char *why, size_t why_size);

/*
 * Makes the work directory that classes with WORK_MIB need, if there are any; sweeps what dead
 * workers left (*@left). Where it cannot be had, stk_cage_setup_workless() tells it of each class
 * that needs it. @look: looks at it only. Before the first run.
 */
void stk_cage_setup_work(
    const struct stk_config *c, struct stk_cage_setup *s, bool look, struct stk_work_left *left);
/* Does class @index lack its work directory? 0, or an exit code (66, 78) with a sentence in @why.
 */
STK_CHECK int stk_cage_setup_workless(
    const struct stk_cage_setup *s, size_t index, char *why, size_t why_size);

/*
 * Probes every layer by effect and judges it for the classes of the table (worker/layers.h). 0, 71
 * with the missing layer's sentence in @why, or 78 for demands of a class that there is not. Forks;
 * before any secret.
 */
STK_CHECK int stk_cage_setup_probe(
    const struct stk_config *c, struct stk_cage_setup *s, char *why, size_t why_size);

/* Ends the cage's processes, closes, frees; safe on a zeroed struct. */
void stk_cage_setup_clear(struct stk_cage_setup *s);

#endif
