#!/bin/sh
# The command line: help everywhere, keys, sign, explain, enqueue, classes, run-job and their exit codes.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
rc() { "$@" >"$T/out" 2>"$T/err" && echo 0 || echo $?; }

check "--version says which" has "$("$STOCKADE" --version)" "stockade 0."
check "no command: usage, 64" eq "$(rc "$STOCKADE")" 64
check "an unknown command: 64" eq "$(rc "$STOCKADE" frobnicate)" 64
for c in work run-job classes policy explain keys sign enqueue; do
	check "$c --help ends with 0" eq "$(rc "$STOCKADE" $c --help)" 0
	check "$c --help shows its usage" has "$(cat "$T/out")" "usage: stockade $c"
	check "$c with an unknown flag: 64" eq "$(rc "$STOCKADE" $c --no-such-flag)" 64
done

check "keys generate makes a private file" eq "$(stat -c %a "$T/keys/web-1.key")" 400
check "keys generate never overwrites" sh -c "! '$STOCKADE' keys generate --kid web-1 --principal web --out '$T/keys' 2>/dev/null"
check "keys generate makes HMAC keys too" eq "$(rc "$STOCKADE" keys generate --kid h-1 --principal web --alg hmac-sha256 --out "$T/keys")" 0

payload=$(sign ChecksumFile '["x.txt"]')
explain() { printf '%s' "$1" | "$STOCKADE" explain --policy "$T/policy.conf" --cage "$CAGE" --queue "${2:-files}" ${3:-} -; }
check "explain: a good job would run: 0" eq "$(rc explain "$payload")" 0
check "explain: in the wrong queue it would not: 1" eq "$(rc explain "$payload" low)" 1
check "explain names the gate" has "$(explain "$payload" low)" E_QUEUE_MISMATCH
check "and what the header claims, to compare" has "$(explain "$payload" low)" "audience $AUD, queue files, class ChecksumFile"
check "explain: not yet due: 2" eq "$(rc explain "$(sign ChecksumFile '["x.txt"]' --not-before "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)")")" 2
check "explain --json is for scripts" has "$(explain "$payload" files --json)" '"verdict":"ACCEPT"'
check "explain never prints a signature" hasnt "$(explain "$payload" files --json)" "$(echo "$payload" | sed 's/.*,"\([A-Za-z0-9_-]*\)"\]}$/\1/')"
check "a terminal escape in a payload stays harmless" sh -c "! printf '{\"class\":\"\\033[31mX\",\"args\":[]}' | '$STOCKADE' explain --policy '$T/policy.conf' --cage '$CAGE' --queue files - | grep -q \"\$(printf '\\033')\""

check "sign refuses what is no JSON array" sh -c "! '$STOCKADE' sign --key '$T/keys/web-1.key' --kid web-1 --aud $AUD --queue files --class ChecksumFile '{}' 2>/dev/null"
check "enqueue signs and pushes" eq "$(rc "$STOCKADE" enqueue --redis "unix://$REDIS_SOCK" --key "$T/keys/web-1.key" --kid web-1 --aud $AUD --queue files --class ChecksumFile '["x.txt"]')" 0
check "as Resque does: the queue is known" eq "$(rcli smembers resque:queues)" files
check "and holds the job" eq "$(rcli llen resque:queue:files)" 1
check "what enqueue pushed would run" eq "$(rc explain "$(rcli lindex resque:queue:files 0)")" 0

check "classes lists the whitelist" has "$("$STOCKADE" classes --cage "$CAGE")" ChecksumFile
check "classes --json has digests" has "$("$STOCKADE" classes --cage "$CAGE" --json)" '"registry_sha256":"'
check "and what a class may read, and how it is retried" has "$("$STOCKADE" classes --cage "$CAGE" --json)" '"retry":"exponential","retry_base_ms":5000,"keep_result_s":0,"idempotent":true,"grants":["inputs"],"reads":["inputs"],"writes":[]'
check "a class without a grant is pure" has "$("$STOCKADE" classes --cage "$B/test/hostile-cage" --json)" '"class":"Hostile::Abort","profiles":["pure"]'
check "a directory to write is marked" has "$("$STOCKADE" classes --cage "$B/test/hostile-cage" | grep WriteScratchOnly)" 'inputs,scratch(write)'
policy() { "$STOCKADE" policy syscalls --config "$T/stockade.conf" "$@"; }
check "policy syscalls prints what a class may do" has "$(policy ChecksumFile)" "pread64"
check "with the conditions on arguments" has "$(policy ChecksumFile)" "openat             WITHOUT(2, STK_O_CHANGES)"
check "with what is answered instead" has "$(policy ChecksumFile)" "clone3             ENOSYS"
check "with the directories of its grants" has "$(policy ChecksumFile)" "$T/inputs: read_file read_dir"
check "and not what other profiles may" hasnt "$(policy ChecksumFile)" "clone  "
check "policy syscalls --json has the numbers" has "$(policy --json ChecksumFile)" '"clone3":{"nr":435,"errno":"ENOSYS"}'
check "and the conditions as masks" has "$(policy --json ChecksumFile)" '{"arg":2,"mask":"0xfffffffffffffffc","equals":"0"}'
# a net class, one with a directory of its own, and one that is handed something
syscalls() { "$STOCKADE" policy syscalls --config "$T/stockade.conf" --cage "$PWD/$B/test/$1" $3 "$2"; }
if [ -x "$B/test/net-cage" ]; then
	check "policy syscalls: where a class is connected to" has "$(syscalls net-cage Net::Names "")" "network, by its broker alone: listed.example:*, *.beneath.example:*, 10.0.0.0/8:*"
	check "in JSON, too" has "$(syscalls net-cage Net::Names --json)" '"connect":["listed.example:*","*.beneath.example:*","10.0.0.0/8:*"]'
fi
check "policy syscalls: a directory of its own, though nobody granted one" has "$(syscalls hostile-cage Hostile::WorkLook "")" "work directory     one of its own beneath work_dir (not set): write_file read_file"
check "in JSON, too" has "$(syscalls hostile-cage Hostile::WorkLook --json)" '"work_directory":["write_file"'
check "policy syscalls: what a class is handed" has "$(syscalls hostile-cage Hostile::ShowHanded "")" "secrets: alpha, beta
settings: colour"
check "control: one without has no such lines" hasnt "$(policy ChecksumFile)" "secrets:"
# columns as wide as what stands in them
wide=$("$STOCKADE" classes --cage "$B/test/hostile-cage" | sed '$d' | awk '{ print index($0, $NF) }' | sort -u | wc -l | tr -d ' ')
check "classes: the last column begins at one place in all lines" eq "$wide" 1
check "policy syscalls: no such class is 64" eq "$(rc policy NoSuchClass)" 64
check "policy without an action is 64" eq "$(rc "$STOCKADE" policy)" 64
run() { rc "$STOCKADE" run-job --config "$T/stockade.conf" "$@"; }
check "run-job: done is 0" eq "$(run ChecksumFile '["x.txt"]')" 0
check "run-job: failed is 1" eq "$(run ChecksumFile '["none.txt"]')" 1
check "run-job: refused arguments are 2" eq "$(run ChecksumFile '[1]')" 2
check "run-job: bad JSON is 2" eq "$(run ChecksumFile '["x')" 2
check "run-job: E_ARGS_JSON by name" has "$(cat "$T/out")" E_ARGS_JSON
check "run-job: no such class is 64" eq "$(run NoSuchClass '[]')" 64
check "run-job reads arguments from -" sh -c "echo '[\"x.txt\"]' | '$STOCKADE' run-job --config '$T/stockade.conf' ChecksumFile -"
