#!/bin/sh
# Results that a class keeps: from a real job through a real worker into Redis, and back by
# `stockade result`; what is not kept says why.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
write_policy ', "Hostile::Result", "Hostile::ResultOnly", "Hostile::Fail"'
write_config
kept() { rcli --raw keys 'resque:stockade:result*' | sort | tr '\n' ' '; }
id() { "$STOCKADE" explain --config "$T/stockade.conf" --queue files --json - | sed 's/.*"job_id":"\([0-9a-f]*\)".*/\1/'; }
run() { # run CLASS ARGS: one job to its end, its id in $ID
	job=$(sign "$1" "$2")
	ID=$(printf '%s' "$job" | id)
	push files "$job"
	worker_drain
}
result() { "$STOCKADE" result --config "$T/stockade.conf" "$@"; }

run Hostile::ResultOnly '["{\"a\":1}"]'
check "a class that does not say so keeps nothing" eq "$(kept)" " "
run Hostile::Result '["{\"a\":[1,2.50]}"]'
check "one that does keeps it under the job's id" eq "$(kept)" "resque:stockade:result:$ID resque:stockade:results resque:stockade:results#bytes "
check "for as long as the class says" test "$(rcli pttl "resque:stockade:result:$ID")" -gt 30000
check "and no longer" test "$(rcli pttl "resque:stockade:result:$ID")" -le 60000
check "stockade result prints the very bytes" eq "$(result "$ID")" '{"a":[1,2.50]}'
check "--json all of it" has "$(result --json "$ID")" "{\"v\":1,\"job\":\"$ID\",\"class\":\"Hostile::Result\",\"queue\":\"files\",\"attempt\":1,\"at\":\"20"
check "the counter says so" has "$(grep -a worker.stopped "$T/log" | tail -1)" '"stockade.count.results_kept":1'
check "a job that is unknown: 66" sh -c "'$STOCKADE' result --config '$T/stockade.conf' 00000000000000000000000000000000 2>'$T/err'; [ \$? = 66 ] && grep -q 'no result of job' '$T/err'"
check "no job id at all: 64" sh -c "'$STOCKADE' result --config '$T/stockade.conf' '../x' 2>/dev/null; [ \$? = 64 ]"

run Hostile::Result '["none"]'
check "a job that is done and gave nothing has null" eq "$(result "$ID")" null
run Hostile::Result '["[\"]0;x\u007f\u202e\"]"]'
check "a result for a terminal is in a spelling that it does not obey" has "$(script -qec "'$STOCKADE' result --config '$T/stockade.conf' $ID" /dev/null </dev/null)" '\u007f\u202e'

# --- what is not kept
: >"$T/log"
run Hostile::Result '["{\"a\":"]'
check "what is no JSON is not kept" sh -c "[ \$(redis-cli -s '$REDIS_SOCK' exists 'resque:stockade:result:$ID') = 0 ]"
check "by name; the job is done all the same" sh -c "grep -aq '\"event.action\":\"result.not_kept\".*\"event.reason\":\"RESULT_NOT_JSON\"' '$T/log' && grep -aq '\"event.reason\":\"Done\"' '$T/log'"
run Hostile::Result '["1,", "40000"]'
check "beyond RESULT_KIB the handler is told so" has "$(rcli lindex resque:failed -1)" "refused: Argument list too long"
sed 's/^poll.*/&\nresults_max = "1K";/' "$T/stockade.conf" >"$T/small.conf"
job=$(sign Hostile::Result '["11111111","512"]')
ID=$(printf '%s' "$job" | id)
push files "$job"
INTERVAL=0 timeout 240 "$STOCKADE" work --config "$T/small.conf" >>"$T/log" 2>&1
check "beyond results_max it is not kept" sh -c "[ \$(redis-cli -s '$REDIS_SOCK' exists 'resque:stockade:result:$ID') = 0 ]"
check "by name" grep -aq '"event.reason":"RESULT_NO_ROOM"' "$T/log"
run Hostile::Result '["7"]'
rcli set "resque:stockade:result:$ID" '{"v":1,"job":"x","result":1}' >/dev/null
check "what somebody else wrote there is not believed: 69" sh -c "'$STOCKADE' result --config '$T/stockade.conf' $ID 2>/dev/null; [ \$? = 69 ]"

# --- the rights that SECURITY.md lists suffice
sed -n '/^ACL SETUSER worker/,/^ACL SETUSER web/p' SECURITY.md | sed '$d' | sed 's/on >… resetkeys/on >secret resetkeys/' | tr '\n' ' ' >"$T/acl"
check "SECURITY.md has the worker's rights" grep -q 'stockade:result' "$T/acl"
rcli <"$T/acl" >/dev/null
printf secret >"$T/secret/worker"
chmod 400 "$T/secret/worker"
EXTRA="redis_user = \"worker\"; redis_password_file = \"$T/secret/worker\"; queue_rules = ();"
write_config
sed -i 's/^queues = .*/queues = [ "files" ];/' "$T/stockade.conf"
: >"$T/log"
job=$(sign Hostile::Result '["8"]')
ID=$(printf '%s' "$job" | id)
push files "$job"
worker_drain
check "a worker with those rights keeps a result" eq "$RC $(rcli exists "resque:stockade:result:$ID")" "0 1"
check "and Redis refused it nothing" sh -c "! grep -aq NOPERM '$T/log'"
