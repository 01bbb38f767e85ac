#!/bin/sh
# With its launcher gone and its exporter too, a supervisor that lets a job finish once asked without a pause who
# could make another exporter: nobody, and a whole CPU went into it.
. tests/stage.sh
CAGE=$PWD/$B/test/hostile-cage
stage_up
trap stage_down EXIT
. tests/scrape.sh
write_policy ', "Hostile::SleepMinutes"'
EXTRA="$METRICS drain_timeout = \"5m\";" write_config
cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
worker_start
check "a service with metrics starts" answers /readyz 200 ok
push files "$(sign Hostile::SleepMinutes '["100"]')"
check "a long job runs" wait_for 20 logged job.started
E=$(exporter)
kill -9 "$(ps -o pid=,comm= --ppid "$WORKER" | awk '$2 == "stockade-launch" { print $1 }')"
check "its launcher is gone" wait_for 20 logged worker.launcher_lost
kill -9 "$E"
check "and its exporter" wait_for 20 logged exporter.restart
sleep 1 # when a successor would be due
before=$(cpu_ticks "$WORKER")
sleep 2
used=$(($(cpu_ticks "$WORKER") - before))
check "the supervisor sleeps meanwhile ($used ticks of 200)" test "$used" -lt 60
check "the job still runs" sh -c "! grep -aq job.finished '$T/log'"
