/*
 * acts.h - what the rows of attacks.def are written with: raw calls, and the acts that need more
 * than one expression. An act returns -1 with errno when it was refused.
 */
#ifndef TESTS_ESCAPE_ACTS_H
#define TESTS_ESCAPE_ACTS_H

#include "sandbox/entry.h"
#include "tests/escape/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Past mutate.c, which answers for the wall's own calls: an act is not to be helped by it. */
long __real_syscall(long nr, ...);
#define syscall __real_syscall

/* A raw call: its number and up to six arguments, the rest zero. */
long escape_call(const long v[static 7]);
#define K(...) escape_call((const long[7]){ __VA_ARGS__ })
#define P(p)   ((long)(intptr_t)(p))

/* The pid, or the path, that the row's arg names. */
#define TARGET ((long)(a->n > 0 ? atoi(a->arg[0]) : 0))
#define PATH   (a->n > 0 ? a->arg[0] : "")

/* Where the mapped directories stand; the controls have them there too. */
#define DIR_INPUTS  STK_SLOT_DIRS
#define DIR_OTHERS  (STK_SLOT_DIRS + 1)
#define DIR_SCRATCH (STK_SLOT_DIRS + 2)
#define DIR_WORK    (STK_SLOT_EXTRAS + STK_EXTRA_WORK_DIR)
#define BROKER      (STK_SLOT_EXTRAS + STK_EXTRA_BROKER)

/* Numbers that Debian 12's headers do not all have; asm-generic, so the same everywhere. */
#define NR_PIDFD_SEND_SIGNAL 424
#define NR_IO_URING_SETUP    425
#define NR_OPEN_TREE         428
#define NR_MOVE_MOUNT        429
#define NR_FSOPEN            430
#define NR_CLONE3            435
#define NR_CLOSE_RANGE       436
#define NR_OPENAT2           437
#define NR_PIDFD_GETFD       438
#define NR_PROCESS_MADVISE   440
#define NR_LANDLOCK_CREATE   444
#define NR_LANDLOCK_RESTRICT 446
#define NR_MEMFD_SECRET      447
#define NR_PROCESS_MRELEASE  448
#define NR_FUTEX_WAITV       449
#define NR_FCHMODAT2         452
#define NR_STATMOUNT         457
#define NR_MSEAL             462

/* --- more than one expression; each is explained where it stands ----------------------------- */

/* acts_process.c */
int escape_fork(void);
int escape_spawn(void);
int escape_vfork(void);
int escape_clone_flags(unsigned long flags);
int escape_exec_path(const char *path);
int escape_exec_at(int dir, const char *path, int flags);
int escape_exec_written(void);
int escape_pivot(const char *scratch);
int escape_setns(const char *what);
int escape_read_memory(long pid);
int escape_write_memory(long pid);
int escape_queue_signal(long pid);
int escape_queue_thread_signal(long pid);
int escape_set_affinity(long pid);
int escape_set_scheduler(long pid, int policy);
int escape_raise_limit(long pid, int resource);
int escape_proc(const char *pid, const char *file, int flags);
int escape_proc_link(const char *pid, const char *file);
int escape_grandchild(void);
int escape_find_socket(void);
int escape_forge_spawn(void);
int escape_setup_saw(void);
int escape_limit_is_open(int resource);
int escape_cpu_of(long pid);
int escape_broken_pipe(void);
int escape_in_thread(int (*then)(void));
int escape_any_socket(void);
int escape_open_self(void);
int escape_any_file(void);
int escape_perl(const char *code, const char *arg);
extern const char escape_perl_between_ticks[];

/* acts_kernel.c */
int escape_patch_text(void);
int escape_stack_code(void);
int escape_map_file_code(void);
int escape_shm(int flags);
int escape_userfault(void);
int escape_perf(void);
int escape_io_uring(void);
int escape_timer(void);
int escape_signal_fd(void);
int escape_mq(void);
int escape_int80(void);
int escape_high_garbage(void);
int escape_sigaction(int sig);
int escape_altstack(void);
int escape_caps(void);
int escape_add_key(void);
int escape_listener_filter(void);
int escape_sched_attr(void);
int escape_itimer(void);
int escape_loop_ms(int ms);
int escape_breakpoint(void);
int escape_take(size_t mib);
int escape_sleep_ms(int ms);
int escape_dup_many(int fd, int n);
int escape_deep(size_t kib);

/* acts_files.c */
int escape_open(int dir, const char *path, int flags);
int escape_open_read(int dir, const char *path);
int escape_create(int dir, const char *name, int flags, unsigned mode);
int escape_beneath(const char *dir, const char *name, int flags);
int escape_big_file(const char *name);
int escape_sparse_file(const char *name);
int escape_reopen(int dir, const char *name, int flags);
int escape_through(const char *dir);
int escape_rename_out(const char *to);
int escape_link_in(const char *from);
int escape_stat_of(const char *pid);
int escape_find_device(void);
int escape_chdir_read(const char *dir, const char *name);
int escape_getdents(const char *path);
int escape_lock(int cmd);
int escape_legit_compute(void);
int escape_legit_copy(void);

/* acts_net.c */
int escape_connect(int domain, int type, int protocol, const char *port);
int escape_connect_fd(int fd, const char *port);
int escape_fast_open(int fd, const char *port, int how);
int escape_bind_fd(int fd);
int escape_listen_fd(int fd);
int escape_accept(void);
int escape_receive(int how);
int escape_send_fds(void);
int escape_setsockopt(void);
int escape_socket(int domain, int type, int protocol);
int escape_abstract(void);
int escape_poll(void);

/* acts_broker.c */
enum escape_ask {
	ASK_SHORT,
	ASK_EMPTY,
	ASK_NO_END, /* a host without its NUL */
	ASK_PORT,   /* 0x10050 */
	ASK_TERMS,  /* the worker's own record, with wider terms */
	ASK_DESCRIPTOR,
	ASK_THEN_SHUT /* a request, then no more */
};
int escape_dial(const char *host, const char *port); /* a connected socket */
int escape_reach(const char *host, const char *port);
int escape_reach_as(const char *host, const char *port); /* as getaddrinfo reads it */
int escape_peer_process(void);
int escape_map_socket(const char *port);
int escape_fill_socket(const char *port);
int escape_spare(const char *port); /* a socket: the broker's, or one that nobody connected */
long escape_on(const char *port, long nr, const long v[static 5]);
/* A raw call on a socket that is connected to the row's port. */
#define ON(nr, ...) escape_on(PATH, nr, (const long[5]){ __VA_ARGS__ })
const void *escape_at(const char *host, const char *port);
int escape_reaim(const char *port, int family);
int escape_hostile_ask(enum escape_ask what, const char *port);
int escape_flood_broker(const char *port);
int escape_dial_many(const char *port, int n);
int escape_name_broker(void);
int escape_mmsg(const char *port, long nr);

/* acts_work.c */
int escape_work_names(void);
int escape_work_empty(void);
int escape_work_fill(int n, int kib);
int escape_work_make(const char *name, unsigned mode);
int escape_secret(const char *label);
int escape_search(const char *masked);
int escape_thread_bomb(void);
int escape_leaderless(int (*then)(void));
int escape_cancel_itself(void);

/* acts_report.c */
enum escape_frame {
	FRAME_DENIED_UNKNOWN, /* a denial of call 0xffffffff, then Done */
	FRAME_DENIED_THEN_EXIT,
	FRAME_SETUP,
	FRAME_FAULT_THEN_EXIT,
	FRAME_TYPE_99,
	FRAME_PAD,
	FRAME_KIND_99,
	FRAME_LENGTHS_LIE,
	FRAME_MESSAGE_HUGE,
	FRAME_RESULT_HUGE,
	FRAME_LOG_HUGE,
	FRAME_LOG_SHORT,
	FRAME_LOG_AFTER_RESULT,
	FRAME_HALF_THEN_EXIT,
	FRAME_READY_AGAIN,
	FRAME_RESULT_THEN_RUN,
	FRAME_RESULT_THEN_TRACE,
	FRAME_RESULT_TWICE,
	FRAME_DRIP,
	FRAME_SKIP_THEN_ABORT
};
int escape_say(enum escape_frame f);
int escape_print(int fd, size_t bytes);
int escape_close_and(int fd, int (*then)(void));
int escape_trace_me(void);
int escape_read_zero(void);
void escape_mask(void);
int escape_masked(int (*then)(void));
int escape_abort(void);

#endif
