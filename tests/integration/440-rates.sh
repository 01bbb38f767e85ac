#!/bin/sh
# Rates, numbers of running jobs, parking and quarantine bounds by principal: over a limit a job waits and
# is never lost; what somebody else can bring about counts against nobody.
. tests/stage.sh
stage_up
trap 'kill -9 ${OTHER:-} 2>/dev/null; stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
rows_csv long.csv 6000000
rows_csv longer.csv 6000100
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
reasons() { grep -ac "\"event.reason\":\"$1\"" "$T/log"; }
new() { sign ChecksumFile '["x.txt"]' "$@"; }
limits() { # limits OLD NEW...: the stage's policy with changes to principal web
	write_policy
	while [ $# -ge 2 ]; do
		sed -i "0,/$1/s||$2|" "$T/policy.conf"
		shift 2
	done
}
fresh_start() { rcli flushall >/dev/null; lcli --raw keys 'resque:stockade:r*' | while read -r k; do lcli del "$k"; done >/dev/null; : >"$T/log"; }

# --- a rate: burst at once, the rest one slot after the other
limits 'rate = "1000\/s"; burst = 1000;' 'rate = "5/s"; burst = 3;'
for _ in 1 2 3 4 5 6 7 8 9 10; do push files "$(new)"; done
push files '{"class":"ChecksumFile","args":["x.txt"]}'
worker_start
check "over its rate a job is D_RATE, and parked" wait_for 10 sh -c "grep -aq '\"event.reason\":\"D_RATE\"' '$T/log'"
check "by the limit's name" grep -aq '"stockade.limit":"p:web"' "$T/log"
check "no job spins at the queue's head: the one behind all of them was judged" wait_for 5 sh -c "grep -aq E_UNSIGNED '$T/log'"
check "all ten run in the end" wait_for 20 done_is 10
check "none was refused for it" eq "$(rcli llen resque:failed)" 1
check "each waited once for its slot" eq "$(reasons D_RATE)" 7
worker_stop
check "slots and counts of parked jobs do not stay behind" test "$(rcli pttl resque:stockade:parkedby:web)" -le 62000

# --- park_max of the principal: an ordinary failed record, which can be retried
fresh_start
limits 'rate = "1000\/s"; burst = 1000;' 'rate = "1/h"; burst = 1;' 'park_max = 1000;' 'park_max = 3;'
for _ in 1 2 3 4 5 6; do push files "$(new)"; done
worker_drain
check "one ran" done_is 1
check "three wait" eq "$(rcli zcard resque:stockade:parked:files)" 3
check "two are in failed as ParkFull" eq "$(rcli lrange resque:failed 0 -1 | grep -c 'Stockade::ParkFull')" 2
check "with their own payload" eq "$(rcli lindex resque:failed 0 | grep -c 'stk1;kid=web-1')" 1
slot=$(rcli get resque:stockade:slot:web)
copy=$(rcli --raw hvals resque:stockade:parcel:files | head -1)
for _ in 1 2 3 4 5 6 7 8; do push files "$copy"; done
worker_drain
check "copies of a parked job park no second time" eq "$(rcli zcard resque:stockade:parked:files)" 3
check "move no slot" eq "$(rcli get resque:stockade:slot:web)" "$slot"
check "and fill nothing" eq "$(rcli lrange resque:failed 0 -1 | grep -c 'Stockade::ParkFull')" 2

# --- a grant's rate, a class's and a queue's: the tightest is named
fresh_start
limits 'max_body = "64K"; }' 'max_body = "64K"; rate = "1/h"; burst = 2; }'
for _ in 1 2 3; do push files "$(new)"; done
worker_drain
check "a grant's rate counts principal and class" grep -aq '"stockade.limit":"pc:web:ChecksumFile"' "$T/log"
check "two ran" done_is 2
fresh_start
write_policy
echo 'limits = ( { class = "ChecksumFile"; rate = "1/h"; burst = 3; }, { queue = "low"; rate = "1/h"; burst = 1; }, { rate = "1/h"; burst = 4; } );' >>"$T/policy.conf"
for _ in 1 2; do push low "$(new --queue low)"; done
worker_drain
for _ in 1 2 3; do push files "$(new)"; done
worker_drain
for _ in 1 2; do push files "$(sign CsvSummary '["long.csv"]')"; done
worker_drain
check "a queue's limit" grep -aq '"stockade.limit":"q:low"' "$T/log"
check "a class's limit" grep -aq '"stockade.limit":"c:ChecksumFile"' "$T/log"
check "the limit of all" grep -aq '"stockade.limit":"all"' "$T/log"
check "four ran" done_is 4

# --- how many run at once, on two workers
fresh_start
write_policy
echo 'limits = ( { class = "CsvSummary"; max_running = 1; } );' >>"$T/policy.conf"
push files "$(sign CsvSummary '["long.csv"]')"
push files "$(sign CsvSummary '["longer.csv"]')"
worker_start
OTHER=$WORKER
worker_start
check "the second one waits" wait_for 15 grep -aq '"stockade.limit":"running:c:CsvSummary"' "$T/log"
check "both run in the end" wait_for 40 done_is 2
check "one after the other" eq "$(grep -aoE 'job\.(started|finished)' "$T/log" | tr '\n' ' ')" "job.started job.finished job.started job.finished "
kill -TERM "$OTHER"
wait "$OTHER"
OTHER=
worker_stop

# --- quarantine_max: what only the key's holder can bring about counts, and then goes to failed
fresh_start
limits 'quarantine_max = 1000;' 'quarantine_max = 3;'
for _ in 1 2 3 4 5; do push files "$(sign DropTables '[]')"; done
good=$(new)
for _ in 1 2 3 4 5; do push low "$(new)"; done
push files "$good"
worker_drain
check "three are kept" eq "$(rcli zcard 'resque:stockade:quarantine:files#E_POLICY_DENIED')" 3
check "two are ParkFull" eq "$(rcli lrange resque:failed 0 -1 | grep -c 'Stockade::ParkFull')" 2
check "jobs in a wrong queue count for nobody" eq "$(rcli zcard 'resque:stockade:quarantine:low#E_QUEUE_MISMATCH')" 5
check "and hold up nobody" done_is 1
rcli del 'resque:stockade:quarantine:files#E_POLICY_DENIED' 'resque:stockade:quarantine:files#E_POLICY_DENIED#e' >/dev/null
push files "$(sign DropTables '[]')"
worker_drain
check "entries that an operator took out make room" eq "$(rcli zcard 'resque:stockade:quarantine:files#E_POLICY_DENIED')" 1

# --- records that an operator or an intruder wrote
fresh_start
write_policy
lcli --raw keys 'resque:stockade:l:*' | while read -r k; do lcli del "$k"; done >/dev/null
push files "$(sign CsvSummary '["no.csv"]' --runs 5)"
worker_drain
record() { # record VALUE: the only record there is, whatever its shard
	lcli eval "for _, k in ipairs(redis.call('KEYS', 'resque:stockade:l:*')) do
		for _, f in ipairs(redis.call('HKEYS', k)) do redis.call('HSET', k, f, ARGV[1]) end end" 0 "$1" >/dev/null
}
again() { rcli zadd resque:stockade:parked:files 1 "$(rcli zrange resque:stockade:parked:files 0 0)" >/dev/null; }
record X
job=$(rcli --raw hvals resque:stockade:parcel:files | head -1)
push files "${job:-$(rcli lindex resque:failed 0)}"
worker_drain
check "a blocked job is E_BLOCKED" eq "$(rcli zcard 'resque:stockade:quarantine:files#E_BLOCKED')" 1
record '?!'
push files "$job"
worker_drain
check "a damaged record is E_LEDGER_CORRUPT" eq "$(rcli zcard 'resque:stockade:quarantine:files#E_LEDGER_CORRUPT')" 1
check "and no run was started" eq "$(events job.started)" 1

# --- a full Redis: a flood of junk, more than fits, is drained and the job behind it runs
fresh_start
rcli config set maxmemory 60mb >/dev/null
rcli eval 'local junk = string.rep("x", 1000)
	for i = 1, 100000 do if type(redis.pcall("RPUSH", KEYS[1], junk)) == "table" then return i end end' 1 resque:queue:files >/dev/null
check "Redis is full" sh -c "redis-cli -s '$REDIS_SOCK' set x y | grep -q OOM"
n=$(rcli llen resque:queue:files)
rcli eval 'redis.call("LPOP", KEYS[1]) redis.call("RPUSH", KEYS[1], ARGV[1])' 1 resque:queue:files "$(new)" >/dev/null
rcli config set maxmemory 50mb >/dev/null
worker_drain
check "$n junk jobs were drained though Redis said OOM" eq "$(rcli llen resque:queue:files)" 0
check "and the job behind them ran" done_is 1
