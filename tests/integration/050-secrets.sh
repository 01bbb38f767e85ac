#!/bin/sh
# Where secrets are not: a password in REDIS_URL leaves environment and argv of every process; only
# the worker can read it; no process of ours runs with privileges or as uid 0.
. tests/stage.sh
free_port() { # a port nobody listens on just now
	for p in $(seq 20100 20199); do
		grep -qi ":$(printf '%04X' "$p") " /proc/net/tcp /proc/net/tcp6 || { echo "$p"; return; }
	done
}
stage_up
trap stage_down EXIT
rcli config set requirepass canary-hunter2 >/dev/null
REDISCLI_AUTH=canary-hunter2
export REDISCLI_AUTH

sed '/^redis = /d' "$T/stockade.conf" >"$T/env.conf"
# a URL has a place for a password only with TCP, so this server listens on loopback too
port=$(free_port)
rcli config set port "$port" >/dev/null
REDIS_URL="redis://:canary-hunter2@127.0.0.1:$port/0" "$STOCKADE" work --config "$T/env.conf" >>"$T/log" 2>&1 &
WORKER=$!
check "it connects with the password from REDIS_URL" wait_for 10 sh -c "REDISCLI_AUTH=canary-hunter2 redis-cli -s '$REDIS_SOCK' scard resque:workers | grep -q 1"
tree=$(tree_of "$WORKER")
check "supervisor, worker and nursery are there" sh -c "[ \$(echo '$tree' | wc -w) -ge 3 ]"
for pid in $tree; do
	check "process $pid has no password in its argv" sh -c "! tr '\\0' ' ' </proc/$pid/cmdline | grep -q canary"
	check "process $pid has no uid 0, no capability, no_new_privs" sh -c "
		awk '/^Uid:/ { for (i = 2; i <= 5; i++) if (\$i == 0) bad = 1 }
		     /^Cap(Inh|Prm|Eff):/ { if (\$2 !~ /^0+\$/) bad = 1 }
		     /^NoNewPrivs:/ { if (\$2 != 1) bad = 1 }
		     END { exit bad }' /proc/$pid/status"
	check "process $pid is not dumpable: its memory is closed to its own uid" sh -c "! head -c 1 /proc/$pid/mem 2>/dev/null; ! cat /proc/$pid/environ >/dev/null 2>&1"
done
CANARY=x sleep 30 >/dev/null 2>&1 &
control=$!
check "control: an ordinary process of this uid shows its environment" wait_for 5 sh -c "tr '\\0' '\\n' </proc/$control/environ | grep -q CANARY"
kill "$control"
w=$(children_of "$WORKER")
check "the worker's own filter is on" grep -q '^Seccomp:.2' "/proc/$w/status"
worker_stop
check "it ends with 0" eq "$RC" 0
check "the password is nowhere in the log" sh -c "! grep -a canary '$T/log'"

out=$(REDIS_URL="redis://:canary-hunter2@127.0.0.1:$port/0" "$STOCKADE" work --config "$T/stockade.conf" --redis redis://:canary-hunter2@127.0.0.1/0 2>&1)
check "a password in a flag is refused without repeating it" hasnt "$out" canary

# --- another setting wins over a REDIS_URL with a password: it leaves the environment all the same
rcli config set requirepass "" >/dev/null
: >"$T/log"
REDIS_URL="redis://:canary-hunter2@127.0.0.1:$port/0" "$STOCKADE" work --config "$T/env.conf" --redis "unix://$REDIS_SOCK" >>"$T/log" 2>&1 &
WORKER=$!
check "--redis wins over REDIS_URL" wait_for 10 sh -c "redis-cli -s '$REDIS_SOCK' scard resque:workers | grep -q 1"
worker_stop

# --- an HMAC key file beneath a directory that jobs may read
"$STOCKADE" keys generate --kid h-1 --principal hm --alg hmac-sha256 --out "$T/inputs" >/dev/null
sed 's/^principals = (/principals = ( { name = "hm"; keys = ( { kid = "h-1"; alg = "hmac-sha256"; secret_file = "inputs\/h-1.key"; iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } ); grants = ( { queues = [ "files" ]; classes = [ "ChecksumFile" ]; max_body = "1K"; } ); max_runs = 1; max_delay = "1h"; max_window = "8d"; rate = "1\/s"; burst = 1; park_max = 10; quarantine_max = 10; },/' "$T/policy.conf" >"$T/hmac.conf"
out=$("$STOCKADE" work --config "$T/stockade.conf" --policy "$T/hmac.conf" 2>&1)
check "an HMAC key that jobs could read is refused" has "$out" "which jobs may read"
