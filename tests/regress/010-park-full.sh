#!/bin/sh
# A deferred job that finds park_max reached becomes an ordinary failed record with its payload. The
# call that learns of the full area had emptied the worker's hand before: the record once held nothing.
. tests/stage.sh
stage_up
trap stage_down EXIT

rcli eval "for n = 1, 20000 do redis.call('ZADD', KEYS[1], 4e12, 'h' .. n) end" 1 resque:stockade:parked:files >/dev/null
job=$(sign ChecksumFile '["later.txt"]' --not-before "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)")
push files "$job"
worker_drain
record=$(rcli lindex resque:failed 0)

check "the drained worker ends well" eq "$RC" 0
check "the job left the queue for failed" eq "$(rcli llen resque:queue:files) $(rcli llen resque:failed)" "0 1"
check "the record says ParkFull" has "$record" '"exception":"Stockade::ParkFull"'
check "it holds the very bytes, so that a retry is possible" has "$record" "\"payload\":$job,"
check "and its queue" has "$record" '"queue":"files"}'
