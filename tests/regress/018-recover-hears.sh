#!/bin/sh
# A predecessor's list that somebody stuffed (or a server that answers AGAIN for ever) kept its
# successor recovering before it ever looked at a signal or beat.
. tests/stage.sh
stage_up
trap stage_down EXIT

worker_start
registered() { [ "$(rcli scard resque:workers)" = 1 ]; }
await 10 registered
dead=$(rcli zrange resque:stockade:live 0 0)
first=$(children_of "$WORKER" | head -1)
kill -STOP "$first"
rcli eval "for n = 1, 1000000 do redis.call('RPUSH', KEYS[1], n) end" 1 "resque:stockade:in:$dead:files" >/dev/null
kill -9 "$first"
began() { [ "$(rcli llen resque:queue:files)" -gt 1000 ]; }
await 10 began
kill -TERM "$WORKER"
await 2 gone "$WORKER"
check "TERM is heard in the midst of a long recovery" gone "$WORKER"
check "nothing was lost" eq "$(($(rcli llen resque:queue:files) + $(rcli llen "resque:stockade:in:$dead:files")))" 1000000
