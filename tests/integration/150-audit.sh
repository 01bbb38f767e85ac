#!/bin/sh
# The audit trail of a real worker: one line per authenticated decision before the job starts, one sum
# per reason, queue and minute for junk, and no job without its line.
. tests/stage.sh
stage_up
trap 'chmod -f 755 "$T/full"; stage_down' EXIT
mkdir "$T/audit" "$T/a"
printf 'x\n' >"$T/inputs/x.txt"
"$STOCKADE" keys generate --kid audit --principal audit --out "$T/a" >"$T/audit.stanza"
EXTRA="audit_dir = \"$T/audit\"; audit_key_file = \"$T/a/audit.key\"; audit_file_max = \"4K\";"
write_config
AUDIT_KEY=$(public audit)

good=$(sign ChecksumFile '["x.txt"]')
push files "$good"
push low "$good"
for _ in 1 2 3 4 5; do push files '{"class":"Evil","args":[1]}'; done
worker_drain
check "the worker drained" eq "$RC" 0
out=$("$STOCKADE" audit verify --public "$AUDIT_KEY" "$T/audit" 2>&1)
check "the trail is whole and signed" eq $? 0
check "and says so" has "$out" "ok "
show() { "$STOCKADE" audit show --json "$@" "$T/audit"; }
check "the start stands there" has "$(show --kind start)" '"worker":"stage:'
accepted=$(show --verdict ACCEPT)
check "one accepted job, one line" eq "$(printf '%s\n' "$accepted" | wc -l)" 1
check "with its principal" has "$accepted" '"principal":"web"'
check "with its key" has "$accepted" '"kid":"web-1"'
check "with the digest of its arguments" has "$accepted" "\"args_sha256\":\"$(printf '["x.txt"]' | sha256sum | cut -d' ' -f1)\""
check "with the policy's digest" has "$accepted" "\"policy_sha256\":\"$(sha256sum <"$T/policy.conf" | cut -d' ' -f1)\""
check "without the arguments" hasnt "$accepted" "x.txt"
check "its copy in another queue is a decision too" has "$(show --verdict E_QUEUE_MISMATCH)" '"queue":"low"'
check "junk is one sum" has "$(show --kind sum)" '"verdict":"E_UNSIGNED","queue":"files","count":5'
check "the end stands there" has "$(show --kind stop)" '"kind":"stop"'
check "people get a table" has "$("$STOCKADE" audit show "$T/audit")" "ChecksumFile"

# whoever changes a line is found
file=$(find "$T/audit" -name 'audit-0-*' | sort | head -1)
cp "$file" "$T/kept"
sed -i 's/"principal":"web"/"principal":"bob"/' "$file"
out=$("$STOCKADE" audit verify "$T/audit" 2>&1)
check "a changed line breaks the chain: 1" eq $? 1
check "file and line are named" has "$out" "$(basename "$file"), line"
cp "$T/kept" "$file"
check "put back, it is whole" "$STOCKADE" audit verify "$T/audit"

# a policy's key cannot vouch for the trail
sed -i "s|audit_key_file = [^;]*|audit_key_file = \"$T/keys/web-1.key\"|" "$T/stockade.conf"
out=$("$STOCKADE" work --config "$T/stockade.conf" 2>&1)
check "a key of the policy is refused: 78" eq $? 78
check "and why" has "$out" "in the policy"
write_config

# what cannot be written: junk is judged, jobs wait, nothing is lost
mkdir "$T/full"
sed -i "s|audit_dir = [^;]*|audit_dir = \"$T/full\"|" "$T/stockade.conf"
: >"$T/log"
worker_start
wait_for 20 logged worker.started
chmod 555 "$T/full" # the next file cannot be created
for _ in 1 2 3 4 5 6 7 8 9 10; do push files "$(sign ChecksumFile '["x.txt"]')"; done
check "AUDIT_LOST is told" wait_for 20 logged audit.lost
ran=$(events job.finished)
check "and no further job starts" [ "$ran" -lt 10 ]
check "as many started as have their line" eq "$ran" "$("$STOCKADE" audit show --json --verdict ACCEPT "$T/full" | wc -l)"
chmod 755 "$T/full"
all_ran() { [ "$(events job.finished)" -eq 10 ]; }
check "once it can be written all run" wait_for 20 all_ran
check "and the return is told" logged audit.back
chmod 555 "$T/full"
: >"$T/log"
for _ in $(seq 100); do push files '{"class":"Evil","args":[2]}'; done
drained() { [ "$(rcli llen resque:queue:files)" -eq 0 ]; }
check "junk needs no line: it drains" wait_for 20 drained
check "and does not lose the trail" hasnt "$(cat "$T/log")" audit.lost
chmod 755 "$T/full"

# one directory serves one service
sed 's|^host = .*|host = "second";|' "$T/stockade.conf" >"$T/second.conf"
out=$(timeout 20 "$STOCKADE" work --config "$T/second.conf" 2>&1)
check "a second service on the same directory is refused: 78" eq $? 78
check "and why" has "$out" "another worker holds"
worker_stop
check "the trail is whole after it all" "$STOCKADE" audit verify --public "$AUDIT_KEY" "$T/full"
