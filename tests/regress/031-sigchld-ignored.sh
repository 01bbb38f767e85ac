#!/bin/sh
# A starter that ignores SIGCHLD hands that on through exec: wait statuses were lost, so the
# supervisor never saw a worker end and a job's end by a signal was no longer known.
. tests/stage.sh
stage_up
trap stage_down EXIT

printf abc >"$T/inputs/a"
push files "$(sign ChecksumFile '["a"]')"
push files "$(sign ChecksumFile '["a","b"]')"
INTERVAL=0 timeout -k 1 20 env --ignore-signal=CHLD "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1
RC=$?
check "the service ends when its worker has" eq "$RC" 0
check "one job is done" eq "$(rcli get resque:stat:processed)" 2
check "and one has failed" eq "$(rcli llen resque:failed)" 1
