#!/bin/sh
# Redis is refused to jobs at the address where it is, not only at those that its name had at the start.
# The worker was not allowed getpeername() behind its own wall, so a Redis that moved could be reached.
. tests/stage.sh
CAGE=$PWD/$B/test/net-cage
trap stage_down EXIT
stage_up
redis_kill
port=$(free_port)
redis_again --port $port --bind 127.0.0.1 --protected-mode no
write_policy ', "Net::Local"'
# 0.0.0.0 is what the name has; where a connection to it arrives is another address, which the class lists
sed -i "s|^redis = .*|redis = \"redis://0.0.0.0:$port\";|" "$T/stockade.conf"
push files "$(sign Net::Local "[\"connect\",\"127.0.0.1\",\"$port\"]")"
rcli sadd resque:queues files >/dev/null
worker_drain
check "the worker ends by itself" eq "$RC" 0
check "Redis is refused where it is" has "$(grep net.refused "$T/log")" '"stockade.net":"NetRedis"'
check "the failed record says so" has "$(rcli lrange resque:failed 0 -1)" 'NetRedis'
