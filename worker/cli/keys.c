/*
 * keys.c - `stockade keys generate`: a new private key file, and the policy stanza for its public
 * half. The secret is written once, to a file that nobody but its owner may read, and never shown.
 */
#include "worker/cli/keys.h"
#include "worker/envelope.h"
#include "worker/seal.h"
#include "worker/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct request {
	const char *kid, *principal, *alg_text, *out;
	enum stk_alg alg;
};

enum {
	OPT_KID = 256,
	OPT_PRINCIPAL,
	OPT_ALG,
	OPT_OUT,
	OPT_HELP
};

static const struct option options[] = {
	{ "kid", required_argument, NULL, OPT_KID },
	{ "principal", required_argument, NULL, OPT_PRINCIPAL },
	{ "alg", required_argument, NULL, OPT_ALG },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

static int parse(int argc, char **argv, struct request *r)
{
	int opt;

	*r = (struct request){ .alg_text = "ed25519" };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_KID: r->kid = optarg; break;
		case OPT_PRINCIPAL: r->principal = optarg; break;
		case OPT_ALG: r->alg_text = optarg; break;
		case OPT_OUT: r->out = optarg; break;
		case OPT_HELP: (void)stk_usage(&stk_cmd_keys, 0); return -1;
		default: return stk_usage(&stk_cmd_keys, STK_EX_USAGE);
		}
	}
	if (optind != argc - 1 || strcmp(argv[optind], "generate") != 0)
		return stk_usage(&stk_cmd_keys, STK_EX_USAGE);
	if (r->kid == NULL || r->principal == NULL || r->out == NULL)
		return stk_complain(STK_EX_USAGE, "--kid, --principal and --out are all needed");
	if (!stk_envelope_kid_ok(stk_span_str(r->kid)) || r->kid[0] == '.')
		return stk_complain(STK_EX_USAGE,
		    "--kid takes 1 to 64 of A-Z a-z 0-9 _ . -, not beginning with a dot");
	if (!stk_envelope_kid_ok(stk_span_str(r->principal)))
		return stk_complain(STK_EX_USAGE, "--principal takes 1 to 64 of A-Z a-z 0-9 _ . -");
	if (!stk_alg_find(stk_span_str(r->alg_text), &r->alg))
		return stk_complain(STK_EX_USAGE, "--alg is ed25519 or hmac-sha256");
	return 0;
}

/* Writes the key's line to a file that did not exist; nothing is left behind on failure. */
static int write_key(const struct request *r, const uint8_t *secret, char *path, size_t path_size)
{
	char line[128], text[44];
	STK_AUTO_CLOSE int fd = -1;
	int n = snprintf(path, path_size, "%s/%s.key", r->out, r->kid);
	enum stk_err e;

	if (n < 0 || (size_t)n >= path_size)
		return stk_complain(STK_EX_USAGE, "--out is too long");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (fd == -1 && errno == EEXIST)
		return stk_complain(
		    STK_EX_NOPERM, "%s exists and is not overwritten; choose another --kid", path);
	if (fd == -1)
		return stk_complain(STK_EX_OS, "cannot create %s: %s", path, strerror(errno));
	stk_b64url_encode(secret, STK_KEY_LEN, text, sizeof(text));
	n = snprintf(line, sizeof(line), "%s:%s\n", stk_alg_text(r->alg), text);
	e = stk_write_all(fd, line, (size_t)n);
	stk_wipe(line, sizeof(line));
	stk_wipe(text, sizeof(text));
	if (e == STK_OK && fchmod(fd, 0400) == 0 && fsync(fd) == 0)
		return 0;
	n = errno;
	(void)unlink(path);
	return stk_complain(STK_EX_OS, "cannot write %s: %s", path, strerror(n));
}

static void utc(time_t t, char *out, size_t size)
{
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, size, "2027-01-01T00:00:00Z");
}

static void print_stanza(const struct request *r, const uint8_t *secret, const char *path)
{
	uint8_t public_key[STK_KEY_LEN];
	char text[44], from[32], to[32];
	time_t now = time(NULL);

	utc(now - now % 86400, from, sizeof(from));
	utc(now - now % 86400 + 365 * 86400, to, sizeof(to));
	(void)printf("# %s holds the private key: give it to the producer%s.\n", path,
	    r->alg == STK_ALG_ED25519 ? " and to no worker"
				      : " and, as secret_file, to the workers");
	(void)printf("# Into policy.conf, `principals`; replace queues, classes and limits:\n");
	(void)printf("{ name = \"%s\";\n  keys = (\n", r->principal);
	if (r->alg == STK_ALG_ED25519) {
		stk_seal_public(secret, public_key);
		stk_b64url_encode(public_key, sizeof(public_key), text, sizeof(text));
		(void)printf(
		    "    { kid = \"%s\"; alg = \"ed25519\"; public = \"%s\";\n", r->kid, text);
	} else {
		(void)printf(
		    "    { kid = \"%s\"; alg = \"hmac-sha256\"; secret_file = \"%s.key\";\n",
		    r->kid, r->kid);
	}
	(void)printf("      iat_from = \"%s\"; iat_to = \"%s\"; } );\n", from, to);
	(void)printf("  grants = ( { queues = [ \"QUEUE\" ]; classes = [ \"Class\" ]; "
		     "max_body = \"16K\"; } );\n");
	(void)printf("  max_runs = 5; max_delay = \"7d\"; max_window = \"7d\";\n");
	(void)printf(
	    "  rate = \"10/s\"; burst = 100; park_max = 20000; quarantine_max = 1000; }\n");
}

static int generate(int argc, char **argv)
{
	struct request r;
	char path[4096];
	uint8_t *secret;
	int code = parse(argc, argv, &r);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (stk_seal_init() != STK_OK || (secret = stk_secret_new()) == NULL)
		return stk_complain(STK_EX_OS, "no locked memory for a secret: %s; " STK_VAULT_CURE,
		    strerror(errno));
	stk_random(secret, STK_KEY_LEN);
	code = write_key(&r, secret, path, sizeof(path));
	if (code == 0)
		print_stanza(&r, secret, path);
	stk_secret_free(secret);
	return code;
}

/* The operand may stand behind flags, as getopt allows. */
static int run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} looks[] = {
		{ "show", stk_keys_show },
		{ "check", stk_keys_check },
		{ "diff", stk_keys_diff },
	};

	for (size_t i = 0; argc > 1 && i < STK_ARRAY_LEN(looks); i++)
		if (strcmp(argv[1], looks[i].name) == 0)
			return looks[i].run(argc - 1, argv + 1);
	return generate(argc, argv);
}

const struct stk_command stk_cmd_keys = {
	.name = "keys",
	.summary = "generate, show, check and compare signing keys",
	.usage =
	    "keys generate --kid K --principal P [--alg ed25519|hmac-sha256] --out DIR\n"
	    "       stockade keys show FILE...\n"
	    "       stockade keys check [--policy FILE] [--config FILE] [--json] [KEYFILE...]\n"
	    "       stockade keys diff [--json] OLD-POLICY NEW-POLICY\n"
	    "show prints public halves, check says what is wrong with a policy's keys, or soon\n"
	    "will be (0 nothing, 1 something), diff what changed between two (0 no, 1 yes)",
	.run = run,
};
