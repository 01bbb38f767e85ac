#!/bin/sh
# stockade top: what live workers run and how far it is, from a real handler through a real worker; and
# what others wrote in its place, on a terminal.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
write_policy ', "Hostile::Pulse", "Hostile::TellSecret"'
write_config
top() { "$STOCKADE" top --config "$T/stockade.conf" "$@"; }
top_has() { top --once | grep -qE "$1"; }

check "no worker: a listing all the same" has "$(top)" "0 workers, 0 busy"
worker_start
wait_for 10 logged worker.started
check "an idle worker is listed" sh -c "'$STOCKADE' top --config '$T/stockade.conf' | grep -qE '^stage:[0-9]+ +- +idle'"
long=$(printf 'row %040d' 7)
push files "$(sign Hostile::Pulse "[\"progress\",\"100\",\"caf\u00e9 \u001b[31m\u202e$long\"]")"
check "a busy one shows queue, class, job, attempt and time" wait_for 10 top_has "^stage:[0-9]+ +files +Hostile::Pulse +[0-9a-f]{8} +1 +[0-9]+s"
check "and how far it is" wait_for 10 top_has " [0-9]+% [0-9]+/100 caf.*row 0000"
check "no byte of it is one that a terminal obeys" sh -c "! '$STOCKADE' top --config '$T/stockade.conf' | grep -q \"\$(printf '\\033')\""
json=$(top --json)
id=$(grep -a '"event.action":"job.started"' "$T/log" | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/')
check "--json has the whole id" has "$json" "\"busy\":true,\"job\":\"$id\",\"class\":\"Hostile::Pulse\",\"queue\":\"files\",\"attempt\":1,\"running_ms\":"
check "and numbers" has "$json" '"total":100,"note":"café'
i=$(rcli --raw zrange resque:stockade:live 0 0)
check "its record ends by itself" test "$(rcli pttl "resque:stockade:doing:$i")" -gt 1000
fake=00000000000000000000000000000bad
rcli zadd resque:stockade:live 1 $fake >/dev/null
rcli zadd resque:stockade:live 1 no-instance >/dev/null
rcli hset resque:stockade:w:$fake id "$(printf 'evil\033[2J:1:q')" >/dev/null
rcli hset resque:stockade:doing:$fake job x class "$(printf 'Bad\nRow')" queue q attempt -3 began x "done" 9 total 3 at 1 \
	note "$(printf '\033]0;gotcha\007\033[2J\302\233\342\200\256')" >/dev/null
shown=$(script -qec "stty cols 240; '$STOCKADE' top --once --config '$T/stockade.conf'" /dev/null </dev/null)
check "on a terminal it has colours" has "$shown" "$(printf '\033[1mWORKER')"
check "and what somebody else wrote there is told, not obeyed" has "$shown" '\u001b]0;gotcha\u0007\u001b[2J\u009b\u202e'
timeout 3 script -qec "'$STOCKADE' top --config '$T/stockade.conf'" /dev/null </dev/null >"$T/screens" 2>&1
check "a class with a line break stays in its row" has "$shown" 'Bad\u000aRow'
check "a worker's name, too" has "$shown" 'evil\u001b[2J:1'
check "what can be no instance is left out" has "$(top --once)" "2 workers, 2 busy (1 more were not looked at)"
check "--json is JSON whatever stands there" sh -c "'$STOCKADE' top --json --config '$T/stockade.conf' | grep -q '\\\\u001b'"
rcli zrem resque:stockade:live $fake no-instance >/dev/null
rcli del resque:stockade:w:$fake resque:stockade:doing:$fake >/dev/null
check "on a terminal it is shown again and again" test "$(grep -ac WORKER "$T/screens")" -ge 2
check "the worker goes on telling" wait_for 5 sh -c "redis-cli --raw -s '$REDIS_SOCK' hget 'resque:stockade:doing:$i' note | grep -q caf"
worker_stop
check "after the end nothing is left of it" eq "$(rcli keys 'resque:stockade:doing:*')" ""
check "how often it was told is counted, at most once a second" sh -c "n=\$(sed -n 's/.*\"stockade.count.progress_told\":\\([0-9]*\\).*/\\1/p' '$T/log' | tail -1); [ \$n -ge 2 ] && [ \$n -le 15 ]"

# --- Redis does not take it: the job goes on
: >"$T/log"
worker_start
wait_for 10 logged worker.started
push files "$(sign Hostile::Pulse '["progress","40","x"]')"
wait_for 10 top_has "Hostile::Pulse"
i=$(rcli --raw zrange resque:stockade:live 0 0)
rcli del "resque:stockade:doing:$i" >/dev/null
rcli set "resque:stockade:doing:$i" x >/dev/null
check "a key of another type: told once" wait_for 10 logged job.progress_lost
check "and the job is done" wait_for 15 grep -aq '"event.reason":"Done"' "$T/log"
check "once, whatever it said after that" eq "$(events job.progress_lost)" 1
worker_stop
check "Redis away: 69" sh -c "'$STOCKADE' top --redis unix:///nowhere --once 2>'$T/err'; [ \$? = 69 ]"
