#!/bin/sh
# A worker that verifies by HMAC holds the key itself, and could sign with it. Hostile handlers of that
# worker search their whole memory, /proc and their descriptors for it, as bytes and as its file spells it.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
write_policy ', "Hostile::FindSecret"'
write_config
sed -i "s|inputs = \"$T/inputs\";|inputs = \"$T/inputs\"; scratch = \"$T/inputs\";|" "$T/stockade.conf"
"$STOCKADE" keys generate --kid h-1 --principal hm --alg hmac-sha256 --out "$T/keys" >/dev/null
sed -i 's/^principals = (/principals = ( { name = "hm"; keys = ( { kid = "h-1"; alg = "hmac-sha256"; secret_file = "keys\/h-1.key"; iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } ); grants = ( { queues = [ "files" ]; classes = [ "Hostile::FindSecret" ]; max_body = "1K"; } ); max_runs = 5; max_delay = "1h"; max_window = "8d"; rate = "50\/s"; burst = 50; park_max = 10; quarantine_max = 10; },/' "$T/policy.conf"
text=$(cut -d: -f2 "$T/keys/h-1.key" | tr -d '\n')
masked() { # of standard input's first sixteen bytes, so that the search does not find itself
	for byte in $(head -c 16 | od -An -v -tu1); do printf '%02x' $((byte ^ 90)); done
}
raw=$(printf '%s=' "$text" | tr '_-' '/+' | base64 -d 2>/dev/null | masked)
spelt=$(printf '%s' "$text" | masked)
check "there is a key to look for" eq "${#raw} ${#spelt}" "32 32"
search() { # search WHAT WHERE: signed by that very key, so the worker has it
	"$STOCKADE" sign --key "$T/keys/h-1.key" --kid h-1 --aud "$AUD" --queue files --class Hostile::FindSecret --runs 1 "[\"$1\",\"$2\"]"
}
for where in memory proc fds; do
	push files "$(search "$raw" $where)"
	push files "$(search "$spelt" $where)"
done
# control: the search is not blind, a third argument it finds in its own arguments
own=$(printf 'canary-canary-16' | masked)
push files "$("$STOCKADE" sign --key "$T/keys/h-1.key" --kid h-1 --aud "$AUD" --queue files --class Hostile::FindSecret --runs 1 "[\"$own\",\"memory\",\"canary-canary-16\"]")"
worker_drain
check "the worker ends with 0" eq "$RC" 0
check "all were admitted by that key" eq "$(grep -a job.admitted "$T/log" | grep -ac '"stockade.kid":"h-1"')" 7
check "control: what is there is found" eq "$(grep -a job.finished "$T/log" | grep -ac '"event.reason":"Done"')" 1
check "the key is found nowhere" eq "$(grep -a job.finished "$T/log" | grep -ac '"event.reason":"Failed"')" 6
check "each search looked" eq "$(rcli lrange resque:failed 0 -1 | grep -c 'the secret is in none of')" 6
finish
