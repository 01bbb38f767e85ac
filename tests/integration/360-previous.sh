#!/bin/sh
# The previous release beside this build, on one Redis: both work, each takes over what the other
# leaves behind, and nothing is lost or counted twice. STOCKADE_PREVIOUS names its program; the cage
# program stands beside it, or STOCKADE_PREVIOUS_CAGE names it.
. tests/stage.sh
. tests/hosts.sh
if [ -z "${STOCKADE_PREVIOUS:-}" ]; then
	skip "the previous release and this build recover each other's jobs" \
		"STOCKADE_PREVIOUS=/path/to/stockade, its stockade-cage beside it"
	finish
fi
stage_up
trap hosts_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
big_csv 6000000
big=$(sign CsvSummary '["big.csv"]')
old_cage=${STOCKADE_PREVIOUS_CAGE:-$(dirname "$STOCKADE_PREVIOUS")/stockade-cage}
new_stockade=$STOCKADE
use() { # use old|new: what host_start starts from now on
	case $1 in
	old) STOCKADE=$STOCKADE_PREVIOUS cage=$old_cage ;;
	new) STOCKADE=$new_stockade cage=$CAGE ;;
	esac
	sed -i "s|^cage = .*|cage = \"$cage\";|" "$T/stockade.conf"
}
echo "# previous: $("$STOCKADE_PREVIOUS" --version 2>&1 | head -1); this build: $("$new_stockade" --version 2>&1 | head -1)"
n_started() { cat "$T"/*.log | grep -ac '"event.action":"job.started"'; }
workers_are() { [ "$(rcli zcard resque:stockade:live)" = "$1" ]; }

# --- both at once
use old
host_start old
check "the previous release works" wait_for 10 workers_are 1
use new
host_start new
check "this build starts beside it" wait_for 10 workers_are 2
i=0
while [ $i -lt 60 ]; do
	push files "$("$new_stockade" sign --key "$T/keys/web-1.key" --kid web-1 --aud "$AUD" --queue files --class ChecksumFile '["x.txt"]')"
	i=$((i + 1))
done
check "they share sixty jobs" wait_for 60 processed 60
check "each ran once" eq "$(n_started)" 60
check "nothing failed" eq "$(rcli llen resque:failed)" 0
host_stop new
check "this build ends with 0" eq "$RC" 0

# --- this build takes over from a previous release that dies, and the other way round
died() { # died VICTIM HEIR
	use "$1"
	[ -e "$T/$1.pid" ] || host_start "$1"
	before=$(host_count "$1" job.started)
	done_before=$(rcli get resque:stat:processed)
	push files "$big"
	wait_for 20 sh -c "[ \$(grep -ac job.started '$T/$1.log') -gt $before ]" || { echo "no start"; return 1; }
	host_crash "$1"
	unlock
	use "$2"
	host_start "$2"
	wait_for 40 processed $((done_before + 1)) || { tail -3 "$T/$2.log"; return 1; }
	host_logged "$2" worker.recovered || { echo "not recovered by beat"; return 1; }
	[ -z "$(in_flight)" ]
}
check "this build recovers the previous release's job" died old new
check "the previous release recovers this build's job" died new old

# --- what one hands back or parks, the other runs
host_stop old
processed_before=$(rcli get resque:stat:processed)
later=$("$new_stockade" sign --key "$T/keys/web-1.key" --kid web-1 --aud "$AUD" --queue files --class ChecksumFile --not-before "$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%SZ)" '["x.txt"]')
use new
host_start new
push files "$later"
check "this build parks a job" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:parked:files)\" = 1 ]"
host_stop new
use old
host_start old
check "the previous release promotes and runs it" wait_for 20 processed $((processed_before + 1))
push files "$big"
check "it runs a long one" wait_for 20 sh -c "[ -n \"\$(redis-cli -s '$REDIS_SOCK' keys 'resque:stockade:in:*')\" ]"
kill -TERM "$(host_pid old)"
kill -TERM "$(host_pid old)"
host_stop old
use new
host_start new
check "what it hands back, this build runs" wait_for 40 processed $((processed_before + 2))
host_stop new
check "0" eq "$RC" 0
check "no job is left anywhere" eq "$(in_flight)$(rcli llen resque:queue:files)$(rcli llen resque:failed)" "00"
check "no worker is left in resque's lists" eq "$(rcli scard resque:workers) $(rcli hlen resque:workers:heartbeat)" "0 0"
