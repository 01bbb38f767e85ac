#!/bin/sh
# Whoever asked for /metrics, read nothing of the answer and sent on filled the exporter's memory: what came behind
# the question was kept whole.
. tests/stage.sh
stage_up
trap stage_down EXIT
port=$(free_port)
EXTRA="metrics_listen = \"127.0.0.1:$port\";" write_config
# an answer that no socket's buffer takes at once
sed -i "s|^queues = .*|queues = [ $(seq -f '\"q%g\"' -s ', ' 60) ];|" "$T/stockade.conf"
worker_start
check "a service with metrics starts" wait_for 60 sh -c "curl -sf --max-time 10 -o /dev/null http://127.0.0.1:$port/readyz"
size=$(curl -s --max-time 30 "http://127.0.0.1:$port/metrics" | wc -c)
check "it has much to tell ($size bytes)" test "$size" -gt 200000
took=$("$B/test/stockade-glut" "$port" 200)
check "of 200 MiB that nobody asked for it takes what the kernel's buffers take ($took bytes)" test "$took" -lt 67108864
check "and serves on" sh -c "curl -s --max-time 30 -o /dev/null -w '%{http_code}' http://127.0.0.1:$port/livez | grep -qx 200"
check "the same process" eq "$(events exporter.restart)" 0
worker_stop
