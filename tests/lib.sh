# Words every shell test shares: . tests/lib.sh
# A private redis-server per test (own folder, unix socket, port 0, stopped by pid), TAP lines.
# A test that starts one sets: trap redis_stop EXIT

n_ok=0 n_failed=0

ok() { # ok SENTENCE
	n_ok=$((n_ok + 1))
	echo "ok - $*"
}

not_ok() { # not_ok SENTENCE
	n_failed=$((n_failed + 1))
	echo "not ok - $*"
}

# is SENTENCE GOT WANTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else
		not_ok "$1"
		printf '#      got: %s\n#   wanted: %s\n' "$2" "$3"
	fi
}

# holds SENTENCE COMMAND...: the command succeeds
holds() {
	_sentence=$1
	shift
	if "$@" >/dev/null 2>&1; then ok "$_sentence"; else not_ok "$_sentence"; fi
}

skip() { # skip SENTENCE WHAT-WOULD-ENABLE-IT
	echo "ok - $1 # SKIP $2"
}

finish() {
	[ "$n_failed" = 0 ] || exit 1
	exit 0
}

# wait_for SECONDS COMMAND...: polls ten times a second until the command succeeds. Three times as long
# before it gives up: what was enough on a machine of its own may not be on a busy one.
wait_for() {
	_tenths=$(($1 * 30))
	shift
	while [ "$_tenths" -gt 0 ]; do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.1
		_tenths=$((_tenths - 1))
	done
	return 1
}

# await SECONDS COMMAND...: the same for what a test goes on from: in vain is a failure
await() {
	wait_for "$@" && return 0
	shift
	not_ok "waited for in vain: $*"
}

# free_port: one that nobody has, and that the kernel gives nobody by itself (those begin at 32768)
free_port() {
	_port=$((10000 + $$ % 20000))
	while grep -qi ":$(printf %04X "$_port") " /proc/net/tcp /proc/net/tcp6 2>/dev/null; do _port=$((_port + 1)); done
	echo "$_port"
}

# REDIS_SERVER=/path: another server of that protocol (Valkey, another version of Redis), here and in
# the unit tests
# redis_start [words for redis-server]: sets REDIS_DIR, REDIS_SOCK, REDIS_PID, REDIS_URL
redis_start() {
	REDIS_DIR=$(mktemp -d /tmp/stk-redis-XXXXXX) || return 1
	REDIS_SOCK=$REDIS_DIR/sock
	REDIS_URL=unix://$REDIS_SOCK
	export REDIS_URL
	redis_again "$@"
}

# starts it in the same folder: after redis_kill, with what it had written to disk
redis_again() {
	"${REDIS_SERVER:-redis-server}" --port 0 --unixsocket "$REDIS_SOCK" --save '' --appendonly no --dir "$REDIS_DIR" \
		--daemonize no --pidfile "$REDIS_DIR/pid" --logfile "$REDIS_DIR/log" "$@" </dev/null >/dev/null 2>&1 &
	REDIS_PID=$!
	if wait_for 10 redis_is_ours; then return 0; fi
	echo "# redis-server did not start in $REDIS_DIR" >&2
	return 1
}

# the server that answers on our socket, its pidfile and our child are one process
redis_is_ours() {
	[ -n "${REDIS_PID:-}" ] &&
		[ "$(cat "$REDIS_DIR/pid" 2>/dev/null)" = "$REDIS_PID" ] &&
		[ "$(rcli INFO server | tr -d '\r' | sed -n 's/^process_id://p')" = "$REDIS_PID" ]
}

rcli() {
	redis-cli -s "$REDIS_SOCK" "$@"
}

# kill -9 of the server alone, its folder stays
redis_kill() {
	[ -z "${REDIS_PID:-}" ] || { kill -9 "$REDIS_PID" && wait "$REDIS_PID"; } 2>/dev/null
	REDIS_PID=
}

redis_stop() {
	redis_kill
	[ -z "${REDIS_DIR:-}" ] || rm -rf "$REDIS_DIR"
	REDIS_DIR=
}
