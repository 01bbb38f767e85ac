#!/bin/sh
# Policy and keys change under a running worker: by signal, by file, by a mounted directory's swap; all or
# nothing. Keys rotate under load and no job is refused. Jobs of keys known since return by themselves.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
rows_csv long.csv 4000000
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
new() { sign ChecksumFile '["x.txt"]' "$@"; }
reloads_are() { [ "$(events policy.reloaded)" = "$1" ]; }
digest() { sha256sum "$1" | cut -d' ' -f1; }
last_digest() { grep -a '"event.action":"policy.reloaded"' "$T/log" | tail -1 | sed 's/.*"stockade.policy_sha256":"\([0-9a-f]*\)".*/\1/'; }
put_policy() { # atomically, from standard input
	cat >"$T/policy.new" && mv "$T/policy.new" "$T/policy.conf"
}
cp "$T/policy.conf" "$T/first.conf"
worker_start
push files "$(new)"
check "a job runs" wait_for 10 done_is 1

# --- by signal, and by the file alone
kill -HUP "$WORKER"
check "HUP reloads" wait_for 10 reloads_are 1
sed 's/max_runs = 10/max_runs = 3/' "$T/first.conf" | put_policy
check "a changed file is found without a signal" wait_for 10 reloads_are 2
check "its digest is told" eq "$(last_digest)" "$(digest "$T/policy.conf")"
push files "$(new --runs 5)"
check "the new limits count" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard 'resque:stockade:quarantine:files#E_POLICY_RUNS') = 1 ]"
check "it is the same process" kill -0 "$WORKER"

# --- what does not load changes nothing
fails() { [ "$(events policy.reload_failed)" = "$1" ]; }
head -c 300 "$T/first.conf" | put_policy
check "a truncated file is an alarm by name" wait_for 10 fails 1
check "with the reason" grep -aq 'POLICY_RELOAD_FAILED.*policy.conf:' "$T/log"
push files "$(new --runs 2)"
check "the policy before it goes on" wait_for 10 done_is 2
sed 's/classes = \[/classes = [ "*",/' "$T/first.conf" | put_policy
check "a wildcard is another" wait_for 10 fails 2
{ cat "$T/first.conf"; echo 'limits = ( { rate = "1/s"; } );'; } | put_policy
check "half a limit is another" wait_for 10 fails 3
echo 'ledger_max too small' >/dev/null
kill -HUP "$WORKER"
check "asked again it says so again" wait_for 10 fails 4
check "no reload in between" reloads_are 2
put_policy <"$T/first.conf"
check "mended, it reloads" wait_for 10 reloads_are 3

# --- the running job is untouched, the next one is judged by the new policy
push files "$(sign CsvSummary '["long.csv"]')"
wait_for 10 sh -c "[ \$(grep -ac job.started '$T/log') = 3 ]"
push files "$(new)"
sed '0,/iat_to = "2040[^;]*;/s//& revoked = true;/' "$T/first.conf" | put_policy
kill -HUP "$WORKER"
check "a job of a key that is revoked while it runs ends as it would" wait_for 30 done_is 3
check "the next one waits in revoked:<kid>" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:revoked:web-1) = 1 ]"
check "it did not run" done_is 3
put_policy <"$T/first.conf"
check "revoked no more, it returns by itself and runs" wait_for 15 done_is 4
check "its area is empty" eq "$(rcli exists resque:stockade:revoked:web-1)" 0

# --- a key that nobody knows yet
"$STOCKADE" keys generate --kid web-2 --principal web --out "$T/keys" >"$T/web2.stanza"
second() { "$STOCKADE" sign --key "$T/keys/web-2.key" --kid web-2 --aud "$AUD" --queue files --class ChecksumFile '["x.txt"]'; }
push files "$(second)"
push files "$(second)"
check "jobs of an unknown key wait in an area of their own" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:unknownkey:files) = 2 ]"
add_key() { sed "0,/keys = (/s||keys = ( { kid = \"web-2\"; alg = \"ed25519\"; public = \"$(public web2)\"; iat_from = \"2020-01-01T00:00:00Z\"; iat_to = \"2040-01-01T00:00:00Z\"; },|"; }
add_key <"$T/first.conf" | put_policy
check "when the policy knows it they run" wait_for 15 done_is 6

# --- rotation under load: no job is refused
refused=$(events job.refused)
cp "$T/policy.conf" "$T/both.conf"
(for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do push files "$(new)"; push files "$(second)"; done) &
load=$!
for i in 1 2 3 4; do
	sed "s/burst = 1000/burst = 100$i/" "$T/both.conf" | put_policy
	kill -HUP "$WORKER"
	sleep 0.3
done
wait "$load"
iat=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
# web-1 retires: what it signed before goes on
push files "$(new)"
sed "s/\"2040-01-01T00:00:00Z\"; } );/\"$iat\"; } );/" "$T/both.conf" | put_policy
check "every job of both keys ran" wait_for 30 done_is 47
check "none was refused" eq "$(events job.refused)" "$refused"
worker_stop

# --- a directory as Kubernetes mounts it: one symlink swaps policy and key together
mkdir -p "$T/mount/..1" "$T/mount/..2"
"$STOCKADE" keys generate --kid cron-1 --principal cron --alg hmac-sha256 --out "$T/mount/..1" >/dev/null
"$STOCKADE" keys generate --kid cron-2 --principal cron --alg hmac-sha256 --out "$T/mount/..2" >/dev/null
for n in 1 2; do
	sed "0,/keys = (/s||keys = ( { kid = \"cron-$n\"; alg = \"hmac-sha256\"; secret_file = \"cron-$n.key\"; iat_from = \"2020-01-01T00:00:00Z\"; iat_to = \"2040-01-01T00:00:00Z\"; },|" \
		"$T/first.conf" >"$T/mount/..$n/policy.conf"
done
ln -s ..1 "$T/mount/..data"
ln -s ..data/policy.conf "$T/mount/policy.conf"
cron() { "$STOCKADE" sign --key "$T/mount/..$1/cron-$1.key" --kid "cron-$1" --aud "$AUD" --queue files --class ChecksumFile '["x.txt"]'; }
: >"$T/log"
rcli flushall >/dev/null
worker_start --policy "$T/mount/policy.conf"
push files "$(cron 1)"
check "a mounted policy with a mounted HMAC key" wait_for 10 done_is 1
ln -s ..2 "$T/mount/..new" && mv -T "$T/mount/..new" "$T/mount/..data"
check "the swap of ..data is found" wait_for 10 reloads_are 1
check "with the other digest" eq "$(last_digest)" "$(digest "$T/mount/..2/policy.conf")"
push files "$(cron 2)"
check "the new key's jobs run, behind the worker's own filter" wait_for 10 done_is 2
push files "$(cron 1)"
check "the old key is unknown" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:unknownkey:files) = 1 ]"
rm -rf "$T/mount/..2"
check "a mount that went away is an alarm" wait_for 10 fails 1
push files "$(new)"
check "and the policy before it goes on" wait_for 10 done_is 3
worker_stop
