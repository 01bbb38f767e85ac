#!/bin/sh
# `stockade quarantine`: refused jobs are listed, shown, put back unchanged or signed again, and dropped; what others
# wrote into the areas is told safely and stops nothing; all of it stands in the audit trail.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir -m 750 "$T/audit"
"$STOCKADE" keys generate --kid ops-1 --principal ops --out "$T/keys" >"$T/ops.stanza" || exit 70
EXTRA="audit_dir = \"$T/audit\";" write_config
Q=resque:stockade:quarantine

# policy SED-EXPRESSION: the usual one with an operator in it, changed
policy() {
	write_policy
	sed -i 's/^principals = (/&\
  { name = "ops"; operator = true;\
    keys = ( { kid = "ops-1"; alg = "ed25519"; public = "'"$(public ops)"'";\
               iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } );\
    grants = ( { queues = [ "files" ]; classes = [ "ChecksumFile" ]; max_body = "64K"; } );\
    max_runs = 3; max_delay = "7d"; max_window = "1d";\
    rate = "10\/s"; burst = 10; park_max = 10; quarantine_max = 10; },/' "$T/policy.conf"
	sed -i "$1" "$T/policy.conf"
}
quarantine() { "$STOCKADE" quarantine "$@" --config "$T/stockade.conf" 2>"$T/err"; }
again() { quarantine readmit "$@" --key "$T/keys/ops-1.key" --kid ops-1; }
drain() { : >"$T/log"; QUEUES=files worker_drain; }
done_jobs() { grep -ac '"event.reason":"Done"' "$T/log"; }
job_id() { grep -a '"job.refused"' "$T/log" | sed -n 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/p' | tail -1; }
trail() { "$STOCKADE" audit show --json --kind "$1" "$T/audit"; }

check "nothing is refused yet" eq "$(quarantine list)" "  entries      bytes   dropped   oldest   newest  area
0 entries in 0 areas"

# --- refused by policy, mended, readmitted unchanged
policy 's/"ChecksumFile", "CsvSummary"/"CsvSummary"/'
one=$(sign ChecksumFile '["x.txt"]')
push files "$one"
drain
id=$(job_id)
AREA=quarantine:files#E_POLICY_DENIED
out=$(quarantine list)
check "its area is listed, with a count" has "$out" "1 entries in 1 areas"
check "by name" has "$out" "$AREA"
check "the same for scripts" has "$(quarantine list --json)" "{\"area\":\"$AREA\",\"wrong_type\":false,\"entries\":1,"
out=$(quarantine list --queue files)
check "its entry is listed" has "$out" "E_POLICY_DENIED   files                web-1"
check "with its id" has "$out" "$id"
out=$(quarantine show --id "$id")
check "shown: what was signed" has "$out" 'arguments  ["x.txt"]'
check "and what it means" has "$out" "reason     E_POLICY_DENIED: the policy grants this principal no such class"
check "its payload can be judged again" has "$(quarantine show --id "$id" --raw | "$STOCKADE" explain --config "$T/stockade.conf" --queue files -)" E_POLICY_DENIED
ulid=$(quarantine show --id "$id" --json | sed 's/.*"id":"\([^"]*\)".*/\1/')
check "the id of a note finds it too" has "$(quarantine show --id "$ulid")" "$id"
out=$(quarantine readmit --id "$id")
check "what is still refused stays: 1" eq "$? $(rcli llen resque:queue:files)" "1 0"
check "with the reason" has "$out" "left       $id  E_POLICY_DENIED"
policy ''
out=$(quarantine readmit --reason E_POLICY_DENIED)
check "with a mended policy it goes back: 0" eq $? 0
check "unchanged" eq "$(rcli lrange resque:queue:files 0 -1)" "$one"
check "and is nowhere else" eq "$(rcli exists "$Q:files#E_POLICY_DENIED" "$Q:files#E_POLICY_DENIED#e") $(rcli hget $Q:#count $AREA:bytes)" "0 0"
check "told" has "$out" "readmitted $id  to files"
check "one log line" grep -q '"event.action":"quarantine.readmitted".*"stockade.count":1,"stockade.left":0' "$T/err"
check "it stands in the trail" has "$(trail readmit)" "\"job\":\"$id\",\"kid\":\"web-1\""
drain
check "and it runs" eq "$(done_jobs)" 1
quarantine readmit --id "$id" >/dev/null
check "what is gone is not found: 66" eq $? 66

# --- expired: signed again by an operator
push files "$(sign ChecksumFile '["x.txt"]' --ttl 1s)"
sleep 2
drain
id=$(job_id)
out=$(quarantine readmit --queue files)
check "an expired job is not readmitted as it is" has "$out" "E_EXPIRED"
quarantine readmit --queue files --key "$T/keys/web-1.key" --kid web-1 >/dev/null
check "nor signed again by who is no operator: 77" eq $? 77
quarantine readmit --queue files --key "$T/keys/web-1.key" --kid ops-1 >/dev/null
check "nor by a key that is not the policy's: 78" eq $? 78
out=$(again --queue files)
check "an operator's key signs it again" eq $? 0
new=$(echo "$out" | sed -n "s/^resigned   $id  to files as //p")
check "under a new id" test "${#new}" = 32
check "that names the old one" has "$(rcli lindex resque:queue:files 0)" ";ref=r.$id\""
check "and no more runs than it had, or the operator may" has "$(rcli lindex resque:queue:files 0)" ";runs=3;"
window() { rcli lindex resque:queue:files 0 | awk -F'[;=]' '{ for (i = 1; i < NF; i++) { if ($i == "nbf") n = $(i + 1); if ($i == "exp") e = $(i + 1) } print e - n }'; }
check "for an hour at least" eq "$(window)" 3600
check "one copy" eq "$(rcli llen resque:queue:files) $(rcli exists "$Q:files#E_EXPIRED")" "1 0"
check "the ledger was asked" sh -c "! grep -q 'there is no ledger' '$T/err'"
check "both ids stand in the trail" has "$(trail readmit)" "\"new_job\":\"$new\",\"new_kid\":\"ops-1\""
drain
check "it runs" eq "$(done_jobs)" 1
push files "$(sign ChecksumFile '["x.txt"]' --ref "r.$id")"
drain
check "nobody else may say ref r." grep -q '"event.reason":"E_POLICY_DENIED"' "$T/log"
quarantine drop --area $AREA --yes >/dev/null

# --- what succeeded once is neither put back nor signed again, wherever a copy turns up
once=$(sign ChecksumFile '["x.txt"]')
push files "$once"
drain
push low "$once"
QUEUES=low worker_drain
out=$(again --queue low 2>&1)
check "a copy of a job that succeeded stays, and is named" has "$out" DONE
check "nothing was put back" eq "$(rcli llen resque:queue:files) $(rcli llen resque:queue:low)" "0 0"
quarantine drop --queue low --yes >/dev/null

# --- long over: only by id, with a warning
push files "$(sign ChecksumFile '["x.txt"]' --ttl 1s)"
sleep 2
drain
id=$(job_id)
clock_set "$T/later" 100000000 # more than a day
later() { clock_of "$T/later"; }
out=$(later && again --queue files)
check "a day after its end it stays, in bulk: 1" eq $? 1
check "by name" has "$out" "TOO_OLD: it ended more than 24 h ago"
out=$(later && again --id "$id" --json)
check "alone it is signed again" has "$out" '"result":"resigned"'
check "with a warning" grep -q "warning: $id ended more than 24 h ago" "$T/err"
check "and a mark in the trail" has "$(trail readmit)" '"late":true'
rcli del resque:queue:files >/dev/null

# --- a revoked key; unauthenticated junk
push files "$(sign ChecksumFile '["x.txt"]')"
push files '{"class":"ChecksumFile","args":["x.txt"]}'
push files "$(sign ChecksumFile '["x.txt"]' | sed 's/x.txt/y.txt/')"
policy 's/iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } );\n    grants = ( { queues = \[ "files", "low"/&/; s/kid = "web-1"; alg/revoked = true; &/'
drain
out=$(again --queue files)
check "junk and a revoked key's job stay in bulk: 1" eq $? 1
check "nobody signs what nobody vouched for" has "$out" "E_UNSIGNED"
check "and a thief's jobs are looked at first" has "$out" "whoever held the revoked key"
check "nothing moved" eq "$(rcli llen resque:queue:files)" 0
out=$(again --area revoked:web-1)
check "named, they are signed again" eq "$? $(rcli llen resque:queue:files)" "0 1"
drain
check "and run" eq "$(done_jobs)" 1
policy ''

# --- drop
quarantine drop --reason E_UNSIGNED >/dev/null
check "drop without --yes is refused: 64" eq $? 64
check "it only counts" grep -q "nothing was dropped: 1 entries fit" "$T/err"
check "and the entry stays" eq "$(quarantine list --json --reason E_UNSIGNED | wc -l)" 1
check "drop counts" eq "$(quarantine drop --reason E_UNSIGNED --yes)" "1 entries dropped, 0 left"
check "the other stays" eq "$(quarantine list --json --queue files | wc -l)" 1
check "by age" eq "$(quarantine drop --older-than 1h --yes; quarantine drop --newer-than 1h --yes)" "0 entries dropped, 0 left
1 entries dropped, 0 left"
check "the trail has each" eq "$(trail drop | grep -c '"kind":"drop"')" 4
check "an area's bytes are counted down" eq "$(rcli hget $Q:#count quarantine:files:bytes)" 0
for words in 'drop --yes' 'readmit' 'show --queue files' 'drop --whole --yes' 'list --yes' 'show --key x --kid y --id z' 'frobnicate' 'drop --area ../x --yes' \
	'list --limit 0' 'readmit --queue files --key x'; do
	# shellcheck disable=SC2086
	quarantine $words >/dev/null
	check "refused with 64: $words" eq $? 64
done

# --- three people at once: each job goes back once, and none is passed over
policy 's/"ChecksumFile", "CsvSummary"/"CsvSummary"/'
i=0
while [ $i -lt 100 ]; do
	push files "$(sign ChecksumFile '["x.txt"]')"
	i=$((i + 1))
done
drain
policy ''
pids=
for i in 1 2 3; do
	"$STOCKADE" quarantine readmit --queue files --config "$T/stockade.conf" >"$T/readmit.$i" 2>/dev/null &
	pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
check "all are back in their queue" eq "$(rcli llen resque:queue:files) $(rcli exists "$Q:files#E_POLICY_DENIED")" "100 0"
check "each was put there by one of them" eq "$(cat "$T"/readmit.? | grep -c '^readmitted')" 100
# a hundred of them opened the principal's breaker; whoever mended the policy lets it go
check "the breaker had opened" eq "$(rcli exists resque:stockade:held:web)" 1
rcli del resque:stockade:held:web resque:stockade:trial:web >/dev/null
drain
check "and runs once" eq "$(done_jobs)" 100

# --- a flood of names hides no area that the policy knows
rcli zadd $Q:files 1 known >/dev/null
rcli hset $Q:files#e known '{}' >/dev/null
rcli rename $Q:#count "$T" >/dev/null
seq 1 3000 | sed "s/.*/HSET $Q:#count quarantine:flood&:bytes 1\nZADD $Q:flood& 1 x/" | rcli >/dev/null
check "it is listed" has "$(quarantine list)" "quarantine:files"
check "and that there are more" grep -q "more areas than the 1024 looked at" "$T/err"
seq 1 3000 | sed "s/.*/DEL $Q:flood&/" | rcli >/dev/null
rcli rename "$T" $Q:#count >/dev/null
quarantine drop --area quarantine:files --yes >/dev/null

# --- what others write there
esc=$(printf '\033[31mred\033]0;title\007')
hostile() { # hostile MEMBER ENTRY
	rcli zadd "$Q:files" "$(date +%s)000" "$1" >/dev/null
	rcli hset "$Q:files#e" "$1" "$2" >/dev/null
}
rcli hset $Q:#count quarantine:files:bytes 100 "$esc:bytes" 1 "quarantine:a b:bytes" 1 "quarantine:low:bytes" "$esc" >/dev/null
rcli set $Q:low oops >/dev/null
hostile "$esc" "{\"v\":1,\"id\":\"$esc\"}"
hostile plain "{\"v\":1,\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"reason\":\"$esc\",\"queue\":\"$esc\",\"at\":\"$esc\",\"bytes\":-1,\"sha256\":\"$esc\",\"kid\":\"$esc\",\"job\":\"$esc\",\"n\":1e99,\"raw_b64\":\"$esc\"}"
hostile deep "$(awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }')"
hostile big "$(awk 'BEGIN { printf "{\"id\":\""; for (i = 0; i < 100000; i++) printf "A"; printf "\"}" }')"
hostile none ''
raw=$(printf '{"class":"%s","args":["\\u001b[31m"]}' "$esc")
b64=$(printf %s "$raw" | base64 -w0)
hostile 01ARZ3NDEKTSV4RRFFQ69G5FAW "{\"v\":1,\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAW\",\"reason\":\"E_OUTER_JSON\",\"queue\":\"files\",\"at\":\"2026-11-23T06:55:05Z\",\"bytes\":${#raw},\"sha256\":\"$(printf %s "$raw" | sha256sum | cut -c1-64)\",\"kid\":null,\"job\":null,\"n\":1,\"raw_b64\":\"$b64\"}"
rcli zadd $Q:files inf "$(head -c 200 /dev/zero | tr '\0' L)" >/dev/null
clean() { ! printf %s "$1" | LC_ALL=C grep -q '[^ -~]' || { printf %s "$1" | cat -v; return 1; }; }
out=$(quarantine list | tr -d '\n')
check "areas are told without a control character" clean "$out"
check "a key of another type is named" grep -q 'quarantine:low has another type' "$T/err"
out=$(quarantine list --area quarantine:files | tr -d '\n')
check "so are entries" clean "$out"
check "all of them" has "$out" "7 entries"
check "also as JSON" clean "$(quarantine list --area quarantine:files --json | tr -d '\n')"
for id in plain deep big 01ARZ3NDEKTSV4RRFFQ69G5FAW; do
	out=$(quarantine show --id $id --area quarantine:files)
	check "$id is shown" eq $? 0
	check "without a control character" clean "$(printf %s "$out" | tr -d '\n')"
done
check "bytes of the payload are escaped" has "$(quarantine show --id 01ARZ3NDEKTSV4RRFFQ69G5FAW)" '\x1b[31mred\x1b]0;title\x07'
quarantine show --id none --area quarantine:files >/dev/null
check "a name without an entry is none: 66" eq $? 66
out=$(again --area quarantine:files)
check "none of them is readmitted" eq "$? $(rcli llen resque:queue:files)" "1 0"
quarantine list --area quarantine:low >/dev/null
check "an area of another type: 69" eq $? 69
check "dropped but for names that are none" eq "$(quarantine drop --area quarantine:files --yes)" "5 entries dropped, 2 left"
check "which --whole takes" eq "$(quarantine drop --area quarantine:files --whole --yes; rcli exists $Q:files $Q:files#e)" "2 entries dropped, 0 left
0"
check "also a key of another type" eq "$(quarantine drop --area quarantine:low --whole --yes; rcli exists $Q:low)" "0 entries dropped, 0 left
0"

# --- many, and a trail that cannot be kept
seq 1 1000 | sed "s/.*/ZADD $Q:files & m&\nHSET $Q:files#e m& {}/" | rcli >/dev/null
check "the list is bounded" has "$(quarantine list --area quarantine:files --limit 70)" "70 entries, and there may be more"
rm -f "$T"/audit/audit-999.lock
chmod 550 "$T/audit"
quarantine drop --area quarantine:files --yes >/dev/null
check "without a trail nothing is done: 71" eq "$? $(rcli zcard $Q:files)" "71 1000"
chmod 750 "$T/audit"
check "with it all go" eq "$(quarantine drop --area quarantine:files --yes) $(rcli exists $Q:files $Q:files#e)" "1000 entries dropped, 0 left 0"
check "the trail is whole" has "$("$STOCKADE" audit verify "$T/audit")" "ok     slot 999"
