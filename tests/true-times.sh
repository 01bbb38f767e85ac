#!/bin/sh
# The times that users get: default beat, dead_after and prune_after, waited for. Six minutes.
# Three hosts: a runs a job of 130 s, b dies with its supervisor in the middle of a job, c is idle.
: "${B:=build}"
export B
make --no-print-directory -j"$(nproc)" B="$B" all "$B/test/hostile-cage" >/dev/null || exit 70
. tests/stage.sh
. tests/hosts.sh
CAGE=$PWD/$B/test/hostile-cage
stage_up
mkdir "$T/scratch"
trap hosts_down EXIT
write_policy ', "Hostile::SleepMinutes"'
# nothing about time stands in it
cat >"$T/stockade.conf" <<END
redis = "unix://$REDIS_SOCK";
namespace = "resque";
queues = [ "files" ];
policy = "$T/policy.conf";
cage = "$CAGE";
host = "stage";
directories = { inputs = "$T/inputs"; scratch = "$T/scratch"; };
ledger_url = "unix://$LEDGER_SOCK";
ledger_user = "ledger";
ledger_password_file = "$T/secret/ledger";
ledger_max = "1024G";
END
R=resque
DEFAULTS='# no setting of its own'
since() { echo $(($(date +%s) - $1)); }
until_age() { # until_age START SECONDS
	left=$(($2 - $(since "$1")))
	[ "$left" -le 0 ] || sleep "$left"
}
beat_of() { rcli hget $R:workers:heartbeat "$(rcli smembers $R:workers | grep "^$1:")"; }
beats() { rcli zscore $R:stockade:live "$1"; }
job() { push files "$(sign Hostile::SleepMinutes "[\"$1\"]")"; }
within() { # within N LEAST MOST
	[ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "$1 is not within $2 and $3"; return 1; }
}
at_iso() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%S+00:00; }
ruby() { # ruby ID SECONDS-AGO JOB
	rcli sadd $R:workers "$1" >/dev/null
	rcli hset $R:workers:heartbeat "$1" "$(at_iso $(($(date +%s) - $2)))" >/dev/null
	rcli set "$R:worker:$1" "$3" >/dev/null
}

check "the configuration sets no beat, dead_after, prune_after or poll" sh -c "! grep -E 'beat|_after|poll|timeout' '$T/stockade.conf'"

host_start a "$DEFAULTS"
start=$(date +%s)
job 130
check "host a runs a job of 130 s" wait_for 20 host_logged a job.started
host_logged a job.started || { cat "$T/a.log"; exit 1; }
long=$(date +%s)
first=$(rcli zrange $R:stockade:live 0 -1)
host_start b "$DEFAULTS"
job 20
check "host b runs a job" wait_for 20 host_logged b job.started
second=$(rcli zrange $R:stockade:live 0 -1 | grep -v "$first")
host_start c "$DEFAULTS"
wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard $R:stockade:live) = 3 ]"

# right after a beat: from here its counter stands still
count=$(beats "$second")
wait_for 15 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zscore $R:stockade:live $second)\" != $count ]"
check "it dies with its supervisor, the job in hand" has "$(in_flight)" "$second"
host_crash b
killed=$(date +%s)

buried='' stands=$(beat_of a) since_beat=$(date +%s) longest=0 changes=0
while [ "$(since "$long")" -lt 128 ]; do
	now=$(beat_of a)
	if [ "$now" != "$stands" ]; then
		stands=$now since_beat=$(date +%s) changes=$((changes + 1))
	fi
	[ "$(since "$since_beat")" -le "$longest" ] || longest=$(since "$since_beat")
	[ -n "$buried" ] || ! host_logged c worker.recovered || buried=$(since "$killed")
	sleep 0.5
done
check "host a is still in the job" eq "$(host_count a job.finished) $(beats "$first" | grep -c .)" "0 1"
check "its heartbeat never stood still for more than 60 s ($longest s, $changes beats)" within "$longest" 1 60
check "and moved all the time" within "$changes" 11 15
check "the job of 130 s ends well" wait_for 15 host_logged a job.finished
while [ -z "$buried" ] && [ "$(since "$killed")" -lt 140 ]; do
	! host_logged c worker.recovered && ! host_logged a worker.recovered || buried=$(since "$killed")
	sleep 0.2
done
check "host b is dead by its beat after 90 s (${buried:-never})" within "${buried:-0}" 85 130
check "its job runs" wait_for 60 processed 2
check "each job ran once, none failed" eq "$(rcli get $R:stat:processed) $(rcli llen $R:failed) $(in_flight)" "2 0 "

pruned_by_one() { host_logged a worker.pruned || host_logged c worker.pruned; }
# --- Ruby workers: a pass may prune once its connection is 300 s old
until_age "$start" 285
record='{"queue":"q","run_at":"2026-11-23T07:00:00Z","payload":{"class":"CJob","args":[1],"sig":"x"}}'
ruby other:4999999:q 302 "$record"
ruby young:4999998:q 200 "$record"
until_age "$start" 297
check "no connection is 300 s old: nothing is pruned" eq "$(rcli hlen $R:workers:heartbeat) $(rcli llen $R:failed)" "4 0"
check "then the one of 302 s is pruned" wait_for 60 pruned_by_one
pruned=$(since "$start")
check "by a connection old enough (after $pruned s)" within "$pruned" 300 345
undated() { sed 's/"failed_at":"[^"]*"/"failed_at":"T"/'; }
check "with Resque's record" eq "$(rcli lrange $R:failed 0 -1 | undated)" "$(undated <tests/vectors/resque/failed-pruned-worker.json)"
check "and its registration" eq "$(rcli sismember $R:workers other:4999999:q) $(rcli exists $R:worker:other:4999999:q)" "0 0"
check "the one of 200 s is kept" eq "$(rcli sismember $R:workers young:4999998:q) $(rcli get $R:worker:young:4999998:q)" "1 $record"
for h in a c; do
	check "host $h was never fenced, away or restarted" eq "$(host_count $h worker.fenced) $(host_count $h redis.away) $(host_count $h worker.restart)" "0 0 0"
	host_stop $h
	check "and ends with 0" eq "$RC" 0
done
