#!/bin/sh
# Words of job.h in a real worker: failures for good, memory, signs of life, a limit to silence, trace context.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
write_policy ', "Hostile::Fail", "Hostile::Talker", "Hostile::Trace"'
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

# --- signs of life: what job.h sends is always borne, what others write is not
outcome() { "$STOCKADE" run-job --config "$T/stockade.conf" "$@" 2>&1 | sed -n 's/^outcome *//p'; }
check "control: progress and heartbeats as job.h sends them" eq "$(outcome Hostile::Pulse '["progress","8"]') $(outcome Hostile::Pulse '["beat","8"]')" "Done Done"
check "a million calls are no flood" eq "$(outcome Hostile::Pulse '["often"]')" Done
check "forged heartbeats beyond the rate are one" eq "$(outcome Hostile::Pulse '["flood"]')" ReportFlood
check "forged progress, too" eq "$(outcome Hostile::Pulse '["progress flood"]')" ReportFlood
for forged in oversized huge short "beat with a body" unknown; do
	check "a frame that is $forged ends the job by name" eq "$(outcome Hostile::Pulse "[\"$forged\"]")" ReportMalformed
done

# --- a limit to silence
check "a handler that says nothing for too long is ended" eq "$(outcome Hostile::Talker '["silent","50"]')" Stalled
# four that mostly sleep, at once
pids=
for how in beat progress log; do
	outcome Hostile::Talker "[\"$how\",\"14\"]" >"$T/talk.$how" &
	pids="$pids $!"
done
outcome Hostile::Pulse '["silent","14"]' >"$T/talk.silent" &
# shellcheck disable=SC2086 # a list of pids; the servers of this test are no concern of theirs
wait $pids $!
check "one that beats is not" eq "$(cat "$T/talk.beat")" Done
check "nor one that tells how far it is" eq "$(cat "$T/talk.progress")" Done
check "nor one that logs" eq "$(cat "$T/talk.log")" Done
check "nor one of a class that may be silent" eq "$(cat "$T/talk.silent")" Done
check "half a frame is no word" eq "$(outcome Hostile::Talker '["huge"]')" ReportMalformed
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::Talker '["silent","50"]')
check "the sentence says what to do" has "$out" "had said nothing for 1000 ms, and its class promises to (SILENCE_S)"
: >"$T/log"
rcli del resque:stockade:parked:files resque:stockade:parcel:files >/dev/null
push files "$(sign Hostile::Talker '["silent","50"]')"
worker_drain
check "a worker tries it again, as its class says" grep -aq '"event.reason":"Stalled".*"stockade.settled":"retry"' "$T/log"
check "and counts it" has "$(grep -a worker.stopped "$T/log" | tail -1)" '"stockade.outcome.Stalled":1'

# --- trace context: the handler and the log lines of its job speak of one trace
: >"$T/log"
rcli del resque:failed >/dev/null
parent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
push files "$(sign Hostile::Trace '[]' --ref $parent | sed 's/^{/{"traceparent":"00-11111111111111111111111111111111-2222222222222222-01",/')"
push files "$(sign Hostile::Trace '[]' --ref o.42)"
worker_drain
check "what the producer signed is handed on, what stands beside it is not" has "$(rcli lindex resque:failed 0)" "\"error\":\"trace $parent\""
id=$(grep -a '"event.action":"job.started"' "$T/log" | tail -1 | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/')
check "else it is made of the job's id" has "$(rcli lindex resque:failed 1)" "\"error\":\"trace 00-$id-$(echo "$id" | cut -c17-)-00\""
for e in job.admitted job.started job.finished; do
	check "$e has it" eq "$(grep -a "\"event.action\":\"$e\"" "$T/log" | sed 's/.*"trace.id":"\([0-9a-f]*\)".*/\1/' | tr '\n' ' ')" "4bf92f3577b34da6a3ce929d0e0e4736 $id "
done
check "run-job has one, too" has "$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::Trace '[]')" "trace 00-00000000000000000000000000000001-"
