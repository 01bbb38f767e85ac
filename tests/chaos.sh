#!/bin/sh
# Chaos: two hosts with two workers each run N signed jobs while supervisors, workers, nurseries,
# zygotes, jobs and redis-server (AOF always) are killed with SIGKILL, stopped and resumed, told to
# stop and started again, and queues are paused. At the end every job id is accounted for.
#   N=1000 [CHAOS_S=60] B=build tests/chaos.sh
# lost: neither recorded as done nor in failed, queue, parked or flight. doubled: more than one recorded
# success. Both must be 0. repeated: a handler ran to its end and its outcome did not count (a crash
# between end and settle, or FENCED): at-least-once, so it is counted and said, not forbidden.
set -u
B=${B:-build}
export B
JOBS=${N:-1000}
. tests/stage.sh
. tests/hosts.sh
SECONDS_OF_IT=${CHAOS_S:-60}
# shellcheck disable=SC2034
EXTRA='concurrency = 2; log_level = "debug"; drain_timeout = "1s";'
AOF='--appendonly yes --appendfsync always'
CHAOS_SET='beat = "100ms"; dead_after = "1s"; redis_timeout = "300ms"; stuck_after = "1s"; term_timeout = "500ms";'

random() { # random N: 0..N-1
	echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}
one_of() { # one of the words
	[ $# -gt 0 ] || return 1
	shift "$(random $#)"
	echo "$1"
}
nap() { # nap LEAST SPREAD, in ms
	ms=$(($1 + $(random "$2")))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

# the job id in the log: the first 16 bytes of SHA-256 over what was signed (PROTOCOL.md)
log_id() { # log_id HEADER BODY
	printf 'stockade-job-v1\n%s\n%s' "$1" "$2" | sha256sum | cut -c1-32
}
load() { # signs every job: one in eight long enough to be hit
	i=0
	: >"$T/both"
	while [ $i -lt "$JOBS" ]; do
		if [ $((i % 8)) = 0 ]; then class=CsvSummary args='["big.csv"]'; else class=ChecksumFile args='["x.txt"]'; fi
		p=$(sign $class "$args" --runs 10)
		h=$(echo "$p" | sed 's/.*"\(stk1;[^"]*\)".*/\1/')
		echo "$(echo "$h" | sed 's/.*;jti=\([A-Za-z0-9_-]*\);.*/\1/') $(log_id "$h" "$args")" >>"$T/both"
		echo "$p"
		i=$((i + 1))
	done >"$T/payloads"
	sed 's/["\\]/\\&/g; s/.*/RPUSH resque:queue:files "&"/' "$T/payloads" >"$T/pushes"
}
pushed=0
feed() { # feed UPTO: pushes jobs until that many were; a push that Redis did not confirm is made again
	while [ "$pushed" -lt "$1" ] && [ "$pushed" -lt "$JOBS" ]; do
		wait_for 10 rcli ping
		sed -n "$((pushed + 1))p" "$T/pushes" | rcli | grep -q '^[0-9]' || continue
		pushed=$((pushed + 1))
	done
}
up() { [ -f "$T/$1.pid" ] && kill -0 "$(host_pid "$1")" 2>/dev/null || host_start "$1" "$CHAOS_SET"; }
workers() { for h in a b; do children_of "$(host_pid $h)"; done 2>/dev/null; }
below() { for w in $(workers); do children_of "$w"; done; }
act() {
	# shellcheck disable=SC2046
	case $(random 15) in
	0 | 1 | 2) what=worker; kill -9 $(one_of $(workers)) ;;
	3) what=supervisor; kill -9 "$(host_pid "$(one_of a b)")" ;;
	4 | 5 | 6 | 7) what=nursery-zygote-or-job; kill -9 $(one_of $(below)) ;;
	8) what=redis; redis_kill; nap 0 400; redis_again $AOF ;;
	9 | 10) what=stop; p=$(one_of $(workers)); kill -STOP "$p"; nap 100 2000; kill -CONT "$p" ;;
	11) what=stop-host; p=$(tree_of "$(host_pid a)"); kill -STOP $p; sleep 1.5; kill -CONT $p ;;
	12) what=term; kill -TERM "$(host_pid "$(one_of a b)")" ;;
	13) what=term-storm; for w in $(workers); do kill -TERM "$w"; done ;;
	14) what=pause; rcli set resque:pause-all-workers true; nap 0 300; rcli del resque:pause-all-workers ;;
	esac >/dev/null 2>&1
	echo "$what" >>"$T/acts"
}
recorded() { # ids (hex) whose success Redis took, once per run that recorded it
	cat "$T"/a.log "$T"/b.log | grep -a '"job.settled"' | grep -aE '"message":"ok: (OK|ALREADY)"' |
		sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/'
}
finished() { cat "$T"/a.log "$T"/b.log | grep -a '"job.finished"' | grep -a '"event.reason":"Done"' | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/'; }
kept() { # ids (as in payloads) that lie in failed, queue, parked or flight
	{
		rcli lrange resque:failed 0 -1
		rcli lrange resque:queue:files 0 -1
		rcli hvals resque:stockade:parcel:files
		for k in $(in_flight); do rcli lrange "$k" 0 -1; done
	} | grep -o 'jti=[A-Za-z0-9_-]*' | cut -c5- | sort -u
}
settled_down() { # due now, whatever waits; no lock in the way
	unlock
	for h in $(rcli zrange resque:stockade:parked:files 0 -1); do rcli zadd resque:stockade:parked:files XX 0 "$h"; done >/dev/null
	up a
	up b
	[ "$(rcli llen resque:queue:files)$(rcli zcard resque:stockade:parked:files)$(in_flight)" = 00 ]
}

stage_up
trap hosts_down EXIT
printf 'chaos\n' >"$T/inputs/x.txt"
big_csv 400000
redis_kill
# shellcheck disable=SC2086
redis_again $AOF
load
start=$(date +%s)
: >"$T/acts"
up a
up b
# for so long, and on a slow machine until enough was killed
while [ $(($(date +%s) - start)) -lt "$SECONDS_OF_IT" ] || [ "$(wc -l <"$T/acts")" -lt 8 ]; do
	nap 50 300
	act
	unlock
	up a
	up b
	feed $((JOBS * ($(date +%s) - start + 1) / SECONDS_OF_IT))
done
feed "$JOBS"
for w in $(workers); do kill -CONT "$w" 2>/dev/null; done
took=$(($(date +%s) - start))
check "it settles down: nothing in queue, flight or parked" wait_for 90 settled_down
host_stop a
host_stop b

recorded | sort >"$T/recorded"
sort -u "$T/recorded" >"$T/done"
finished | sort >"$T/finished"
kept >"$T/kept"
awk 'FILENAME == ARGV[1] { done[$1]; next } FILENAME == ARGV[2] { kept[$1]; next }
	!($2 in done) && !($1 in kept) { print $1, $2 }' "$T/done" "$T/kept" "$T/both" >"$T/unseen"
# a worker killed between Redis's yes and its own line about it: the success is in Redis's count
unseen=$(wc -l <"$T/unseen")
finished_unseen=$(awk 'FILENAME == ARGV[1] { f[$1]; next } $2 in f' "$T/finished" "$T/unseen" | wc -l)
lost=$((unseen - finished_unseen))
doubled=$(uniq -d "$T/recorded" | wc -l)
repeated=$(($(wc -l <"$T/finished") - $(sort -u "$T/finished" | wc -l)))
echo "# $(sort "$T/acts" | uniq -c | tr -s ' \n' ' ')in ${took} s"
echo "# $JOBS jobs: $(wc -l <"$T/done") recorded as done, $(wc -l <"$T/kept") kept (failed), $finished_unseen done with the worker killed at its log line; repeated $repeated (at-least-once)"
echo "# recovered by beat $(cat "$T"/?.log | grep -ac 'has not beaten'), by a successor $(cat "$T"/?.log | grep -ac 'the worker before'), stuck $(cat "$T"/?.log | grep -ac worker.stuck), fenced $(cat "$T"/?.log | grep -ac worker.fenced), outages $(cat "$T"/?.log | grep -ac redis.away), WorkerLost $(rcli lrange resque:failed 0 -1 | grep -c WorkerLost)"
[ "$lost" = 0 ] || head -5 "$T/unseen"
check "there was chaos" test "$(wc -l <"$T/acts")" -ge 5
check "lost 0" eq "$lost" 0
check "doubled 0" eq "$doubled" 0
check "every record in failed is a job of ours" test "$(wc -l <"$T/kept")" -le "$JOBS"
