/*
 * make_token.c - Acme::MakeToken: a check number for each name, by a library of the team's choice
 * (zlib here). Compute only: no file, no network, no other process.
 */
#include <stockade/job.h>

#include "make_token.args.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

struct stockade_result make_token(struct stockade_job *job, const struct make_token_args *args)
{
	char json[256] = "[";
	int digits = args->has_digits ? (int)args->digits : 8;

	for (size_t i = 0; i < args->names.n; i++) {
		const char *name = args->names.at[i];
		unsigned long sum = crc32(0, (const Bytef *)name, (uInt)strlen(name));
		size_t used = strlen(json);

		/* the first digits of the eight */
		(void)snprintf(json + used, sizeof(json) - used, "%s\"%0*lx\"", i == 0 ? "" : ",",
		    digits, sum >> (32 - 4 * digits));
	}
	(void)strncat(json, "]", sizeof(json) - strlen(json) - 1);
	return stockade_result_json(job, json) == 0 ? STOCKADE_DONE
						    : stockade_fail(job, 1, "no room");
}
