#!/bin/sh
# Log lines beyond a job's report limit vanished without a word: now the worker says how many, in its
# log, in `failed` and among its counters.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
write_policy ', "Hostile::LogMuch"'
write_config
sed -i "s|inputs = \"$T/inputs\";|inputs = \"$T/inputs\"; scratch = \"$T/inputs\";|" "$T/stockade.conf"
push files "$(sign Hostile::LogMuch '[]')"
worker_drain
check "the worker ends with 0" eq "$RC" 0
check "thirty-five lines are logged" eq "$(events job.log)" 35
check "the others are told as a number" sh -c "grep -a job.unlogged '$T/log' | grep -a '65 lines of Hostile::LogMuch did not fit.*REPORT_KIB' | grep -q '\"stockade.lines\":65'"
check "the record says so" sh -c "redis-cli -s '$REDIS_SOCK' lrange resque:failed 0 -1 | grep -q 'bytes printed, 65 lines not logged'"
check "and it is counted" grep -aq '"stockade.count.unlogged":65' "$T/log"
: >"$T/log"
push files "$(sign Hostile::LogMuch '["crash"]')"
worker_drain
check "of a job that crashed at least that there were some" grep -aq 'at least 1 line of Hostile::LogMuch did not fit' "$T/log"
finish
