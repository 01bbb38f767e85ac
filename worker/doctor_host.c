/*
 * doctor_host.c - see doctor.h: what this machine or container leaves open around the worker. Reads
 * only; what it finds is no boundary of ours, but weakens one or costs an operator a night.
 */
#include "worker/doctor.h"

#include "worker/listen.h"
#include "worker/memory_sum.h"
#include "worker/pulse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool read_text(const char *path, char *out, size_t size)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* What runs or is loaded lies here; whoever may write it outlives his job. */
static void look_at_root(struct stk_findings *f)
{
	static const char *const places[] = { "/", "/etc", "/bin", "/usr", "/usr/bin", "/usr/lib",
		"/usr/local/bin", "/usr/local/lib", "/lib", "/opt" };

	for (size_t i = 0; i < STK_ARRAY_LEN(places); i++)
		if (access(places[i], W_OK) == 0) {
			stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "writable_root",
					 "this user may write %s: a job that breaks out can stay",
					 places[i]),
			    "a read-only root file system (readOnlyRootFilesystem), or another "
			    "user");
			return;
		}
	(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "writable_root",
	    "this user may write no folder of the system");
}

static void look_at_core_pattern(const struct stk_cage_setup *s, struct stk_findings *f)
{
	char text[256];
	bool safe = s->layers.probes[STK_LAYER_DUMPABLE].state == STK_PROBE_OK;

	if (!read_text("/proc/sys/kernel/core_pattern", text, sizeof(text)))
		(void)stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "core_pattern", "cannot be read");
	else if (text[0] != '|')
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "core_pattern",
		    "a file, and RLIMIT_CORE is 0 in every cage");
	else if (safe)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "core_pattern",
		    "a pipe, which heeds no RLIMIT_CORE; dumpable 0 keeps every process of ours "
		    "out of it");
	else
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "core_pattern",
				 "a pipe, and dumpable 0 is not to be had: a crash hands the "
				 "payload to the node's collector"),
		    "kernel.core_pattern = core on the node");
}

/* --- other processes of this uid ---------------------------------------------------------------
 */

struct process {
	pid_t pid, ppid, session;
	char comm[32];
};

static bool read_process(pid_t pid, struct process *p)
{
	char path[64], text[512], *at, *end;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!read_text(path, text, sizeof(text)))
		return false;
	at = strchr(text, '(');
	end = strrchr(text, ')'); /* the name may hold anything, even ") R 1" */
	if (at == NULL || end == NULL || end < at)
		return false;
	stk_find_clean(stk_span_of(at + 1, (size_t)(end - at - 1)), p->comm, sizeof(p->comm));
	p->pid = pid;
	return sscanf(end + 1, " %*c %d %*d %d", &p->ppid, &p->session) == 2;
}

static bool is_ancestor(pid_t pid)
{
	struct process p = { .ppid = getppid() };

	for (int depth = 0; depth < 64 && p.ppid > 0; depth++) {
		if (p.ppid == pid)
			return true;
		if (!read_process(p.ppid, &p))
			return false;
	}
	return false;
}

/* Stockade's own are not dumpable, and the kernel shows the files of those as root's. */
static bool is_dumpable(int proc, const char *pid)
{
	char path[300];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/environ", pid);
	return fstatat(proc, path, &st, 0) == 0 && st.st_uid == getuid();
}

static size_t count_others(struct process *first)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	struct stat st;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		struct process p;

		if (pid <= 0 || fstatat(dirfd(d), e->d_name, &st, 0) != 0 ||
		    st.st_uid != getuid() || !is_dumpable(dirfd(d), e->d_name) ||
		    !read_process(pid, &p) || p.session == getsid(0) || is_ancestor(pid))
			continue;
		if (n++ == 0)
			*first = p;
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static void look_at_uid(struct stk_findings *f)
{
	struct process first = { 0 };
	size_t n = count_others(&first);

	if (n == 0)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "shared_uid",
		    "no other process that can be seen runs as uid %u", (unsigned)getuid());
	else
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "shared_uid",
				 "%zu other processes run as uid %u, %s (pid %d) the first: they "
				 "may signal the worker and share its counted limits",
				 n, (unsigned)getuid(), first.comm, (int)first.pid),
		    "a user of its own for each service (runAsUser)");
}

/* --- namespaces, places ----------------------------------------------------------------------- */

static void look_at_userns(const struct stk_cage_setup *s, struct stk_findings *f)
{
	char text[256];
	unsigned inside, outside, n;
	bool counted = (s->profiles & ((uint32_t)STK_PROFILE_THREADS | STK_PROFILE_EXEC)) != 0;
	bool own = read_text("/proc/self/uid_map", text, sizeof(text)) &&
		   sscanf(text, " %u %u %u", &inside, &outside, &n) == 3 &&
		   !(inside == 0 && outside == 0 && n == UINT32_MAX);

	if (own)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "user_namespace", "its own");
	else if (!counted)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "user_namespace",
		    "the machine's; no class counts processes, all have none");
	else
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "user_namespace",
				 "the machine's: processes of this uid anywhere on it count "
				 "against the limits of classes with threads or exec"),
		    "hostUsers: false, or a uid that nothing else on the node uses");
}

static void look_at_tmp(struct stk_findings *f)
{
	struct stat root, tmp;
	struct statvfs v;

	if (stat("/", &root) != 0 || stat("/tmp", &tmp) != 0 || statvfs("/tmp", &v) != 0)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "tmp", "there is no /tmp");
	else if (root.st_dev == tmp.st_dev && (v.f_flag & ST_RDONLY) == 0)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "tmp",
				 "/tmp has no size of its own: whoever fills it fills /"),
		    "a tmpfs with size=, or an emptyDir with sizeLimit");
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "tmp", "%llu MiB of its own",
		    (unsigned long long)v.f_blocks * v.f_frsize >> 20);
}

/* --- passwords in the environment ------------------------------------------------------------- */

static bool contains(const char *name, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++)
		if (strncasecmp(name + i, word, n) == 0)
			return true;
	return false;
}

/* By its name, or a URL with user:password@ in it; a name that ends in _FILE or _FD is a pointer.
 */
static bool looks_secret(const char *entry)
{
	static const char *const words[] = { "PASSWORD", "PASSWD", "SECRET", "TOKEN", "_KEY" };
	size_t len = strcspn(entry, "=");
	const char *value = entry[len] == '=' ? entry + len + 1 : "", *at, *host;

	if (*value == '\0' || (len > 5 && strncasecmp(entry + len - 5, "_FILE", 5) == 0) ||
	    (len > 3 && strncasecmp(entry + len - 3, "_FD", 3) == 0))
		return false;
	for (size_t i = 0; i < STK_ARRAY_LEN(words); i++)
		if (contains(entry, len, words[i]))
			return true;
	at = strstr(value, "://");
	host = at == NULL ? NULL : strchr(at, '@');
	return host != NULL && memchr(at + 3, ':', (size_t)(host - at - 3)) != NULL;
}

void stk_doctor_environment(char *const *env, bool moved, struct stk_findings *f)
{
	size_t n = 0;

	if (moved)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "environment",
				 "REDIS_URL carried the password; it was moved out of sight, and "
				 "whoever started this still holds it"),
		    "redis_password_file");
	for (char *const *e = env; *e != NULL && n < 16; e++) {
		char name[64];

		if (!looks_secret(*e))
			continue;
		n++;
		stk_find_clean(stk_span_of(*e, strcspn(*e, "=")), name, sizeof(name));
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "environment",
				 "%s looks like a secret: jobs do not see it, the worker and its "
				 "children before their exec do",
				 name),
		    "a file that only this user may read");
	}
	if (n == 0 && !moved)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "environment",
		    "no variable looks like a secret");
}

/* What stands there after every start, so that nobody takes it for an attack. */
static void look_at_kernel_log(const struct stk_cage_setup *s, struct stk_findings *f)
{
	if (s->layers.probes[STK_LAYER_SECCOMP_KILL].state != STK_PROBE_OK)
		return;
	(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "kernel_log",
	    "each start, and this command, leaves two lines of type=1326 with sig=31 there: trials "
	    "of "
	    "filters that must kill");
}

/* --- memory ----------------------------------------------------------------------------------- */

/* As a start checks it (memory_check 0: refuse); where the limit ends the whole group, it is
 * refused whatever is set. */
static void look_at_memory(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f)
{
	struct stk_memory_sum sum;
	struct stk_finding *v;
	char why[512];

	if (s->table.head.n_classes == 0)
		return;
	stk_memory_sum(c, &s->table, "", &sum, why, sizeof(why));
	v = stk_find(f,
	    sum.source == STK_MEMORY_UNKNOWN      ? STK_GRADE_WARN
	    : sum.fits                            ? STK_GRADE_OK
	    : sum.all_end || c->memory_check == 0 ? STK_GRADE_REFUSE
						  : STK_GRADE_WARN,
	    STK_AREA_HOST, "memory", "%.300s%s", why,
	    !sum.fits && sum.all_end ? "; memory.oom.group: one job ends them all" : "");
	if (!sum.fits)
		stk_find_fix(v, "fewer workers, a lower ceiling.memory, or more memory: %llu MiB",
		    (unsigned long long)(sum.need >> 20));
}

/* Nobody is asked who they are there: what is counted tells names of queues, classes and keys. */
static void look_at_metrics(const struct stk_config *c, struct stk_findings *f)
{
	struct stk_listen at;
	char why[STK_LISTEN_WHY_BYTES];

	if (c->metrics_listen == NULL) {
		stk_find_fix(stk_find(f, STK_GRADE_OFF, STK_AREA_HOST, "metrics",
				 "no metrics, no /livez and /readyz are served"),
		    "set metrics_listen = \"127.0.0.1:9394\"");
		return;
	}
	if (stk_listen_parse(c->metrics_listen, &at, why, sizeof(why)) != STK_OK)
		return; /* refused with the configuration */
	if (stk_listen_look(&at) != STK_OK) {
		int err = errno;

		stk_find_fix(stk_find(f, STK_GRADE_REFUSE, STK_AREA_HOST, "metrics",
				 "METRICS_LISTEN: cannot listen on %s: %s", c->metrics_listen,
				 strerror(err)),
		    "%s", stk_listen_cure(err));
	} else if (!at.local && !c->metrics_public) {
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_HOST, "metrics",
				 "%s can be reached from other machines, and whoever reaches it is "
				 "told names of queues, classes and keys",
				 c->metrics_listen),
		    "listen on 127.0.0.1, or keep others out and set metrics_public = true");
	} else {
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_HOST, "metrics", "served on %s%s",
		    c->metrics_listen,
		    at.local ? "" : ", for other machines as metrics_public says");
	}
}

/* Of what every worker has, the one thing that a limit of the service alone can refuse. */
static void look_at_file_size(struct stk_findings *f)
{
	STK_AUTO_CLOSE int page = stk_pulse_create();

	if (page == -1)
		stk_find_fix(stk_find(f, STK_GRADE_REFUSE, STK_AREA_HOST, "file_size",
				 "no page can be made for a worker: %s", strerror(errno)),
		    "%s", errno == EFBIG ? STK_PULSE_CURE : "free memory");
}

void stk_doctor_host(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f)
{
	look_at_root(f);
	look_at_core_pattern(s, f);
	look_at_kernel_log(s, f);
	look_at_uid(f);
	look_at_userns(s, f);
	look_at_tmp(f);
	look_at_memory(c, s, f);
	look_at_file_size(f);
	look_at_metrics(c, f);
}
