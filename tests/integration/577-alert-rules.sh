#!/bin/sh
# The alert rules: every metric, and every label value, that one of them names is exported by a service
# that runs; promtool reads them, and they fire when they should.
. tests/stage.sh
stage_up
trap stage_down EXIT
. tests/scrape.sh
printf 'x\n' >"$T/inputs/x.txt"
mkdir -m 700 "$T/audit"
rcli config set maxmemory 500mb >/dev/null
lcli config set maxmemory 500mb >/dev/null
EXTRA="$METRICS audit_dir = \"$T/audit\";" write_config
worker_start
check "a service with metrics starts" answers /readyz 200 ok
push files "$(sign ChecksumFile '["x.txt"]')"
check "and has done a job" counts 'stockade_jobs_finished_total{queue="files",class="ChecksumFile",result="Done"}' 1
check "and has looked at its queues" counts 'stockade_queue_depth_jobs{queue="files"}' 0
check "and at Redis" wait_for 60 sh -c ". tests/stage.sh; T=$T; . tests/scrape.sh; http /metrics | grep -q '^stockade_redis_evicted_keys_total'"
http /metrics >"$T/metrics"
names() { grep -oE '(stockade|process)_[a-z_]+' contrib/prometheus/alerts.yml | grep -vE '^stockade_?$' | sort -u; }
check "there are metrics to look for" test "$(names | wc -l)" -ge 25
for name in $(names); do
	check "$name is exported" grep -qE "^${name}[ {]" "$T/metrics"
done
values() { grep -oE '(reason|result|kind|state)(=|=~|!~)"[^"]*"' contrib/prometheus/alerts.yml | sed 's/[=!~]*"/ /; s/"//' | while read -r label all; do
	for v in $(echo "$all" | tr '|' ' '); do echo "$label=\"$v\""; done
done | sort -u; }
check "there are values to look for" test "$(values | wc -l)" -ge 12
for v in $(values); do
	check "$v is one of its label" grep -qF "$v" "$T/metrics"
done
if command -v promtool >/dev/null; then
	check "promtool reads the rules" promtool check rules contrib/prometheus/alerts.yml
	check "and they fire when they should" promtool test rules contrib/prometheus/alerts_test.yml
	check "and finds nothing wrong with what is exported" sh -c "promtool check metrics <'$T/metrics'"
else
	skip "promtool reads the rules, and they fire when they should" "needs Debian's package prometheus"
fi
