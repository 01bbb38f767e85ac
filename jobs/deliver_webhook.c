/*
 * deliver_webhook.c - DeliverWebhook: one signed message by HTTPS POST, through libcurl on a
 * connection that the broker made. The URL is the producer's and perhaps a customer's: addresses
 * that are not for jobs are refused by the broker after the name is resolved, redirects are not
 * followed, and what the receiver says is counted and thrown away. The job's id is the message's.
 */
#include "jobs/job.h"

#include "jobs/curl.h"
#include "jobs/deliver_webhook.args.h"
#include "jobs/webhook_sign.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECRET        "webhook"
#define AUTHORITIES   "webhook_ca"
#define BUNDLE        "/etc/ssl/certs/ca-certificates.crt"
#define BUNDLE_BYTES  ((size_t)1 << 20)
#define PATIENCE_MS   30000
#define CONNECT_MS    10000
#define REPLY_BYTES   ((size_t)64 << 10)
#define FIRST_WAIT_MS 5000u
#define LAST_WAIT_MS  3600000u

/* The handler's codes; the page names them. */
enum {
	BAD_URL = 1,
	BAD_KEY,
	NO_AUTHORITIES,
	REFUSED,
	UNTRUSTED,
	REDIRECT,
	GONE,
	NOT_ACCEPTED,
	NO_ROOM
};

static char *bundle; /* of the machine; read before the wall, never freed */
static size_t bundle_len;

int stockade_setup_deliver_webhook(void);

/*
 * Certificates, libraries' files, the time zone: nothing of that can be read behind the wall. A
 * bundle that is missing is said by the job that needs it.
 */
int stockade_setup_deliver_webhook(void)
{
	int fd = open(BUNDLE, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	bundle = fd == -1 ? NULL : malloc(BUNDLE_BYTES);
	while (bundle != NULL && n > 0 && bundle_len < BUNDLE_BYTES) {
		n = read(fd, bundle + bundle_len, BUNDLE_BYTES - bundle_len);
		bundle_len += n > 0 ? (size_t)n : 0;
	}
	if (fd != -1)
		(void)close(fd);
	tzset();
	if (sodium_init() == -1)
		return -1;
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

struct delivery {
	struct stockade_job *job;
	const struct deliver_webhook_args *args;
	struct stockade_curl sc;
	CURL *curl;
	struct curl_slist *headers;
	size_t heard; /* bytes of the reply's body */
	bool too_long;
	long status;
	curl_off_t retry_after_s;
};

static size_t hear(char *p, size_t size, size_t n, void *ctx)
{
	struct delivery *d = ctx;

	(void)p;
	d->heard += size * n;
	d->too_long = d->heard > REPLY_BYTES;
	return d->too_long ? 0 : size * n;
}

/* The one host that libcurl may ask for: that of the URL, which must be plain https. */
static const char *admit_url(struct delivery *d)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
	const char *wrong = NULL;

	if (u == NULL || curl_url_set(u, CURLUPART_URL, d->args->url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		wrong = "it is no URL";
	else if (strcmp(scheme, "https") != 0)
		wrong = "it is not https";
	else if (curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_NO_USER)
		wrong = "it holds a user name";
	else if (host[0] == '[') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (wrong == NULL &&
	    stockade_curl_host(&d->sc, host, (uint16_t)strtoul(port, NULL, 10)) != CURLE_OK)
		wrong = "its host is too long";
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(user);
	curl_url_cleanup(u);
	return wrong;
}

static bool add_header(struct delivery *d, const char *name, const char *value)
{
	char line[512];
	struct curl_slist *longer;

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(d->headers, line);
	d->headers = longer == NULL ? d->headers : longer;
	return longer != NULL;
}

/* 0, or the code of what is wrong. */
static uint32_t prepare_headers(struct delivery *d)
{
	const char *id = stockade_job_id(d->job), *keys = stockade_secret(d->job, SECRET, NULL);
	char signatures[WEBHOOK_SIGNATURES], when[32];
	int64_t now = (int64_t)time(NULL);

	(void)snprintf(when, sizeof(when), "%" PRId64, now);
	if (keys == NULL || webhook_sign(keys, id, now, d->args->body, signatures) == -1)
		return BAD_KEY;
	if (!add_header(d, "content-type",
		d->args->content_type == NULL ? "application/json" : d->args->content_type) ||
	    !add_header(d, "webhook-id", id) || !add_header(d, "webhook-timestamp", when) ||
	    !add_header(d, "webhook-signature", signatures) ||
	    !add_header(d, "user-agent", "stockade-webhook/1") || !add_header(d, "expect", ""))
		return NO_ROOM;
	return 0;
}

/* The class's own authorities, where the operator names them, else the machine's. */
static bool prepare_trust(struct delivery *d)
{
	const char *own = stockade_setting(d->job, AUTHORITIES);
	bool has_own = own != NULL && own[0] != '\0';
	struct curl_blob ca = { .data = bundle, .len = bundle_len, .flags = CURL_BLOB_COPY };

	if (has_own)
		ca = (struct curl_blob){ (void *)(uintptr_t)own, strlen(own), CURL_BLOB_COPY };
	return ca.len > 0 && curl_easy_setopt(d->curl, CURLOPT_CAINFO_BLOB, &ca) == CURLE_OK;
}

static void prepare_transfer(struct delivery *d)
{
	int64_t left = stockade_deadline_left_ms(d->job) - 1000;

	d->sc.timeout_ms = CONNECT_MS;
	curl_easy_setopt(d->curl, CURLOPT_URL, d->args->url);
	curl_easy_setopt(d->curl, CURLOPT_POSTFIELDS, d->args->body);
	curl_easy_setopt(d->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(d->args->body));
	curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, d->headers);
	curl_easy_setopt(d->curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(d->curl, CURLOPT_WRITEFUNCTION, hear);
	curl_easy_setopt(d->curl, CURLOPT_WRITEDATA, d);
	curl_easy_setopt(d->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(d->curl, CURLOPT_TIMEOUT_MS,
	    left < 1             ? 1L
	    : left < PATIENCE_MS ? (long)left
				 : (long)PATIENCE_MS);
}

/* 5 s, 20 s, 80 s, ... an hour; what the receiver asks for, within the same bounds. */
static struct stockade_result later(struct delivery *d, const char *why)
{
	uint32_t ms = FIRST_WAIT_MS, attempt = stockade_attempt(d->job);

	while (--attempt > 0 && ms < LAST_WAIT_MS)
		ms *= 4;
	if (d->retry_after_s > 0 && d->retry_after_s * 1000 > (curl_off_t)ms)
		ms = d->retry_after_s > LAST_WAIT_MS / 1000 ? LAST_WAIT_MS
							    : (uint32_t)d->retry_after_s * 1000;
	ms = ms > LAST_WAIT_MS ? LAST_WAIT_MS : ms;
	stockade_log(d->job, STOCKADE_WARNING, "not delivered: %s; again in %u s", why, ms / 1000);
	return stockade_retry_after(ms);
}

static struct stockade_result by_status(struct delivery *d)
{
	char json[128], why[64];

	if (d->status >= 200 && d->status < 300) {
		(void)snprintf(json, sizeof(json), "{\"status\":%ld,\"attempt\":%u}", d->status,
		    stockade_attempt(d->job));
		return stockade_result_json(d->job, json) == 0
			   ? STOCKADE_DONE
			   : stockade_fail(d->job, NO_ROOM, "no room for the result");
	}
	if (d->status >= 300 && d->status < 400)
		return stockade_fail(d->job, REDIRECT,
		    "the receiver answered %ld: redirects are not followed", d->status);
	if (d->status == 410)
		return stockade_fail(d->job, GONE,
		    "the receiver answered 410: it wants no more of these; disable it");
	(void)snprintf(why, sizeof(why), "the receiver answered %ld", d->status);
	if (d->status >= 500 || d->status == 408 || d->status == 425 || d->status == 429)
		return later(d, why);
	return stockade_fail(d->job, NOT_ACCEPTED, "%s", why);
}

/* What the broker refuses stays refused; what did not work may work later. */
static bool is_refusal(const char *why)
{
	static const char *const passing[] = { "NetNameFailed", "NetNameTimeout",
		"NetConnectTimeout", "NetConnectFailed", "NetBrokerSilent", "NetBrokerLost" };

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strncmp(why, passing[i], strlen(passing[i])) == 0)
			return false;
	return why[0] != '\0';
}

static struct stockade_result judge(struct delivery *d, CURLcode rc)
{
	const char *why = stockade_connect_why(d->job);

	(void)curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &d->status);
	(void)curl_easy_getinfo(d->curl, CURLINFO_RETRY_AFTER, &d->retry_after_s);
	if (rc == CURLE_OK || (d->too_long && d->status != 0))
		return by_status(d);
	if (is_refusal(why))
		return stockade_fail(d->job, REFUSED, "not connected: %s", why);
	if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CONNECT_ERROR)
		return stockade_fail(d->job, UNTRUSTED, "TLS: %s", curl_easy_strerror(rc));
	return later(d, why[0] == '\0' ? curl_easy_strerror(rc) : why);
}

static struct stockade_result deliver(struct delivery *d)
{
	const char *wrong = admit_url(d);
	uint32_t code;

	if (wrong != NULL)
		return stockade_fail(d->job, BAD_URL, "the URL is refused: %s", wrong);
	code = prepare_headers(d);
	if (code == BAD_KEY)
		return stockade_fail(d->job, BAD_KEY,
		    "the secret '%s' is not one to four keys of the form whsec_BASE64", SECRET);
	if (code != 0)
		return stockade_fail(d->job, code, "no memory for the request");
	if (!prepare_trust(d))
		return stockade_fail(d->job, NO_AUTHORITIES,
		    "no certificate authorities: install ca-certificates and let setup_read name "
		    "/etc/ssl and /usr/share/ca-certificates, or give the setting '%s'",
		    AUTHORITIES);
	prepare_transfer(d);
	return judge(d, curl_easy_perform(d->curl));
}

struct stockade_result deliver_webhook(
    struct stockade_job *job, const struct deliver_webhook_args *args)
{
	struct delivery d = { .job = job, .args = args, .curl = curl_easy_init() };
	struct stockade_result r;

	if (d.curl == NULL)
		return stockade_fail(job, NO_ROOM, "no memory for libcurl");
	stockade_curl_init(&d.sc, job, d.curl);
	r = deliver(&d);
	curl_easy_cleanup(d.curl);
	stockade_curl_clear(&d.sc);
	curl_slist_free_all(d.headers);
	return r;
}
