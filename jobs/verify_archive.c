/*
 * verify_archive.c - VerifyArchive: reads an untrusted archive to its end by libarchive and says
 * what is in it. Nothing is unpacked: bytes are counted and thrown away. Refused are bombs (by
 * bytes, entries, and bytes against the archive's own size), names and links that lead elsewhere,
 * devices, and what needs a password.
 *
 * Filters and formats are chosen one by one: none that starts a program, reads another file, or
 * was a source of holes without being needed (rar, xar, mtree, iso).
 */
#include "jobs/archive_name.h"
#include "jobs/text.h"
#include "jobs/verify_archive.args.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The handler's codes; the page names them. */
enum {
	CANNOT_OPEN = 1,
	NO_ARCHIVE,
	DAMAGED,
	BAD_NAME,
	BAD_LINK,
	SPECIAL_FILE,
	ENCRYPTED,
	TOO_MANY,
	TOO_LARGE,
	BOMB,
	NO_ROOM
};

#define SLACK        ((uint64_t)1 << 20) /* small archives may compress as well as they like */
#define LIST_BYTES   ((size_t)48 << 10)
#define RESULT_BYTES ((size_t)60 << 10)

struct verify {
	struct stockade_job *job;
	struct archive *a;
	uint64_t size; /* of the archive file */
	uint64_t max_bytes, max_entries, max_ratio;
	uint64_t bytes, entries, files, folders, n_links, set_id;
	struct archive_links links;
	struct text list;
	bool cut;
};

int stockade_setup_verify_archive(void);

/* Names are bytes to us; without a UTF-8 locale libarchive has no name at all for some of them. */
int stockade_setup_verify_archive(void)
{
	return setlocale(LC_CTYPE, "C.UTF-8") == NULL ? -1 : 0;
}

static struct archive *open_archive(int fd)
{
	static int (*const kinds[])(struct archive *) = { archive_read_support_filter_gzip,
		archive_read_support_filter_bzip2, archive_read_support_filter_xz,
		archive_read_support_filter_lzma, archive_read_support_filter_zstd,
		archive_read_support_filter_lz4, archive_read_support_filter_compress,
		archive_read_support_format_tar, archive_read_support_format_cpio,
		archive_read_support_format_zip, archive_read_support_format_7zip,
		archive_read_support_format_empty };
	struct archive *a = archive_read_new();

	/* ARCHIVE_WARN: only by another program, which a job cannot start; then it is not known */
	for (size_t i = 0; a != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		(void)kinds[i](a);
	/* what it says of a file that it cannot open is said by the first read, too */
	if (a != NULL)
		(void)archive_read_open_fd(a, fd, 64 << 10);
	return a;
}

static struct stockade_result damaged(struct verify *v)
{
	const char *why = archive_error_string(v->a);

	return stockade_fail(v->job, v->entries == 0 && v->bytes == 0 ? NO_ARCHIVE : DAMAGED,
	    "%s after %" PRIu64 " entries: %s",
	    v->entries == 0 && v->bytes == 0 ? "no archive of a known kind, or broken" : "damaged",
	    v->entries, why == NULL ? "no reason given" : why);
}

/* Counts what the entry held and what the filters made, whichever is more: both take time. */
static bool over(struct verify *v, struct stockade_result *r)
{
	int64_t unpacked = archive_filter_bytes(v->a, 0);
	uint64_t most = v->bytes;

	if (unpacked > 0 && (uint64_t)unpacked > most)
		most = (uint64_t)unpacked;
	if (most > v->max_bytes + SLACK || v->bytes > v->max_bytes) {
		*r = stockade_fail(v->job, TOO_LARGE,
		    "holds more than %" PRIu64 " bytes (stopped at entry %" PRIu64 ")",
		    v->max_bytes, v->entries);
		return true;
	}
	if (most > SLACK && most / v->max_ratio > v->size) {
		*r = stockade_fail(v->job, BOMB,
		    "holds more than %" PRIu64 " times its own %" PRIu64
		    " bytes (stopped at entry %" PRIu64 "): a decompression bomb",
		    v->max_ratio, v->size, v->entries);
		return true;
	}
	return false;
}

static const char *kind_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e) != NULL)
		return "hardlink";
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
	case 0: return "file";
	case AE_IFDIR: return "folder";
	case AE_IFLNK: return "symlink";
	default: return NULL;
	}
}

/* What is wrong with the entry, in words; NULL if nothing. *code is the handler's. */
static const char *entry_wrong(
    struct verify *v, struct archive_entry *e, const char *name, uint32_t *code)
{
	const char *wrong = archive_name_wrong(&v->links, name);
	const char *target = archive_entry_hardlink(e);

	*code = BAD_NAME;
	if (wrong != NULL)
		return wrong;
	*code = BAD_LINK;
	if (target != NULL)
		return archive_name_wrong(&v->links, target) == NULL
			   ? NULL
			   : "is a hard link that leads out";
	if (archive_entry_filetype(e) == AE_IFLNK) {
		target = archive_entry_symlink(e);
		return archive_link_wrong(&v->links, name, target == NULL ? "" : target);
	}
	*code = SPECIAL_FILE;
	if (kind_of(e) == NULL)
		return "is a device, a pipe or a socket";
	*code = ENCRYPTED;
	return archive_entry_is_encrypted(e) ? "needs a password" : NULL;
}

static void list(struct verify *v, const char *name, const char *kind, uint64_t bytes)
{
	struct text before = v->list;

	if (v->cut)
		return;
	text_put(&v->list, "%s{\"name\":", v->list.len == 0 ? "" : ",");
	text_put_json(&v->list, name, strlen(name));
	text_put(&v->list, ",\"kind\":\"%s\",\"bytes\":%" PRIu64 "}", kind, bytes);
	if (v->list.full) {
		v->list = before;
		v->list.at[v->list.len] = '\0';
		v->cut = true;
	}
}

/* The content of one entry, counted; its sizes in headers are the archive's own word. */
static bool read_through(struct verify *v, uint64_t *bytes, struct stockade_result *r)
{
	const void *block;
	size_t len = 0;
	la_int64_t at = 0;
	int rc;

	*bytes = 0;
	do {
		uint64_t end;

		rc = archive_read_data_block(v->a, &block, &len, &at);
		if (rc != ARCHIVE_OK && rc != ARCHIVE_EOF) {
			*r = damaged(v);
			return false;
		}
		/* a sparse file's holes, the last one too, cost whoever unpacks it as bytes do */
		end = at < 0 ? 0 : (uint64_t)at + (rc == ARCHIVE_OK ? len : 0);
		v->bytes += end > *bytes ? end - *bytes : 0;
		*bytes = end > *bytes ? end : *bytes;
		if (over(v, r))
			return false;
	} while (rc == ARCHIVE_OK);
	return true;
}

static bool take_entry(struct verify *v, struct archive_entry *e, struct stockade_result *r)
{
	const char *name = archive_entry_pathname(e), *wrong;
	uint64_t bytes;
	uint32_t code = BAD_NAME;

	if (v->entries++ == v->max_entries) {
		*r = stockade_fail(
		    v->job, TOO_MANY, "holds more than %" PRIu64 " entries", v->max_entries);
		return false;
	}
	wrong = name == NULL ? "has no name" : entry_wrong(v, e, name, &code);
	if (wrong != NULL) {
		*r = stockade_fail(v->job, code, "entry %" PRIu64 " (%.200s) %s", v->entries,
		    name == NULL ? "" : name, wrong);
		return false;
	}
	v->files += archive_entry_filetype(e) == AE_IFREG;
	v->folders += archive_entry_filetype(e) == AE_IFDIR;
	v->n_links += kind_of(e)[0] == 's' || kind_of(e)[0] == 'h';
	v->set_id += (archive_entry_mode(e) & (S_ISUID | S_ISGID)) != 0;
	if (!read_through(v, &bytes, r))
		return false;
	list(v, name, kind_of(e), bytes);
	return true;
}

static struct stockade_result tell(struct verify *v)
{
	static char json[RESULT_BYTES];
	struct text t = text_in(json, sizeof(json));
	const char *format = archive_format_name(v->a);

	text_put(&t, "{\"format\":");
	text_put_json(&t, format == NULL ? "" : format, format == NULL ? 0 : strlen(format));
	text_put(&t,
	    ",\"entries\":%" PRIu64 ",\"files\":%" PRIu64 ",\"folders\":%" PRIu64
	    ",\"links\":%" PRIu64 ",\"set_id\":%" PRIu64 ",\"bytes\":%" PRIu64
	    ",\"archive_bytes\":%" PRIu64 ",\"list_is_cut\":%s,\"list\":[%s]}",
	    v->entries, v->files, v->folders, v->n_links, v->set_id, v->bytes, v->size,
	    v->cut ? "true" : "false", v->list.at);
	if (t.full || stockade_result_json(v->job, json) == -1)
		return stockade_fail(v->job, NO_ROOM, "no room for the result");
	return STOCKADE_DONE;
}

static struct stockade_result verify(struct verify *v)
{
	struct archive_entry *e;
	struct stockade_result r;
	int rc;

	while ((rc = archive_read_next_header(v->a, &e)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		if (over(v, &r) || !take_entry(v, e, &r))
			return r;
	}
	if (rc != ARCHIVE_EOF)
		return over(v, &r) ? r : damaged(v);
	if (v->entries == 0)
		return stockade_fail(
		    v->job, NO_ARCHIVE, "no archive of a known kind, or nothing in it");
	return tell(v);
}

struct stockade_result verify_archive(
    struct stockade_job *job, const struct verify_archive_args *args)
{
	static char room[LIST_BYTES];
	struct verify v = { .job = job, .list = text_in(room, sizeof(room)) };
	struct stat st;
	int fd = stockade_open(job, "inputs", args->file);

	if (fd == -1 || fstat(fd, &st) == -1)
		return stockade_fail(
		    job, CANNOT_OPEN, "cannot open %s: %s", args->file, strerror(errno));
	v.size = (uint64_t)st.st_size;
	v.max_bytes = args->has_max_bytes ? (uint64_t)args->max_bytes : (uint64_t)1 << 30;
	v.max_entries = args->has_max_entries ? (uint64_t)args->max_entries : 10000;
	v.max_ratio = args->has_max_ratio ? (uint64_t)args->max_ratio : 200;
	v.a = open_archive(fd);
	if (v.a == NULL)
		return stockade_fail(job, NO_ROOM, "no memory for libarchive");
	return verify(&v);
}
