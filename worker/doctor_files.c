/*
 * doctor_files.c - see doctor.h: the files a worker lives by, and who else may write or read them.
 */
#include "worker/doctor.h"

#include "worker/privilege.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void look_at_cage(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f)
{
	struct stat st;
	uint32_t wall = s->table.head.wall_version;

	if (s->table.head.n_classes == 0)
		return; /* said already: it did not describe itself */
	if (stat(c->cage, &st) == 0 && st.st_uid == geteuid())
		stk_find_fix(
		    stk_find(f, STK_GRADE_WARN, STK_AREA_FILES, "cage",
			"%s belongs to the user that runs it, who may make it writable", c->cage),
		    "chown root it");
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_FILES, "cage",
		    "%s: nobody who runs it may write it", c->cage);
	if (wall != STK_WALL_VERSION)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_FILES, "wall_version",
				 "the cage program was linked against wall %u, this is wall %u",
				 wall, STK_WALL_VERSION),
		    "link it anew with this version's library");
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_FILES, "wall_version", "%u", wall);
}

/* Who may write a file that decides who may do what. @secret: others must not read it either. */
static void look_at_mode(const char *name, const char *path, bool secret, struct stk_findings *f)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return; /* whoever opens it says so */
	if ((st.st_mode & 022) != 0)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_FILES, name,
				 "%s can be written by %s: they decide what runs here", path,
				 (st.st_mode & 02) != 0 ? "everybody" : "its group"),
		    "chmod go-w %s", path);
	else if ((st.st_mode & 04) != 0)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_FILES, name,
				 "%s can be read by everybody on this machine%s", path,
				 secret ? "" : ": names of keys, queues and classes"),
		    "chmod o-r %s", path);
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_FILES, name, "%s: mode %03o", path,
		    (unsigned)(st.st_mode & 0777));
}

static void look_at_directories(const struct stk_config *c, struct stk_findings *f)
{
	for (size_t i = 0; i < c->directories.n; i++) {
		const char *path = c->directories.v[i].value;
		struct stat st;

		if (stat(path, &st) != 0)
			continue; /* the cage's set-up says so */
		if ((st.st_mode & S_IWOTH) != 0)
			stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_FILES, "directory",
					 "%s = %s can be written by everybody: they choose what "
					 "jobs read",
					 c->directories.v[i].name, path),
			    "chmod o-w %s", path);
		else
			(void)stk_find(f, STK_GRADE_OK, STK_AREA_FILES, "directory",
			    "%s = %s: mode %03o", c->directories.v[i].name, path,
			    (unsigned)(st.st_mode & 0777));
	}
}

/* Without its trail a worker starts no job. */
static void look_at_audit(const struct stk_config *c, struct stk_findings *f)
{
	struct stat st;

	if (c->audit_dir == NULL)
		return;
	if (stat(c->audit_dir, &st) != 0 || access(c->audit_dir, W_OK) != 0)
		return; /* the rehearsal of a start says so */
	if ((st.st_mode & 022) != 0)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_FILES, "audit_dir",
				 "%s can be written by others than this user", c->audit_dir),
		    "chmod go-w %s", c->audit_dir);
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_FILES, "audit_dir", "%s: mode %03o",
		    c->audit_dir, (unsigned)(st.st_mode & 0777));
}

void stk_doctor_files(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f)
{
	look_at_cage(c, s, f);
	look_at_directories(c, f);
	look_at_audit(c, f);
	if (c->redis_password_file != NULL)
		look_at_mode("password_file", c->redis_password_file, true, f);
	if (c->ledger_password_file != NULL)
		look_at_mode("ledger_password_file", c->ledger_password_file, true, f);
	look_at_mode("policy", c->policy, false, f);
}
