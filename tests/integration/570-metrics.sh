#!/bin/sh
# What a service exports is what happened: jobs that were done, failed, refused, killed, removed in a
# flood; queues as they stand; and every series is there, at 0, before anything happens.
. tests/stage.sh
CAGE=$PWD/$B/test/hostile-cage
stage_up
trap stage_down EXIT
. tests/scrape.sh
write_policy ', "Hostile::Skip", "Hostile::OpenSocket", "Hostile::EndlessLoop", "Hostile::Segv", "Hostile::ExitSeven", "Hostile::FindFds", "Hostile::FindSecret"'
printf 'x\n' >"$T/inputs/x.txt"
mkdir -m 700 "$T/audit"
rcli config set maxmemory 500mb >/dev/null
EXTRA="$METRICS concurrency = 2; max_payload = \"4K\"; audit_dir = \"$T/audit\";" write_config
worker_start
check "a service with metrics starts" wait_for 30 logged worker.started
check "and says where they are" wait_for 30 logged exporter.started
check "it is ready once a worker is" answers /readyz 200 ok
check "and alive" answers_now /livez 200 ok
check "both workers come" counts 'stockade_workers{state="ready"}' 2

first=$(http /metrics)
for series in 'stockade_jobs_received_total{queue="files",kid="web-1"}' 'stockade_jobs_received_total{queue="low",kid="other"}' \
	'stockade_jobs_rejected_total{queue="files",reason="E_SIGNATURE"}' 'stockade_jobs_rejected_total{queue="low",reason="R_REPLAY_DONE"}' \
	'stockade_jobs_finished_total{queue="files",class="ChecksumFile",result="Done"}' \
	'stockade_jobs_finished_total{queue="low",class="Hostile::Segv",result="WallTimeout"}' \
	'stockade_sandbox_violations_total{class="Hostile::OpenSocket",kind="syscall"}' \
	'stockade_job_duration_seconds_count{class="CsvSummary"}' 'stockade_job_wait_seconds_bucket{queue="files",le="300"}' \
	'stockade_jobs_running{class="ChecksumFile"}' stockade_config_reload_failures_total stockade_worker_restarts_total \
	'stockade_redis_reconnects_total{server="ledger"}' stockade_log_dropped_total; do
	check "$series is 0 before anything happens" has "$first" "$series 0"
done
check "no name of a class that is not compiled in" hasnt "$first" NotCompiledIn
check "no accepted job among the refused" hasnt "$first" 'reason="ACCEPT"'

# --- what happens
for _ in 1 2 3; do push files "$(sign ChecksumFile '["x.txt"]')"; done
push files "$(sign ChecksumFile '["missing.txt"]' --runs 1)"
push files "$(sign Hostile::Skip '[]')"
push files "$(sign Hostile::OpenSocket '[]' --runs 1)"
push files "$(sign Hostile::EndlessLoop '["30"]' --runs 1)"
push files "$(sign Hostile::Segv '[]' --runs 1)"
push files "$(sign Hostile::ExitSeven '[]' --runs 1)"
done_once=$(sign ChecksumFile '["x.txt"]')
push files "$done_once"
check "jobs come to their ends" counts 'stockade_jobs_finished_total{queue="files",class="Hostile::ExitSeven",result="NonZeroExit"}' 1
check "an endless one too" counts 'stockade_jobs_finished_total{queue="files",class="Hostile::EndlessLoop",result="CpuLimit"}' 1
push files "$done_once"
push files "$(sign ChecksumFile '["x.txt"]' | sed 's/x\.txt/y.txt/')"
push files "$(sign ChecksumFile '["x.txt"]' --queue low)"
push files '{"class":"Evil","args":["\u0000<script>"]}'
push files "$(head -c 6000 /dev/zero | tr '\0' a)"
check "a replay is counted" counts 'stockade_jobs_rejected_total{queue="files",reason="R_REPLAY_DONE"}' 1
check "an element that is too large, whose queue is not told" counts 'stockade_jobs_rejected_total{queue="other",reason="E_TOO_LARGE"}' 1
# what comes last, of either worker
settled() {
	http /metrics >"$T/metrics"
	for line in 'stockade_jobs_received_total{queue="files",kid="web-1"} 12' 'stockade_jobs_received_total{queue="files",kid="other"} 2' \
		'stockade_jobs_rejected_total{queue="files",reason="E_UNSIGNED"} 1' 'stockade_job_wait_seconds_count{queue="files"} 10' \
		'stockade_jobs_running{class="ChecksumFile"} 0'; do
		grep -qxF "$line" "$T/metrics" || return 1
	done
}
check "all that happened is counted" wait_for 60 settled
while read -r series number; do
	got=$(awk -v want="$series" 'substr($0, 1, length(want) + 1) == want " " { print substr($0, length(want) + 2) }' "$T/metrics")
	check "$series" eq "$got" "$number"
done <<END
stockade_jobs_finished_total{queue="files",class="ChecksumFile",result="Done"} 4
stockade_jobs_finished_total{queue="files",class="ChecksumFile",result="Failed"} 1
stockade_jobs_finished_total{queue="files",class="Hostile::Skip",result="Skipped"} 1
stockade_jobs_finished_total{queue="files",class="Hostile::OpenSocket",result="SyscallDenied"} 1
stockade_jobs_finished_total{queue="files",class="Hostile::Segv",result="Crash"} 1
stockade_jobs_finished_total{queue="low",class="ChecksumFile",result="Done"} 0
stockade_sandbox_violations_total{class="Hostile::OpenSocket",kind="syscall"} 1
stockade_sandbox_violations_total{class="Hostile::EndlessLoop",kind="rlimit"} 1
stockade_sandbox_violations_total{class="Hostile::Segv",kind="rlimit"} 0
stockade_jobs_rejected_total{queue="files",reason="E_SIGNATURE"} 1
stockade_jobs_rejected_total{queue="files",reason="E_QUEUE_MISMATCH"} 1
stockade_jobs_rejected_total{queue="files",reason="E_UNSIGNED"} 1
stockade_jobs_received_total{queue="files",kid="web-1"} 12
stockade_jobs_received_total{queue="files",kid="other"} 2
stockade_job_duration_seconds_count{class="ChecksumFile"} 5
stockade_job_duration_seconds_bucket{class="Hostile::EndlessLoop",le="0.5"} 0
stockade_job_cpu_seconds_count{class="Hostile::EndlessLoop"} 1
stockade_job_max_rss_bytes_count{class="Hostile::Skip"} 1
stockade_job_wait_seconds_count{queue="files"} 10
stockade_jobs_running{class="ChecksumFile"} 0
stockade_children_limit 2
stockade_redis_up{server="queues"} 1
stockade_redis_up{server="ledger"} 1
stockade_exporter_restarts_total 0
stockade_key_expiry_timestamp_seconds{kid="web-1"} 2208988800
END
cpu=$(sed -n 's/^stockade_job_cpu_seconds_sum{class="Hostile::EndlessLoop"} //p' "$T/metrics")
check "the kernel counted the CPU time of the loop: $cpu" awk -v cpu="$cpu" "BEGIN { exit !(cpu >= 0.3 && cpu < 5) }"
check "nothing of an attacker's stands in a label" sh -c "! grep -v '^#' '$T/metrics' | grep -E 'Evil|script>'"
check "a key was used just now" sh -c "awk -v now=\$(date +%s) '/^stockade_key_last_used_timestamp_seconds.kid=\"web-1\"/ { exit !(now - \$2 >= 0 && now - \$2 < 120) }' '$T/metrics'"
check "a key that was not says nothing" sh -c "! grep 'last_used.*other-1' '$T/metrics'"
lines=$(cat "$T"/audit/* | wc -l)
check "the audit trail has as many lines as are counted" sh -c "awk -v n=$lines '/^stockade_audit_records_total/ { exit !(\$2 == n) }' '$T/metrics'"
if command -v promtool >/dev/null; then
	check "promtool finds nothing wrong with it" sh -c "promtool check metrics <'$T/metrics'"
else
	skip "promtool finds nothing wrong with it" "needs Debian's package prometheus"
fi

# --- a flood is counted to the last element
rcli eval "for i = 1, 3000 do redis.call('RPUSH', 'resque:queue:files', '{\"class\":\"Junk\",\"args\":[' .. i .. ']}') end" 0 >/dev/null
check "a flood is counted exactly" counts 'stockade_jobs_rejected_total{queue="files",reason="E_UNSIGNED"}' 3001
check "and where it came from is not known" reads 'stockade_jobs_received_total{queue="files",kid="other"}' 3002

# --- queues as they stand
rcli set resque:stockade:paused:low 1 >/dev/null
for _ in 1 2 3; do push low "$(sign ChecksumFile '["x.txt"]' --queue low)"; done
check "what waits in a queue is counted" counts 'stockade_queue_depth_jobs{queue="low"}' 3
age=$(value 'stockade_queue_oldest_age_seconds{queue="low"}')
check "and how long the first of it waits" sh -c "[ '$age' -ge 0 ] && [ '$age' -lt 120 ]"
check "an empty queue has nobody who waits" eq "$(value 'stockade_queue_oldest_age_seconds{queue="files"}')" 0
check "what is kept of refused ones is counted" sh -c "[ '$(value 'stockade_quarantine_jobs{queue="files"}')' -ge 3 ]"
check "as much as Redis has" eq "$(value 'stockade_quarantine_jobs{queue="files"}')" \
	"$(($(rcli zcard resque:stockade:quarantine:files) + $(rcli zcard 'resque:stockade:quarantine:files#E_QUEUE_MISMATCH') + $(rcli zcard 'resque:stockade:quarantine:files#R_REPLAY_DONE')))"
ratio=$(value 'stockade_redis_memory_ratio{server="queues"}')
check "how full Redis is" sh -c "echo '$ratio' | grep -qE '^0\.0[0-9]+$'"
check "nothing was evicted" eq "$(value 'stockade_redis_evicted_keys_total{server="queues"}')" 0
rcli del resque:queue:low >/dev/null
push low '{"class":"Junk","args":[]}'
check "a head that does not say when has no age" wait_for 30 sh -c ". tests/stage.sh; T=$T; . tests/scrape.sh; [ -z \"\$(value 'stockade_queue_oldest_age_seconds{queue=\"low\"}')\" ]"
rcli del resque:stockade:paused:low >/dev/null

# --- from within a job: neither the page nor a descriptor of it
canary=0123456789canary
push files "$(sign Hostile::FindFds '[]' --runs 1)"
check "a job finds no descriptor beside its own" counts 'stockade_jobs_finished_total{queue="files",class="Hostile::FindFds",result="Failed"}' 1

# --- a reload brings and takes keys
"$STOCKADE" keys generate --kid $canary --principal web --out "$T/keys" >"$T/new.stanza"
sed -i "s|{ name = \"other\";|{ name = \"newer\"; keys = ( { kid = \"$canary\"; alg = \"ed25519\"; public = \"$(public new)\"; iat_from = \"2020-01-01T00:00:00Z\"; iat_to = \"2030-01-01T00:00:00Z\"; } ); grants = ( { queues = [ \"files\" ]; classes = [ \"ChecksumFile\" ]; max_body = \"1K\"; } ); max_runs = 1; max_delay = \"1h\"; max_window = \"8d\"; rate = \"1/s\"; burst = 1; park_max = 10; quarantine_max = 10; },\n  { name = \"other\";|; s/other-1/other-2/" "$T/policy.conf"
kill -HUP "$WORKER"
check "a new key's series are there at once" counts "stockade_jobs_received_total{queue=\"files\",kid=\"$canary\"}" 0
check "with its expiry" counts "stockade_key_expiry_timestamp_seconds{kid=\"$canary\"}" 1893456000
check "and one that is gone expires no more" counts 'stockade_key_expiry_timestamp_seconds{kid="other-1"}' ""
masked() { printf '%s' "$1" | od -An -v -tu1 | tr -s ' ' '\n' | awk 'NF { n = $1; m = 90; x = 0; for (b = 1; b < 256; b *= 2) { if ((int(n / b) + int(m / b)) % 2) x += b } printf "%02x", x }'; }
push files "$(sign Hostile::FindSecret "[\"$(masked $canary)\",\"memory\",\"\"]" --runs 1)"
check "in all that a job can read, no label of a page stands" counts 'stockade_jobs_finished_total{queue="files",class="Hostile::FindSecret",result="Failed"}' 1
push files "$(sign Hostile::FindSecret "[\"$(masked $canary)\",\"memory\",\"$canary\"]" --runs 1)"
check "control: one that it was told is found" counts 'stockade_jobs_finished_total{queue="files",class="Hostile::FindSecret",result="Done"}' 1
echo 'x = ' >>"$T/policy.conf"
kill -HUP "$WORKER"
check "a reload that fails is counted, by each worker" counts stockade_config_reload_failures_total 2
worker_stop
check "it ends with 0" eq "$RC" 0
check "and with it its exporter" sh -c "! curl -s --max-time 5 --unix-socket '$M' http://x/livez"
