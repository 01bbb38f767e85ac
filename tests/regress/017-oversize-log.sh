#!/bin/sh
# Elements over max_payload are removed eight at a time, and each batch once had a log line without limit.
. tests/stage.sh
stage_up
trap stage_down EXIT

rcli eval "local big = string.rep('x', 140000)
	for n = 1, 400 do redis.call('RPUSH', KEYS[1], n % 2 == 0 and big or 'junk') end" 1 resque:queue:files >/dev/null
worker_drain
check "every one is counted" grep -aq '"stockade.verdict.E_TOO_LARGE":200' "$T/log"
check "not every one has a line" test "$(grep -ac '"event.reason":"E_TOO_LARGE"' "$T/log")" -le 20
check "what is kept of them is small" test "$(rcli memory usage resque:stockade:quarantine:files#e)" -lt 400000
