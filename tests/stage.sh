# shellcheck shell=sh disable=SC2034
# Sourced by the tests that run whole workers: a private Redis, a key, a policy, a configuration and
# two directories of input, all under $T. Needs tests/lib.sh (redis_start, rcli) and $B.
. tests/lib.sh

STOCKADE=$PWD/$B/stockade
CAGE=$PWD/$B/stockade-cage
AUD=test/house
N=0

check() { # check "sentence" COMMAND...
	sentence=$1
	shift
	N=$((N + 1))
	if "$@" >"$T/check.out" 2>&1; then
		echo "ok $N - $sentence"
	else
		echo "not ok $N - $sentence"
		sed 's/^/#   /' "$T/check.out" | head -20
	fi
}
eq() { # eq GOT WANT
	[ "$1" = "$2" ] || { echo "got: $1"; echo "want: $2"; return 1; }
}
has() { # has TEXT NEEDLE
	case $1 in *"$2"*) return 0 ;; esac
	echo "got: $1"
	echo "want in it: $2"
	return 1
}
hasnt() { ! has "$@" >/dev/null || { echo "found '$2' in: $1"; return 1; }; }

stage_up() {
	T=$(mktemp -d "${TMPDIR:-/tmp}/stage-XXXXXX")
	mkdir "$T/keys" "$T/inputs" "$T/secret"
	redis_start
	unset REDIS_URL
	"$STOCKADE" keys generate --kid web-1 --principal web --out "$T/keys" >"$T/web.stanza" || exit 70
	"$STOCKADE" keys generate --kid other-1 --principal other --out "$T/keys" >"$T/other.stanza" || exit 70
	write_policy
	ledger_up
	write_config
	ledger_begin
}
# The run ledger stands on a Redis of its own, so that a test may do anything to the other one.
# shellcheck disable=SC2120 # some tests pass words for redis-server
ledger_up() { # ledger_up [words for redis-server]
	LEDGER_DIR=$(mktemp -d /tmp/stk-ledger-XXXXXX) || exit 70
	LEDGER_SOCK=$LEDGER_DIR/sock
	dd if=/dev/urandom bs=24 count=1 2>/dev/null | base64 >"$T/secret/ledger"
	chmod 400 "$T/secret/ledger"
	ledger_again "$@"
}
# The wall clock of what is started in ( clock_of FILE; ... ) is what clock_set says, then and later.
clock_set() { "$B/test/stockade-clock" "$1" "$2"; } # clock_set FILE MS-OFF
clock_of() {
	LD_PRELOAD=$(realpath "$B")/test/clock.so
	STOCKADE_TEST_CLOCK=$1
	export LD_PRELOAD STOCKADE_TEST_CLOCK
}
ledger_again() { # LEDGER_CLOCK=7200000: by a clock that is as many ms off
	clock_set "$LEDGER_DIR/clock" "${LEDGER_CLOCK:-0}"
	(
		clock_of "$LEDGER_DIR/clock"
		exec redis-server --port 0 --unixsocket "$LEDGER_SOCK" --save '' --appendonly no --dir "$LEDGER_DIR" \
			--daemonize no --logfile "$LEDGER_DIR/log" "$@" </dev/null >/dev/null 2>&1
	) &
	LEDGER_PID=$!
	wait_for 60 ledger_is_ours || {
		echo "# the ledger's redis-server did not start in $LEDGER_DIR" >&2
		exit 70
	}
}
ledger_is_ours() { [ "$(lcli INFO server | tr -d '\r' | sed -n 's/^process_id://p')" = "$LEDGER_PID" ]; }
lcli() { redis-cli -s "$LEDGER_SOCK" "$@"; }
ledger_acl() { "$STOCKADE" ledger acl --config "$T/stockade.conf" | lcli >/dev/null; }
# shellcheck disable=SC2120 # some tests pass a min-iat
ledger_begin() { # ledger_begin [min-iat]
	ledger_acl
	"$STOCKADE" ledger init --min-iat "${1:-0}" --config "$T/stockade.conf" >/dev/null || exit 70
}
ledger_kill() {
	[ -z "${LEDGER_PID:-}" ] || { kill -9 "$LEDGER_PID" && wait "$LEDGER_PID"; } 2>/dev/null
	LEDGER_PID=
}
stage_down() {
	[ -z "${WORKER:-}" ] || kill -9 "$WORKER" 2>/dev/null
	ledger_kill
	[ -z "${LEDGER_DIR:-}" ] || rm -rf "$LEDGER_DIR"
	redis_stop
	[ -n "${KEEP:-}" ] || rm -rf "$T"
}
# what stands in the stage may be read and reached by this uid, as root leaves it to a service's user
give_to() { # give_to UID
	chmod 755 "$T" "$T/inputs" "$T/secret"
	chown -R "$1:$1" "$T/policy.conf" "$T/stockade.conf" "$T/inputs" "$T/secret"
	chmod 777 "$REDIS_DIR" "$REDIS_SOCK" "$LEDGER_DIR" "$LEDGER_SOCK"
}
public() { sed -n 's/.*public *= *"\([^"]*\)".*/\1/p' "$T/$1.stanza" | head -1; }

# shellcheck disable=SC2120 # tests that source this pass further classes
write_policy() { # write_policy [EXTRA-CLASSES]
	cat >"$T/policy.conf" <<EOF
audiences = [ "$AUD" ];
principals = (
  { name = "web";
    keys = ( { kid = "web-1"; alg = "ed25519"; public = "$(public web)";
               iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } );
    grants = ( { queues = [ "files", "low", "hostile" ];
                 classes = [ "ChecksumFile", "CsvSummary", "NotCompiledIn"${1:-} ]; max_body = "64K"; } );
    max_runs = 10; max_delay = "7d"; max_window = "8d";
    rate = "1000/s"; burst = 1000; park_max = 1000; quarantine_max = 1000; },
  { name = "other";
    keys = ( { kid = "other-1"; alg = "ed25519"; public = "$(public other)";
               iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } );
    grants = ( { queues = [ "other" ]; classes = [ "ChecksumFile" ]; max_body = "1K"; } );
    max_runs = 1; max_delay = "1h"; max_window = "8d";
    rate = "1/s"; burst = 1; park_max = 10; quarantine_max = 10; } );
EOF
}
# what the hostile cage's classes are handed, so that a worker starts with it
hostile_lines() {
	case $CAGE in */hostile-cage) ;; *) return ;; esac
	case ${EXTRA:-} in *secrets*) return ;; esac
	[ -d "$T/work" ] || mkdir -m 700 "$T/work"
	[ -e "$T/secret/hostile" ] || { printf 'hostile-secret' >"$T/secret/hostile" && chmod 400 "$T/secret/hostile"; }
	echo "work_dir = \"$T/work\"; settings = { colour = \"teal\"; };"
	echo "secrets = { alpha = \"$T/secret/hostile\"; beta = \"$T/secret/hostile\"; };"
}
write_config() { # further lines on standard input are not read; set EXTRA for them
	cat >"$T/stockade.conf" <<EOF
redis = "unix://$REDIS_SOCK";
namespace = "resque";
ledger_url = "unix://$LEDGER_SOCK";
ledger_user = "ledger";
ledger_password_file = "$T/secret/ledger";
ledger_max = "1024G";
adaptive_rates = false;
queues = [ "files", "low" ];
policy = "$T/policy.conf";
cage = "$CAGE";
host = "stage";
directories = { inputs = "$T/inputs"; };
beat = "200ms";
poll = "20ms";
${EXTRA:-}
$(hostile_lines)
EOF
}
sign() { # sign CLASS ARGS [options...]
	class=$1 args=$2
	shift 2
	"$STOCKADE" sign --key "$T/keys/web-1.key" --kid web-1 --aud "$AUD" --queue files --class "$class" "$@" "$args"
}
push() { # push QUEUE PAYLOAD
	printf '%s' "$2" | rcli -x rpush "resque:queue:$1" >/dev/null
}
worker_start() { # worker_start [options...]: pid in $WORKER, log in $T/log
	"$STOCKADE" work --config "$T/stockade.conf" "$@" >>"$T/log" 2>&1 &
	WORKER=$!
}
worker_drain() { # runs until the queues are empty; the exit code in $RC
	INTERVAL=0 timeout 240 "$STOCKADE" work --config "$T/stockade.conf" "$@" >>"$T/log" 2>&1
	RC=$?
}
worker_stop() {
	kill -TERM "$WORKER" 2>/dev/null
	wait "$WORKER"
	RC=$?
	WORKER=
}
logged() { grep -aq "\"event.action\":\"$1\"" "$T/log"; }
events() { grep -ac "\"event.action\":\"$1\"" "$T/log"; }
# without the launcher, which stands beside the workers that it makes, and the exporter
children_of() { ps -o pid=,comm= --ppid "$1" | awk '$2 != "stockade-launch" && $2 != "stockade-export" { print $1 }'; }
# rows_csv NAME ROWS: a CSV file in inputs/ that keeps CsvSummary busy, about a second for six
# million rows; written in blocks, because awk would take longer than the job
rows_csv() {
	awk 'BEGIN { for (i = 0; i < 100000; i++) print i ",1.5,x" }' >"$T/block.csv"
	{
		echo a,b,c
		blocks=$(($2 / 100000))
		while [ "$blocks" -gt 0 ]; do
			cat "$T/block.csv"
			blocks=$((blocks - 1))
		done
	} >"$T/inputs/$1"
}

# This tree as it is built, times included, for tests that change it; without what is only run from it.
copy_tree() { # copy_tree TO
	mkdir "$1" && tar -cf - --exclude=./.git --exclude="./$B/test" --exclude="./$B/fz*" . | tar -xf - -C "$1"
}

# a process and all its descendants
tree_of() {
	ps -e -o pid=,ppid= | awk -v top="$1" '
		{ parent[$1] = $2 }
		END { for (p in parent) { q = p; while (q in parent && q != top && q > 1) q = parent[q]; if (q == top) print p } }'
}
gone() { # gone PID...
	for pid in "$@"; do ! kill -0 "$pid" 2>/dev/null || { echo "$pid is still there"; return 1; }; done
}
