#!/bin/sh
# /readyz said ok while nothing that was pushed would start: the audit trail could not be written.
. tests/stage.sh
stage_up
trap 'chmod -f 755 "$T/audit"; stage_down' EXIT
. tests/scrape.sh
mkdir -m 755 "$T/audit"
printf 'x\n' >"$T/inputs/x.txt"
EXTRA="$METRICS audit_dir = \"$T/audit\"; audit_file_max = \"4K\";" write_config
worker_start
check "a service starts" answers /readyz 200 ok
chmod 555 "$T/audit" # the next file cannot be created
for _ in 1 2 3 4 5 6 7 8 9 10; do push files "$(sign ChecksumFile '["x.txt"]')"; done
check "while its decisions cannot be written it is not ready, by name" answers /readyz 503 AUDIT_LOST
check "but alive" eq "$(code /livez)" 200
chmod 755 "$T/audit"
check "once they can be it is ready" answers /readyz 200 ok
check "and the jobs run" counts 'stockade_jobs_finished_total{queue="files",class="ChecksumFile",result="Done"}' 10
worker_stop
check "it ends with 0" eq "$RC" 0
