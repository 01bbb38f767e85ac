#!/bin/sh
# What supervisor, worker, exporter and broker call once their filters stand, over whole services at work, against what
# sandbox/profile.def allows them. A call that is allowed and never seen must be in
# tests/own-calls.known with its reason; a call that a filter refused must be there too.
#   tests/own-calls.sh BUILD      about a minute; needs strace
set -u
LC_ALL=C
export LC_ALL
B=${1:-build}
export B
if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	echo "ok - no call is allowed in vain # SKIP needs strace and the right to trace"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
TRACES=$(mktemp -d "${TMPDIR:-/tmp}/calls-XXXXXX")
[ -n "${KEEP:-}" ] || trap 'rm -rf "$TRACES"' EXIT
n=0
traced() { # traced COMMAND...: its result is not asked for, being slow breaks nothing here
	n=$((n + 1))
	mkdir "$TRACES/$n"
	timeout 180 strace -ff -qq -s 64 -o "$TRACES/$n/t" "$@" >"$TRACES/$n.log" 2>&1
}
# jobs that end in every way, signals, a Redis that goes away, idle and blocked workers, the dead of others
for t in 010-work 015-settle 018-signals 030-redis-away 090-programs 150-audit 220-restart 310-death-by-beat 340-prune 420-own-walls 450-reload 510-work-dir 570-metrics 575-metrics-trouble; do
	traced sh "tests/integration/$t.sh"
done
# a Redis behind a host name that goes away and comes back; a password in a file; text for people
cat >"$TRACES/tcp.sh" <<'END'
. tests/stage.sh
stage_up
trap 'stage_down; kill "$OTHER" 2>/dev/null' EXIT
port=$(free_port)
serve() { redis-server --port $port --bind 127.0.0.1 --requirepass x --save '' --dir "$T" --daemonize no >/dev/null 2>&1 & OTHER=$!; }
serve
wait_for 10 redis-cli -p $port ping
echo x >"$T/secret/pw" && chmod 400 "$T/secret/pw"
EXTRA="redis_password_file = \"$T/secret/pw\"; redis_start_wait = \"10s\";" write_config
worker_start --redis "redis://localhost:$port"
wait_for 20 logged worker.started
kill "$OTHER"
sleep 2
serve
sleep 3
worker_stop
END
traced sh "$TRACES/tcp.sh"

# brokers: refusals, connections, names from the hosts file; name servers are tests/root/020-dns.sh's
for t in test_broker test_net; do
	traced "$B/test/$t"
done

# A role's calls after its filter stood. S was executed as `work` by a shell; W is a clone that names
# itself; B is executed from its own slot. Each installs exactly one filter, and every other process that
# does is none of them. A thread that one of them makes is born behind it.
broker_fd=$(sed -n 's/^#define SLOT_PROGRAM *//p' sandbox/nursery_broker.c)
calls_of() { # calls_of ROLE
	for f in "$TRACES"/*/t.*; do
		awk -v role="$1" -v broker="^execveat\\($broker_fd, .*AT_EMPTY_PATH\\) = 0" '
			/^execve\(".*stockade", \[[^]]*"work"/ { kind = "SUPERVISOR" }
			/^prctl\(PR_SET_PDEATHSIG, SIGTERM\)/ { kind = "WORKER" }
			/^setpriority\(PRIO_PROCESS, 0, 10\)/ { kind = "EXPORTER" }
			$0 ~ broker { kind = "BROKER" }
			/^seccomp\(SECCOMP_SET_MODE_FILTER, .*= 0$/ { if (kind == role && (role == "BROKER" || /FLAG_TSYNC,/)) on = 1; next }
			on && /CLONE_THREAD.* = [0-9]+$/ { print "thread", $NF }
			on && /^[a-z0-9_]+\(/ { name = $0; sub(/\(.*/, "", name); print name, (/ = -1 EPERM/ ? "EPERM" : "ok") }' "$f"
	done >"$TRACES/seen"
	for thread in $(sed -n 's/^thread //p' "$TRACES/seen"); do
		for f in "$TRACES"/*/t."$thread"; do
			awk '/^[a-z0-9_]+\(/ { name = $0; sub(/\(.*/, "", name); print name, (/ = -1 EPERM/ ? "EPERM" : "ok") }' "$f"
		done
	done >"$TRACES/of-threads"
	grep -hv '^thread ' "$TRACES/seen" "$TRACES/of-threads" | sort | uniq -c | awk '{ print $2, $3, $1 }'
}
allowed_to() { # the rows of the table whose groups have the role; the broker stands on BASE
	groups=$1
	[ "$1" != BROKER ] || groups='(BASE|BROKER)'
	grep -E "^ALLOW(_IF)?\(" sandbox/profile.def | grep -E "^ALLOW(_IF)?\([^,]*\b$groups\b" | sed -E 's/^[A-Z_]+\([^,]*, ([a-z0-9_]+).*/\1/' | sort -u
}
known() { awk -v role="$1" -v kind="$2" '$1 == role && $2 == kind { print $3 }' tests/own-calls.known | sort -u; }

pass=0 fail=0
judge() { # judge SENTENCE LINES
	if [ -z "$2" ]; then
		pass=$((pass + 1)) && echo "ok - $1"
	else
		fail=$((fail + 1)) && echo "not ok - $1"
		echo "$2" | sed 's/^/#   /'
	fi
}
for role in SUPERVISOR WORKER EXPORTER BROKER; do
	calls_of $role >"$TRACES/$role"
	awk '$2 == "ok" { print $1 }' "$TRACES/$role" | sort -u >"$TRACES/$role.used"
	allowed_to $role >"$TRACES/$role.allowed"
	known $role unseen >"$TRACES/$role.unseen"
	known $role refused >"$TRACES/$role.refused"
	echo "# $role: $(wc -l <"$TRACES/$role.allowed") calls allowed, $(wc -l <"$TRACES/$role.used") seen, $(awk '{ s += $3 } END { print s + 0 }' "$TRACES/$role") times"
	judge "$role was seen at work" "$(test "$(wc -l <"$TRACES/$role.used")" -ge 8 || echo "$(wc -l <"$TRACES/$role.used") calls only")"
	judge "$role: every call that is allowed was seen, or is known with its reason" \
		"$(comm -23 "$TRACES/$role.allowed" "$TRACES/$role.used" | comm -23 - "$TRACES/$role.unseen")"
	judge "$role: nothing is known that is not allowed" "$(comm -13 "$TRACES/$role.allowed" "$TRACES/$role.unseen")"
	# what the filter answered with EPERM, other calls that may say so by themselves left out
	judge "$role: no call was refused, or it is known with its reason" \
		"$(awk '$2 == "EPERM" { print $1 }' "$TRACES/$role" | sort -u | comm -23 - "$TRACES/$role.allowed" | comm -23 - "$TRACES/$role.refused")"
	comm -12 "$TRACES/$role.unseen" "$TRACES/$role.used" | sed "s/^/# seen after all: $role /"
done
echo "$pass passed, $fail failed, 0 skipped"
[ "$fail" = 0 ]
