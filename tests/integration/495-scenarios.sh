#!/bin/sh
# Four ways in which jobs get into a queue that nobody meant to let in, each as far as a worker can stop it, and each
# with its control: a queue of the same worker with `signatures = "off"`, where the same job does what plain Resque
# would have done with it.
#   1  the enqueue API asks for no authentication: anybody pushes heavy jobs
#   2  it asks weakly, and not for what: a guessed or stolen key signs what it may not
#   3  its parameters name the class, its arguments are not looked at: both are tampered with
#   4  a user's browser is made to call it: genuine jobs that nobody wanted
. tests/stage.sh
CAGE=$PWD/$B/test/hostile-cage
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit" "$T/scratch"
rows_csv long.csv 1000000
for who in gateway stranger; do
	"$STOCKADE" keys generate --kid $who-1 --principal $who --out "$T/keys" >"$T/$who.stanza" || exit 70
done
# the gateway may enqueue one class; a user of it at most three an hour
sed -i '$d' "$T/policy.conf"
cat >>"$T/policy.conf" <<EOF
    rate = "1/s"; burst = 1; park_max = 10; quarantine_max = 10; },
  { name = "gateway";
    keys = ( { kid = "gateway-1"; alg = "ed25519"; public = "$(public gateway)";
               iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } );
    grants = ( { queues = [ "files" ]; classes = [ "ChecksumFile" ]; max_body = "1K"; } );
    max_runs = 1; max_delay = "1h"; max_window = "8d";
    rate = "3/h"; burst = 3; park_max = 100; quarantine_max = 100; } );
EOF
EXTRA="audit_dir = \"$T/audit\"; term_timeout = \"1s\"; directories = { inputs = \"$T/inputs\"; scratch = \"$T/scratch\"; };
queue_rules = ( { queues = [ \"plain\" ]; signatures = \"off\"; classes = [ \"ChecksumFile\", \"CsvSummary\", \"Hostile::RunShell\" ]; } );"
write_config
sed -i "0,/^directories/{/^directories/d}; s/\"files\", \"low\" \]/\"files\", \"low\", \"plain\" ]/" "$T/stockade.conf"
by() { # by KEY CLASS ARGS [options...]
	key=$1 class=$2 args=$3
	shift 3
	"$STOCKADE" sign --key "$T/keys/$key.key" --kid "$key" --aud "$AUD" --queue files --class "$class" --runs 1 --ttl 1h "$@" "$args"
}
of() { grep -a "\"event.action\":\"$1\"" "$T/log" | grep -a "\"stockade.queue\":\"$2\"" | grep -ac "${3:-.}"; } # of ACTION QUEUE [WORDS]
of_is() { [ "$(of "$1" "$2" "$3")" = "$4" ]; }
area() { rcli zcard "resque:stockade:quarantine:files$1"; }
plain_empty() { [ "$(rcli llen resque:queue:plain)" = 0 ]; }
worker_start
wait_for 20 logged worker.started

# --- 1: no authentication
heavy='{"class":"CsvSummary","args":["long.csv"]}'
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do push files "$heavy"; done
push files "$(sign ChecksumFile '["x.txt"]')"
check "1: a real job behind twenty heavy ones runs" wait_for 20 of_is job.finished files '"event.reason":"Done"' 1
check "1: not one of them was started" of_is job.started files '"stockade.class":"CsvSummary"' 0
check "1: each is E_UNSIGNED, kept as a sample" eq "$(area '')" 20
for _ in 1 2 3; do push plain "$heavy"; done
check "1, control: without signatures each of them runs, whoever pushed it" wait_for 40 of_is job.finished plain '"event.reason":"Done"' 3

# --- 2: weak authentication, no authorization
push files "$(by gateway-1 Hostile::RunShell '[]')"
check "2: a class that the key is not granted is E_POLICY_DENIED" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard 'resque:stockade:quarantine:files#E_POLICY_DENIED')\" = 1 ]"
push files "$(by gateway-1 ChecksumFile '["x.txt"]' --queue low)"
check "2: and another queue's job is E_QUEUE_MISMATCH here" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard 'resque:stockade:quarantine:files#E_QUEUE_MISMATCH')\" = 1 ]"
push files "$(by stranger-1 ChecksumFile '["x.txt"]')"
check "2: a key that nobody vouched for is E_KEY_UNKNOWN" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:unknownkey:files)\" = 1 ]"
push files "$("$STOCKADE" sign --key "$T/keys/stranger-1.key" --kid gateway-1 --aud "$AUD" --queue files --class ChecksumFile '["x.txt"]')"
check "2: and under the gateway's name E_SIGNATURE" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:quarantine:files)\" = 21 ]"
check "2: none of the four was started" of_is job.started files . 1
push plain '{"class":"Hostile::RunShell","args":[]}'
check "2, control: without signatures the shell handler is started" wait_for 10 of_is job.started plain '"stockade.class":"Hostile::RunShell"' 1
check "2, control: only the cage is left to stop it" wait_for 10 of_is job.finished plain '"event.reason":"SyscallDenied"' 1

# --- 3: tampered parameters, unchecked arguments
wanted=$(by gateway-1 ChecksumFile '["x.txt"]')
push files "$(echo "$wanted" | sed 's/"class":"ChecksumFile"/"class":"Hostile::RunShell"/')"
check "3: another class outside is E_CLASS_MISMATCH" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard 'resque:stockade:quarantine:files#E_CLASS_MISMATCH')\" = 1 ]"
push files "$(echo "$wanted" | sed 's/cls=ChecksumFile/cls=Hostile::RunShell/; s/"class":"ChecksumFile"/"class":"Hostile::RunShell"/')"
push files "$(echo "$wanted" | sed 's/x\.txt/y.txt/')"
check "3: inside too, or another argument, is E_SIGNATURE" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:quarantine:files)\" = 23 ]"
check "3: nothing of it was started" of_is job.started files . 1
# what the API signs although it should have looked: arguments are judged behind the wall, and reach no handler
push files "$(sign ChecksumFile '["x.txt","; rm -rf /"]')"
push files "$(sign ChecksumFile '[{"$gt":""}]')"
check "3: arguments that the schema does not know are E_SCHEMA" wait_for 10 of_is job.finished files '"event.reason":"E_SCHEMA"' 2
push files "$(sign ChecksumFile '["../../../../../etc/passwd"]')"
check "3: a path out of the directory opens nothing" wait_for 10 of_is job.finished files '"event.reason":"Failed"' 1
push plain '{"class":"Hostile::RunShell","args":["x.txt"]}'
check "3, control: without signatures the class that a parameter names is the class that is started" wait_for 10 of_is job.started plain '"stockade.class":"Hostile::RunShell"' 2

# --- 4: a user's browser is made to call
before=$(of job.finished files '"event.reason":"Done"')
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do push files "$(by gateway-1 ChecksumFile '["x.txt"]' --ref o.session-7)"; done
forged=$(by gateway-1 ChecksumFile '["x.txt"]' --ref o.session-7)
check "4: as many run as the gateway's rate grants" wait_for 20 of_is job.finished files '"event.reason":"Done"' $((before + 3))
check "4: the rest waits, parked" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:parkedby:gateway)\" = 9 ]"
push files "$(sign ChecksumFile '["x.txt"]')"
check "4: others are not held up" wait_for 10 of_is job.finished files '"event.reason":"Done"' $((before + 4))
check "4: the trail says whose session each one came from" eq "$(cat "$T"/audit/*.jsonl | grep -a '"verdict":"ACCEPT"' | grep -ac 'o\.session-7')" 3
sed -i '/kid = "gateway-1"/,/iat_to/s/iat_to = "2040-01-01T00:00:00Z";/& revoked = true;/' "$T/policy.conf"
kill -HUP "$WORKER"
check "4: the key is revoked" wait_for 10 logged policy.reloaded
push files "$forged"
check "4: what it signed runs no more, and is kept" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:revoked:gateway-1)\" = 1 ]"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do push plain '{"class":"ChecksumFile","args":["x.txt"]}'; done
check "4, control: without signatures all twelve run, and nobody knows whose they were" wait_for 20 of_is job.finished plain '"event.reason":"Done".*"stockade.class":"ChecksumFile"' 12
worker_stop
"$STOCKADE" audit verify "$T/audit" >/dev/null
check "the trail verifies" eq $? 0
