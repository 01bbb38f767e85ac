/*
 * handed.c - acts of classes that were handed something: what they get, what they give away.
 */
#include "jobs/job.h"
#include "tests/hostile/acts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Prints what there is of each label or name in the arguments; "-" for nothing. */
int hostile_show_handed(const struct hostile_args *a)
{
	for (size_t i = 0; i < a->n; i++) {
		size_t len = 0;
		const void *secret = stockade_secret(hostile_job, a->arg[i], &len);
		const char *setting = stockade_setting(hostile_job, a->arg[i]);

		if (secret != NULL && strlen(secret) != len)
			return -1;
		(void)printf("%s=%s/%s;", a->arg[i], secret == NULL ? "-" : (const char *)secret,
		    setting == NULL ? "-" : setting);
	}
	return 0;
}

/* Says its secret in every way that a handler has. */
int hostile_tell_secret(const struct hostile_args *a)
{
	const char *secret = stockade_secret(hostile_job, "alpha", NULL);
	char json[128];

	if (secret == NULL)
		return -1;
	(void)snprintf(json, sizeof(json), "{\"is\":\"%s\"}", secret);
	(void)printf("printed %s\n", secret);
	stockade_log(hostile_job, STOCKADE_NOTICE, "logged %s", secret);
	if (a->n > 0)
		(void)snprintf(hostile_message, sizeof(hostile_message), "failed with %s", secret);
	return stockade_result_json(hostile_job, json);
}

int hostile_find_own_secret(const struct hostile_args *a)
{
	return hostile_find_secret(a);
}

/* All that job.h tells of a job; with an argument, asks to be run again. */
int hostile_tell_job(const struct hostile_args *a)
{
	size_t len = 0;
	const char *secret = stockade_secret(hostile_job, "alpha", &len);
	const char *setting = stockade_setting(hostile_job, "colour");

	stockade_log(hostile_job, STOCKADE_NOTICE, "told");
	(void)printf("printed");
	if (a->n > 0)
		return HOSTILE_RETRIES;
	(void)snprintf(hostile_message, sizeof(hostile_message),
	    "id %s attempt %u secret %s/%zu setting %s left %lld", stockade_job_id(hostile_job),
	    stockade_attempt(hostile_job), secret == NULL ? "-" : secret, len,
	    setting == NULL ? "-" : setting, (long long)stockade_deadline_left_ms(hostile_job));
	return 0;
}
