#!/bin/sh
# SOAK_S seconds (ten minutes) at maxmemory with 20 workers: beats go on, so nobody is taken for dead.
: "${B:=build}"
export B
[ -x "$B/stockade" ] || make --no-print-directory -j"$(nproc)" B="$B" all >/dev/null || exit 70
. tests/stage.sh
stage_up
trap stage_down EXIT
EXTRA='concurrency = 20; dead_after = "5s"; beat = "500ms";'
write_config
sed -i '0,/^beat = "200ms"/{/^beat = "200ms"/d}' "$T/stockade.conf"
worker_start
twenty() { [ "$(rcli scard resque:workers)" = 20 ]; }
check "twenty workers register" wait_for 30 twenty
before=$(rcli zrange resque:stockade:live 0 -1 | sort)
rcli config set maxmemory 1 >/dev/null
check "control: Redis refuses a write" has "$(rcli set probe x 2>&1)" OOM
sleep "${SOAK_S:-600}"
check "the same instances live" eq "$(rcli zrange resque:stockade:live 0 -1 | sort)" "$before"
check "nobody was buried" eq "$(rcli zcard resque:stockade:graves)" 0
check "nobody was restarted, fenced or recovered" eq "$(events worker.restart) $(events worker.fenced) $(events worker.recovered)" "0 0 0"
rcli config set maxmemory 0 >/dev/null
printf 'x\n' >"$T/inputs/x.txt"
push files "$(sign ChecksumFile '["x.txt"]')"
check "and they work on" wait_for 10 grep -aq '"event.reason":"Done"' "$T/log"
worker_stop
check "TERM ends them with 0" eq "$RC" 0
