#!/bin/sh
# Words of job.h in a real worker: failures for good, memory.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
write_policy ', "Hostile::Fail"'
write_config

# --- a failure for good
push files "$(sign Hostile::Fail '["for good"]')"
worker_drain
check "the worker ends with 0" eq "$RC" 0
check "it is recorded at once, though its class has RETRY" eq "$(rcli llen resque:failed) $(rcli zcard resque:stockade:parked:files)" "1 0"
check "by a name of its own" has "$(rcli lindex resque:failed 0)" '"exception":"Stockade::FailedForGood","error":"it cannot be done"'
check "the log has it, with its code" grep -aq '"event.reason":"FailedForGood".*"stockade.settled":"failed","stockade.code":2' "$T/log"
check "and the counters, apart from other failures" has "$(grep -a worker.stopped "$T/log" | tail -1)" '"stockade.outcome.FailedForGood":1'
push files "$(sign Hostile::Fail '["as ever"]')"
worker_drain
check "control: another failure of that class waits for its next attempt" eq "$(rcli llen resque:failed) $(rcli zcard resque:stockade:parked:files)" "1 1"
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::Fail '["for good"]')
check "run-job says so too" has "$out" FailedForGood

# --- memory that goes with the job
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::Memory '[]')
check "beyond MEM_MIB it is refused, and what was given stands" has "$out" "still there, Cannot allocate memory after "
