#!/bin/sh
# Which queues a worker takes jobs from, and in what order: lists, patterns, exclusions, queues that
# are created later, pauses; and the lists that are refused at start.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
sed -i 's/queues = \[ "files", "low", "hostile" \]/queues = [ "critical", "alpha", "beta", "low", "low_x" ]/' "$T/policy.conf"
ALL=critical,alpha,beta,low,low_x

job() { # job QUEUE...: one job into each, known to Resque
	for q in "$@"; do
		rcli sadd resque:queues "$q" >/dev/null
		push "$q" "$(sign ChecksumFile '["x.txt"]' --queue "$ALL")"
	done
}
order() { # the queues whose jobs were admitted, in that order
	grep -a '"event.action":"job.admitted"' "$T/log" | sed 's/.*"stockade.queue":"\([^"]*\)".*/\1/' | tr '\n' ' '
}
drained() { # drained QUEUES: runs until nothing is left
	: >"$T/log"
	QUEUES=$1 worker_drain
}

# --- order
job low low_x beta alpha critical beta
drained 'critical,*'
check "critical,* runs critical first, the rest by name" eq "$(order)" "critical alpha beta beta low low_x "
job low low_x beta critical
drained '*, !low*'
check "*,!low* leaves low and low_x alone" eq "$(order)" "beta critical "
check "their jobs are still there" eq "$(rcli llen resque:queue:low) $(rcli llen resque:queue:low_x)" "1 1"
drained 'low_?,low'
check "patterns keep the order of the list" eq "$(order)" "low_x low "
job low critical low critical
drained 'critical,low'
check "a static list is strict: all of the first, then the second" eq "$(order)" "critical critical low low "
push low "$(sign ChecksumFile '["x.txt"]' --queue low)"
rcli srem resque:queues low >/dev/null
drained 'l*'
check "a pattern covers only members of the set queues, as in Resque" eq "$(order)" ""
drained 'low'
check "a name covers its queue whether or not it is a member" eq "$(order)" "low "

# --- priority again after each job, and queues that appear later
: >"$T/log"
rcli sadd resque:queues stranger 'no good' >/dev/null
QUEUES='*,!low*' worker_start
check "the worker runs" wait_for 10 sh -c "redis-cli -s '$REDIS_SOCK' scard resque:workers | grep -q 1"
check "exclusions are not in the worker id, patterns are" eq "$(rcli smembers resque:workers | sed 's/:[0-9]*:/:PID:/')" "stage:PID:*"
job beta
check "a queue is found when it is created" wait_for 5 sh -c "grep -aq '\"stockade.queue\":\"beta\"' '$T/log'"
job alpha
check "and the next one" wait_for 5 sh -c "grep -aq '\"stockade.queue\":\"alpha\"' '$T/log'"
check "queues that nobody granted are counted once in the log" eq "$(events queues.left_out)" 1
i=0; while [ $i -lt 11000 ]; do echo "SADD resque:queues junk$i"; i=$((i + 1)); done | rcli --pipe >/dev/null
check "a flood of names is named" wait_for 5 grep -aq 'TooManyQueues' "$T/log"
job critical
check "and does not stop the worker" wait_for 5 sh -c "grep -aq '\"stockade.queue\":\"critical\"' '$T/log'"
sleep 0.5
check "it is said once" eq "$(events queues.too_many)" 1

# --- pauses
for text in true ' TRUE '; do
	rcli set resque:pause-all-workers "$text" >/dev/null
	sleep 1.2
	n=$(events job.admitted)
	job alpha
	before=$(rcli info commandstats | sed -n 's/^cmdstat_evalsha:calls=\([0-9]*\),.*/\1/p')
	sleep 2
	after=$(rcli info commandstats | sed -n 's/^cmdstat_evalsha:calls=\([0-9]*\),.*/\1/p')
	check "pause-all-workers='$text' pauses" eq "$(events job.admitted)" "$n"
	# two seconds: two looks, and ten beats of 200 ms
	check "one look a second while paused ($((after - before)) scripts in 2 s)" test $((after - before)) -le 15
	rcli del resque:pause-all-workers >/dev/null
	check "it resumes" wait_for 3 sh -c "[ \"\$(grep -ac '\"event.action\":\"job.admitted\"' '$T/log')\" -gt $n ]"
done
for text in 1 yes; do
	rcli set resque:pause-all-workers "$text" >/dev/null
	n=$(events job.admitted)
	job alpha
	check "pause-all-workers='$text' does not" wait_for 3 sh -c "[ \"\$(grep -ac '\"event.action\":\"job.admitted\"' '$T/log')\" -gt $n ]"
done
rcli del resque:pause-all-workers >/dev/null
rcli set resque:stockade:paused:alpha 1 >/dev/null
sleep 0.3
job alpha beta
check "a paused queue waits, another goes on" wait_for 3 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' llen resque:queue:beta)\" = 0 ]"
sleep 0.3
check "its job is where it was" eq "$(rcli llen resque:queue:alpha)" 1
rcli del resque:stockade:paused:alpha >/dev/null
check "and runs when the pause ends" wait_for 3 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' llen resque:queue:alpha)\" = 0 ]"
worker_stop
check "TERM: exit 0" eq "$RC" 0

# --- the allow-list
rcli del resque:queues >/dev/null
job alpha beta
: >"$T/log"
QUEUES='*' STOCKADE_QUEUES_ALLOWED='beta' worker_drain
check "queues_allowed bounds a pattern" eq "$(order)" "beta "

# --- refused at start
refused() { # refused SENTENCE CODE WORDS QUEUES
	out=$(QUEUES=$4 timeout 20 "$STOCKADE" work --config "$T/stockade.conf" 2>&1)
	rc=$?
	check "$1 is refused with $2" eq "$rc" "$2"
	check "and says why" has "$out" "$3"
}
refused "an exclusion alone" 78 "excludes from nothing" '!low'
refused "an empty entry" 78 "empty" ',alpha,'
refused "a pattern that nothing granted matches" 78 "no queue that the policy grants" 'nothing*'
refused "a name that no signature can bind" 78 "a signature can bind" 'a b'
