/*
 * extract_text.c - ExtractText: the text of an untrusted PDF, by poppler's pdftotext. The handler
 * opens the file and hands its bytes to the program, which learns neither its name nor its place.
 * The text is the result, not a file: a class that could write would let its program write too.
 */
#include "jobs/extract_text.args.h"
#include "jobs/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES   ((size_t)128 << 10)
#define RESULT_BYTES ((size_t)250 << 10)

/* A job's process runs one job. */
static char printed[TEXT_BYTES], json[RESULT_BYTES];

static struct stockade_result program_failed(
    struct stockade_job *job, const struct stockade_exec *e)
{
	/* its exit codes: 1 opening the file, 2 output, 3 permissions, 99 others */
	if (e->status == 3)
		return stockade_fail(job, 5, "the document does not permit its text to be taken");
	if (e->status < 0)
		return stockade_fail(
		    job, 6, "pdftotext was ended by signal %d: the document broke it", -e->status);
	return stockade_fail(job, 4, "pdftotext says it is no readable PDF (status %d)", e->status);
}

struct stockade_result extract_text(struct stockade_job *job, const struct extract_text_args *args)
{
	char last[24];
	const char *const argv[] = { "-q", "-enc", "UTF-8", "-eol", "unix", "-l", last, "-", "-",
		NULL };
	struct stockade_exec e = {
		.args = argv, .output = printed, .output_size = sizeof(printed)
	};
	struct text t = text_in(json, sizeof(json));

	(void)snprintf(last, sizeof(last), "%" PRId64, args->has_pages ? args->pages : 100);
	e.input_fd = stockade_open(job, "inputs", args->file);
	if (e.input_fd == -1)
		return stockade_fail(job, 1, "cannot open %s: %s", args->file, strerror(errno));
	if (stockade_exec(job, &e) == -1)
		return errno == E2BIG
			   ? stockade_fail(
				 job, 2, "holds more than 128 KiB of text; ask for fewer pages")
			   : stockade_fail(job, 3, "pdftotext did not run: %s", strerror(errno));
	if (e.status != 0)
		return program_failed(job, &e);
	text_put(&t, "{\"bytes\":%zu,\"text\":", e.output_len);
	text_put_json(&t, e.output, e.output_len);
	text_put(&t, "}");
	if (t.full || stockade_result_json(job, json) == -1)
		return stockade_fail(job, 2, "holds more text than the result has room for");
	return STOCKADE_DONE;
}
