#!/bin/sh
# RLIMIT_CPU counts by ticks of the machine's clock. A job that slept over each of them ran for as long
# as its wall clock let it, on four fifths of a processor. The worker looks at the exact run time now,
# from behind its own filter.
. tests/stage.sh
CAGE_TESTS=$PWD/$B/test/hostile-cage
stage_up
trap 'stage_down' EXIT
CAGE=$CAGE_TESTS
write_policy ', "Hostile::BetweenTicks"'
mkdir "$T/scratch"
write_config
sed -i "s|^directories = .*|directories = { inputs = \"$T/inputs\"; scratch = \"$T/scratch\"; };|" "$T/stockade.conf"
worker_start
ended() { grep -a '"event.action":"job.finished"' "$T/log" | tail -1; }
cpu() { ended | sed -n 's/.*"stockade.cpu_ms":\([0-9]*\).*/\1/p'; }

push files "$(sign Hostile::BetweenTicks '["20"]')"
check "a job that sleeps over each tick is ended" wait_for 90 logged job.finished
check "as CpuLimit" eq "$(ended | grep -c '"event.reason":"CpuLimit"')" 1
echo "# its limit is 1 s of CPU; ended after $(cpu) ms"
check "near its limit, not at its wall clock" test "$(cpu)" -lt 6000
finish
