/*
 * curl.h - libcurl in a handler with a net grant. Header only; installed as
 * <stockade/curl.h>; needs libcurl 7.49 or newer (CURLOPT_CONNECT_TO) and jobs/job.h.
 *
 * The broker resolves names and makes connections, so libcurl must do neither. It is told to
 * connect every host to a made-up address of 192.0.2.0/24 (RFC 5737, nobody's), asks for a socket
 * to that address, and is given one that the broker has connected to the host that the made-up
 * address stands for. The URL's own name still goes into SNI, certificate check and Host.
 *
 *	struct stockade_curl sc;
 *	CURL *curl = curl_easy_init();
 *
 *	stockade_curl_init(&sc, job, curl);
 *	if (stockade_curl_host(&sc, "api.example.com", 443) != CURLE_OK) ...
 *	curl_easy_setopt(curl, CURLOPT_URL, "https://api.example.com/v1");
 *	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);  (read in setup(): the cage has no files)
 *	rc = curl_easy_perform(curl);   (CURLE_COULDNT_CONNECT: stockade_connect_why() says why)
 *	curl_easy_cleanup(curl);
 *	stockade_curl_clear(&sc);
 *
 * Every host that a request or a redirect may lead to is named with stockade_curl_host(); others
 * are refused without a lookup. Call curl_global_init() and tzset() in the handler's setup(): TLS
 * libraries read files when they start, and libc reads one about the time zone. One transfer at a
 * time; no proxy.
 */
#ifndef STOCKADE_CURL_H
#define STOCKADE_CURL_H

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifndef STOCKADE_JOB_H
#error "include stockade/job.h (jobs/job.h) first"
#endif

#define STOCKADE_CURL_HOSTS 32

struct stockade_curl {
	struct stockade_job *job;
	CURL *curl;
	struct curl_slist *to; /* owned */
	unsigned n;
	struct {
		char name[256];
		uint16_t port;
	} hosts[STOCKADE_CURL_HOSTS];
	long timeout_ms; /* of one connection; 0: the operator's */
};

/* 192.0.2.1 is the first host; everything else that libcurl may ask for is refused. */
static inline curl_socket_t stockade_curl_socket(
    void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct stockade_curl *sc = (struct stockade_curl *)ctx;
	unsigned char four[8]; /* a sockaddr_in's family, port and address */
	unsigned at;

	if (purpose != CURLSOCKTYPE_IPCXN || address->addrlen < sizeof(four))
		return CURL_SOCKET_BAD;
	memcpy(four, &address->addr, sizeof(four));
	at = four[7];
	if (four[4] != 192 || four[5] != 0 || four[6] != 2 || at == 0 || at > sc->n) {
		errno = EACCES;
		return CURL_SOCKET_BAD;
	}
	/* libcurl's socket must be that of a connection already made; -1 is CURL_SOCKET_BAD */
	return stockade_connect(
	    sc->job, sc->hosts[at - 1].name, sc->hosts[at - 1].port, (uint32_t)sc->timeout_ms);
}

static inline int stockade_curl_connected(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	(void)ctx;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* Prepares @curl; hosts follow. @curl and @job must outlive @sc's use. */
static inline void stockade_curl_init(
    struct stockade_curl *sc, struct stockade_job *job, CURL *curl)
{
	memset(sc, 0, sizeof(*sc));
	sc->job = job;
	sc->curl = curl;
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, stockade_curl_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, sc);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, stockade_curl_connected);
	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	/* the compiled-in places: files, which the cage has not */
	curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
}

/* Names one more host, as the URL has it (an IPv6 address in brackets there, without them here). */
static inline CURLcode stockade_curl_host(struct stockade_curl *sc, const char *name, uint16_t port)
{
	/* libcurl takes the first entry that fits, so the one that fits all comes last */
	char entry[320];
	struct curl_slist *list = NULL, *longer;
	unsigned i;

	if (sc->n == STOCKADE_CURL_HOSTS || strlen(name) >= sizeof(sc->hosts[0].name))
		return CURLE_BAD_FUNCTION_ARGUMENT;
	memcpy(sc->hosts[sc->n].name, name, strlen(name) + 1);
	sc->hosts[sc->n++].port = port;
	for (i = 0; i <= sc->n; i++) {
		if (i < sc->n)
			snprintf(entry, sizeof(entry),
			    strchr(sc->hosts[i].name, ':') == NULL ? "%s:%u:192.0.2.%u:"
								   : "[%s]:%u:192.0.2.%u:",
			    sc->hosts[i].name, (unsigned)sc->hosts[i].port, i + 1);
		else
			snprintf(entry, sizeof(entry), "::192.0.2.255:");
		longer = curl_slist_append(list, entry);
		if (longer == NULL) {
			curl_slist_free_all(list);
			return CURLE_OUT_OF_MEMORY;
		}
		list = longer;
	}
	curl_slist_free_all(sc->to);
	sc->to = list;
	return curl_easy_setopt(sc->curl, CURLOPT_CONNECT_TO, list);
}

/* After curl_easy_cleanup(). */
static inline void stockade_curl_clear(struct stockade_curl *sc)
{
	curl_slist_free_all(sc->to);
	sc->to = NULL;
}

#endif
