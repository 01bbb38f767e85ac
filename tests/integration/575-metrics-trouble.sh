#!/bin/sh
# The exporter in trouble, and the service in trouble as the exporter tells it: killed, besieged, fed
# with garbage; workers killed and stuck; Redis and ledger away and back. No job notices any of it.
. tests/stage.sh
CAGE=$PWD/$B/test/hostile-cage
stage_up
trap 'kill -CONT "$LEDGER_PID" 2>/dev/null; [ -z "${SLOW:-}" ] || kill "$SLOW" 2>/dev/null; stage_down' EXIT
. tests/scrape.sh
write_policy ', "Hostile::SleepMinutes"'
printf 'x\n' >"$T/inputs/x.txt"
EXTRA="$METRICS concurrency = 2; stuck_after = \"2s\"; redis_timeout = \"1s\";" write_config
DONE='stockade_jobs_finished_total{queue="files",class="ChecksumFile",result="Done"}'
push_job() { push files "$(sign ChecksumFile '["x.txt"]')"; }

# --- bad addresses are refused at the start, by name
refused() { # refused SETTING WORD
	sed "s|^metrics_listen = [^;]*;|metrics_listen = \"$1\";|" "$T/stockade.conf" >"$T/bad.conf"
	"$STOCKADE" work --config "$T/bad.conf" >"$T/refused" 2>&1
	rc=$?
	check "metrics_listen = $1 is refused with 78" eq "$rc" 78
	check "by its name, in one sentence: $2" sh -c "grep -c METRICS_LISTEN '$T/refused' | grep -qx 1 && grep -qF '$2' '$T/refused'"
}
refused localhost:9394 "a name may lead anywhere"
refused 9394 "it is neither address:port"
doctor_too() { # doctor_too WORD: of the same setting, in the words of its cure
	"$STOCKADE" doctor --config "$T/bad.conf" >"$T/doctored" 2>&1
	check "doctor refuses it as well: $1" sh -c "grep -A1 -E '^REFUSE +host +metrics ' '$T/doctored' | grep -qF '$1'"
}
refused 192.0.2.1:9394 "cannot listen on 192.0.2.1:9394"
doctor_too "choose an address that this machine has"
mkdir "$T/dir"
refused "unix://$T/dir" "cannot listen on unix://$T/dir"
doctor_too "Address already in use"
refused "unix://$T/nowhere/sock" "make its folder"
doctor_too "make its folder"

worker_start
check "a service starts" answers /readyz 200 ok
check "with both workers" counts 'stockade_workers{state="ready"}' 2
refused "unix://$M" "Address already in use"
"$STOCKADE" doctor --config "$T/bad.conf" >"$T/doctored" 2>&1
check "which to doctor is a service at work" grep -qE '^ok +host +metrics +served on' "$T/doctored"
check "and the one that listens there still does" answers_now /livez 200 ok
E=$(exporter)
check "it runs behind the supervisor, for others first" eq "$(ps -o ni= -p "$E" | tr -d ' ')" 10
check "its socket has the mode that was asked for" eq "$(stat -c %a "$M")" 660

# --- garbage
garbage() { # garbage TEXT: nothing is made of it, and the next one is served
	printf '%b' "$1" | timeout 10 "$PWD/$B/test/stockade-say" "$M" >"$T/answer" 2>/dev/null
	[ "$(code /livez)" = 200 ]
}
check "a request line that is none" garbage 'xyzzy\r\n\r\n'
check "no request at all" garbage ''
check "bytes of a TLS greeting" garbage '\026\003\001\002\000\001\000\001\374\003\003'
check "a NUL in the path" garbage 'GET /met\000rics HTTP/1.1\r\n\r\n'
check "a path that climbs" garbage 'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n'
check "is not found" grep -q '404' "$T/answer"
check "a body that nobody asked for" garbage 'GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n'
check "is too large" grep -q '413' "$T/answer"
check "a body in pieces" garbage 'GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n'
check "a header without an end" garbage "GET /metrics HTTP/1.1\r\nX: $(head -c 20000 /dev/zero | tr '\0' a)\r\n\r\n"
check "a thousand headers" garbage "GET /metrics HTTP/1.1\r\n$(i=0; while [ $i -lt 1000 ]; do printf 'X%d: aaaaaaaaaaaaaaaa\\r\\n' $i; i=$((i + 1)); done)\r\n"
for method in POST PUT DELETE OPTIONS TRACE CONNECT PATCH; do
	check "$method is not served" sh -c "case \$(curl -s -o /dev/null -w '%{http_code}' -X $method --max-time 10 --unix-socket '$M' http://x/metrics) in 4*|5*|000) ;; *) exit 1 ;; esac"
done
check "HEAD is, without a body" eq "$(http /metrics -I | tr -d '\r' | sed -n '1p;/^Content-Type/p')" "HTTP/1.1 200 OK
Content-Type: text/plain; version=0.0.4; charset=utf-8"
check "another path is not found" eq "$(code /)" 404
check "all of it by one and the same process" eq "$(exporter)" "$E"

# --- besieged
"$B/test/stockade-slow" "$M" 64 >"$T/slow" &
SLOW=$!
check "64 slow askers come, and come again" wait_for 60 grep -q up "$T/slow"
for i in 1 2 3; do
	check "a scrape gets through to them ($i)" eq "$(code /metrics)" 200
done
push_job
check "and a job to its end" counts "$DONE" 1
kill "$SLOW"
wait "$SLOW" 2>/dev/null
SLOW=
check "slow ones were cut" sh -c "[ '$(value stockade_exporter_connections_cut_total)' -gt 0 ]"
check "by the same process" eq "$(exporter)" "$E"
seq 200 | xargs -P 8 -n 1 sh -c 'curl -s -o /dev/null --max-time 30 -w "%{http_code}\n" --unix-socket "$0" http://x/metrics' "$M" >"$T/flood"
check "two hundred requests, eight at a time, are all answered" eq "$(sort "$T/flood" | uniq -c | tr -s ' ')" " 200 200"

# --- killed
kill -9 "$E"
replaced() { new=$(exporter) && [ -n "$new" ] && [ "$new" != "$E" ]; }
check "an exporter that is killed is made anew" wait_for 60 replaced
check "it says so" logged exporter.restart
check "it counts so" counts stockade_exporter_restarts_total 1
check "what was counted before is still there" reads "$DONE" 1
E=$(exporter)
kill -STOP "$E"
push_job
push_job
kill -CONT "$E"
check "jobs run while it stands still" counts "$DONE" 3

W=$(workers | head -1)
kill -9 "$W"
check "a worker that is killed is counted" counts stockade_worker_restarts_total 1
least() { # least SERIES NUMBER
	[ "$(value "$1")" -ge "$2" ]
}
check "and nothing that it counted is lost" least "$DONE" 3
check "its successor comes" counts 'stockade_workers{state="ready"}' 2
push_job
check "and counts on" counts "$DONE" 4
W=$(workers | head -1)
kill -STOP "$W"
check "a worker that stands still is killed and counted" counts stockade_workers_stuck_total 1
check "the service is well again" answers /readyz 200 ok

# --- paused: what is pushed now is not taken
kill -USR2 "$WORKER"
check "paused it is not ready, by name" answers /readyz 503 PAUSED
check "but alive" eq "$(code /livez)" 200
kill -CONT "$WORKER"
check "when it goes on it is ready" answers /readyz 200 ok

# --- Redis away
before=$(value 'stockade_redis_reconnects_total{server="queues"}')
redis_kill
check "without Redis it is not ready, by name" answers /readyz 503 REDIS_AWAY
check "but alive" eq "$(code /livez)" 200
check "redis_up says so" counts 'stockade_redis_up{server="queues"}' 0
check "and how long a queue is nobody says" counts 'stockade_queue_depth_jobs{queue="files"}' ""
redis_again
check "with Redis it is ready again" answers /readyz 200 ok
check "and how long a queue is, again" counts 'stockade_queue_depth_jobs{queue="files"}' 0
check "redis_up says so too" counts 'stockade_redis_up{server="queues"}' 1
check "and how often it was away" sh -c "[ '$(value 'stockade_redis_reconnects_total{server="queues"}')' -gt '$before' ]"
kill -STOP "$LEDGER_PID"
push_job
check "without its ledger it is not ready, by name" answers /readyz 503 LEDGER_AWAY
kill -CONT "$LEDGER_PID"
check "with it, it is" answers /readyz 200 ok
check "and the job runs" counts "$DONE" 5

# --- the supervisor, and the end
kill -STOP "$WORKER"
check "a supervisor that stands still is not alive" answers /livez 503 SUPERVISOR_STILL
kill -CONT "$WORKER"
check "one that goes on is" answers /livez 200 ok
push files "$(sign Hostile::SleepMinutes '["100"]')"
check "a long job is seen to run" counts 'stockade_jobs_running{class="Hostile::SleepMinutes"}' 1
kill -TERM "$WORKER"
check "while it drains it is not ready, by name" answers /readyz 503 STOPPING
kill -TERM "$WORKER"
wait "$WORKER"
check "it ends with 0" eq $? 0
WORKER=

# --- over TCP, beside a service that was killed: its path's socket does not stand in the way
port=$(free_port)
sed "s|^metrics_listen = [^;]*;|metrics_listen = \"127.0.0.1:$port\";|" "$T/stockade.conf" >"$T/tcp.conf"
"$STOCKADE" work --config "$T/tcp.conf" >>"$T/log" 2>&1 &
WORKER=$!
check "on a port it is served as well" wait_for 30 curl -sf --max-time 10 -o "$T/tcp" "http://127.0.0.1:$port/readyz"
kill -9 "$WORKER"
wait "$WORKER" 2>/dev/null
WORKER=
check "with its supervisor it dies" wait_for 20 sh -c "! curl -s --max-time 5 http://127.0.0.1:$port/livez"
worker_start
check "the path that a service left is taken again" answers /livez 200 ok
