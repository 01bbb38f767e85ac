#!/bin/sh
# A job's own directory in a real worker, behind that worker's filter: empty before and after, counted,
# swept after kill -9, removed at the end; and what stops a start.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
mkdir -m 700 "$T/work"
printf 'alphalpha' >"$T/secret/s"
chmod 400 "$T/secret/s"
write_policy ', "Hostile::WorkLook", "Hostile::WorkNames", "Hostile::WorkFill", "Hostile::WorkThenCrash", "Hostile::Skip"'
EXTRA="work_dir = \"$T/work\";
secrets = { alpha = \"$T/secret/s\"; beta = \"$T/secret/s\"; }; settings = { colour = \"teal\"; };"
write_config
sed -i "s|inputs = \"$T/inputs\";|inputs = \"$T/inputs\"; scratch = \"$T/inputs\";|" "$T/stockade.conf"
outcomes() { grep -a '"event.action":"job.finished"' "$T/log" | sed 's/.*"event.reason":"\([^"]*\)".*/\1/' | tr '\n' ' ' | sed 's/ $//'; }
held() { find "$T/work" -mindepth 2 | wc -l; }

# --- from job to job
for job in 'WorkLook []' 'WorkNames []' 'WorkLook []' 'WorkFill ["3","1000","0"]' 'WorkLook []'; do
	push files "$(sign "Hostile::${job%% *}" "${job#* }")"
done
worker_drain
check "the worker ends with 0" eq "$RC" 0
check "each job found it empty, the greedy one is named" eq "$(outcomes)" "Done Done Done WorkQuota Done"
check "the record names the quota and what was used" sh -c "redis-cli -s '$REDIS_SOCK' lrange resque:failed 0 -1 | grep -q 'Stockade::WorkQuota.*more than 1 MiB.*used: [0-9]* ms'"
check "a worker that ends takes its directory with it" eq "$(find "$T/work" -mindepth 1 | wc -l)" 0

# --- kill -9 in the middle: the next one sweeps
: >"$T/log"
push files "$(sign Hostile::WorkFill '["100","1","50"]')"
worker_start
check "a job fills it" wait_for 10 sh -c "[ \$(find '$T/work' -mindepth 2 | wc -l) = 100 ]"
w=$(children_of "$WORKER")
kill -9 "$w"
check "the successor removes what the dead one left" wait_for 15 logged work.swept
check "and runs the job again in a fresh one" wait_for 15 sh -c "[ \$(find '$T/work' -mindepth 1 -maxdepth 1 | wc -l) = 1 ] && [ \$(find '$T/work' -mindepth 2 | wc -l) = 100 ]"

# --- what cannot be removed behind the filter keeps the next job out
mkdir -p "$(find "$T/work" -mindepth 1 -maxdepth 1)/a/b/c"
kill -USR1 "$WORKER"
check "the job is ended by its operator" wait_for 10 grep -aq '"event.reason":"KilledExternally"' "$T/log"
push files "$(sign Hostile::WorkLook '[]')"
check "the next one is not run in it" wait_for 10 grep -aq 'WORK_STUCK' "$T/log"
check "it waits" wait_for 5 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:parked:files)\" -ge 1 ]"
push files "$(sign Hostile::Skip '[]')"
check "a class without a directory runs on" wait_for 10 grep -aq '"event.reason":"Skipped"' "$T/log"
rm -rf "$T"/work/*/a "$T"/work/*/moved-*
check "once it is empty the job runs" wait_for 25 grep -aq '"event.reason":"Done"' "$T/log"
worker_stop
check "it ends with 0" eq "$RC" 0
check "nothing is left" eq "$(held)" 0

# --- run-job
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::WorkNames '[]' 2>&1)
check "run-job has one too" eq $? 0
check "and leaves nothing" eq "$(find "$T/work" -mindepth 1 | wc -l)" 0

# --- starts that are refused
refused() { # refused "sentence" EXIT NEEDLE
	out=$("$STOCKADE" work --config "$T/bad.conf" 2>&1)
	check "$1: $2" eq $? "$2"
	check "$1 is named" has "$out" "$3"
}
grep -v '^work_dir' "$T/stockade.conf" >"$T/bad.conf"
refused "no work_dir" 78 "needs a work directory; add work_dir"
cp "$T/stockade.conf" "$T/bad.conf"
chmod 777 "$T/work"
refused "a work_dir that others may write" 78 "chmod 0700"
chmod 700 "$T/work"
sed "s|^work_dir.*|work_dir = \"$T/nowhere\";|" "$T/stockade.conf" >"$T/bad.conf"
refused "a work_dir that is not there" 66 "nowhere"
sed "s|^work_dir.*|work_dir = \"work\";|" "$T/stockade.conf" >"$T/bad.conf"
refused "a relative work_dir" 78 "absolute"
