#!/bin/sh
# What is where it should be and nowhere else: the Redis password, an HMAC key, two classes' secrets
# and another job's arguments, searched for by a hostile handler in a real worker's cage; and what a
# handler that tells its secret leaves behind.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
masked() { # hex of the bytes of $1, each with 0x5a; the search does not find itself
	printf '%s' "$1" | od -An -v -tu1 | tr -s ' \n' ' ' | awk '{ for (i = 1; i <= NF; i++) { v = $i; x = 0; for (b = 1; b < 256; b *= 2) if ((int(v / b) + int(90 / b)) % 2) x += b; printf "%02x", x } }'
}
word() { # 16 letters that nobody has seen before
	od -An -N64 -tu1 /dev/urandom | tr -s ' \n' '\n' | awk 'NF { printf "%c", 97 + $1 % 26 }' | cut -c1-16
}
mkdir -m 700 "$T/work"
redis_word=$(word) alpha=$(word) beta=$(word) other=$(word)
printf '%s' "$redis_word" >"$T/secret/redis"
printf '%s\n' "$alpha" >"$T/secret/alpha"
printf '%s' "$beta" >"$T/secret/beta"
chmod 400 "$T"/secret/*
rcli config set requirepass "$redis_word" >/dev/null
REDISCLI_AUTH=$redis_word
export REDISCLI_AUTH
"$STOCKADE" keys generate --kid h-1 --principal hm --alg hmac-sha256 --out "$T/keys" >/dev/null
hmac=$(sed 's/^hmac-sha256://' "$T/keys/h-1.key" | tr '_-' '/+' | sed 's/$/=/' | base64 -d 2>/dev/null | head -c 16 | od -An -v -tu1 | tr -s ' \n' ' ' | awk '{ for (i = 1; i <= NF; i++) { v = $i; x = 0; for (b = 1; b < 256; b *= 2) if ((int(v / b) + int(90 / b)) % 2) x += b; printf "%02x", x } }')
write_policy ', "Hostile::FindSecret", "Hostile::FindOwnSecret", "Hostile::TellSecret", "Hostile::Skip", "Hostile::ShowHanded", "Hostile::Segv"'
sed -i 's|^principals = (|principals = ( { name = "hm"; keys = ( { kid = "h-1"; alg = "hmac-sha256"; secret_file = "keys/h-1.key"; iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; } ); grants = ( { queues = [ "files" ]; classes = [ "Hostile::Skip" ]; max_body = "1K"; } ); max_runs = 1; max_delay = "1h"; max_window = "8d"; rate = "1/s"; burst = 1; park_max = 10; quarantine_max = 10; },|' "$T/policy.conf"
EXTRA="redis_password_file = \"$T/secret/redis\"; zygote_jobs = 20; work_dir = \"$T/work\";
secrets = { alpha = \"$T/secret/alpha\"; beta = \"$T/secret/beta\"; };
settings = { colour = \"teal\"; };"
write_config
sed -i "s|inputs = \"$T/inputs\";|inputs = \"$T/inputs\"; scratch = \"$T/inputs\";|" "$T/stockade.conf"

find_in() { # find_in CLASS MASKED PLACE: queues one search
	push files "$(sign "$1" "[\"$2\",\"$3\"]")"
}
outcome_of() { grep -a '"event.action":"job.finished"' "$T/log" | tail -n "${1:-1}" | sed 's/.*"event.reason":"\([^"]*\)".*/\1/' | tr '\n' ' ' | sed 's/ $//'; }

check "the HMAC key is at hand to look for" eq "${#hmac}" 32

# --- controls: what a job was given it finds, its own secret included
find_in Hostile::FindOwnSecret "$(masked "$alpha")" memory
worker_drain
check "the worker ends with 0" eq "$RC" 0
check "control: a class finds its own secret" eq "$(outcome_of)" Done
push files "$(sign Hostile::FindSecret "[\"$(masked "$other")\",\"memory\",\"$other\"]" )"
worker_drain
check "control: a job finds its own arguments" eq "$(outcome_of)" Done

# --- nothing else is anywhere
for place in memory fds proc; do
	: >"$T/log"
	find_in Hostile::FindSecret "$(masked "$redis_word")" "$place"
	find_in Hostile::FindSecret "$hmac" "$place"
	find_in Hostile::FindSecret "$(masked "$alpha")" "$place"
	find_in Hostile::FindOwnSecret "$(masked "$beta")" "$place"
	find_in Hostile::FindOwnSecret "$(masked "$redis_word")" "$place"
	# the other job runs first, through the same zygote
	push files "$(sign Hostile::FindSecret "[\"$(masked "$other")\",\"fds\",\"$other\"]")"
	find_in Hostile::FindSecret "$(masked "$other")" "$place"
	worker_drain
	check "$place: neither password, keys, other classes' secrets nor other jobs' arguments" eq "$(outcome_of 7)" "Failed Failed Failed Failed Failed Failed Failed"
done

# --- a handler that tells
: >"$T/log"
rcli del resque:failed >/dev/null
push files "$(sign Hostile::TellSecret '[]')"
push files "$(sign Hostile::TellSecret '["aloud"]')"
worker_drain
check "it ran twice" eq "$(outcome_of 2)" "Done Failed"
check "what it said was logged without the secret" grep -aq '"stockade.text":"logged \*\*\*\*\*\*\*\*\*\*\*\*\*\*\*\*"' "$T/log"
check "and told on" eq "$([ "$(events job.redacted)" -ge 2 ] && echo yes)" yes
check "the secret is nowhere in the log" sh -c "! grep -aq '$alpha' '$T/log'"
check "nor in the failed record" sh -c "redis-cli -s '$REDIS_SOCK' lrange resque:failed 0 -1 | grep -q 'failed with \*\*\*\*' && ! redis-cli -s '$REDIS_SOCK' lrange resque:failed 0 -1 | grep -q '$alpha'"
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::TellSecret '["aloud"]' 2>&1)
check "run-job hands it over too" has "$out" "failed with ****************"
check "and does not show it" hasnt "$out" "$alpha"
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::ShowHanded '["colour"]' 2>&1)
check "a setting is shown: it is none" has "$out" "colour=-/teal"

# --- what stops the start
refused() { # refused "sentence" EXIT NEEDLE
	out=$("$STOCKADE" work --config "$T/bad.conf" 2>&1)
	check "$1: $2" eq $? "$2"
	check "$1 is named" has "$out" "$3"
	check "$1: no secret in the sentence" hasnt "$out" "$alpha"
}
grep -v '^secrets' "$T/stockade.conf" >"$T/bad.conf"
refused "an unmapped secret" 78 "needs a secret 'alpha' that no file is mapped to"
grep -v '^settings' "$T/stockade.conf" >"$T/bad.conf"
refused "a setting without a value" 78 "needs a setting 'colour' that has no value"
sed "s|alpha = \"$T/secret/alpha\"|alpha = \"$T/inputs/alpha\"|" "$T/stockade.conf" >"$T/bad.conf"
cp "$T/secret/alpha" "$T/inputs/alpha"
refused "a secret where jobs may read" 78 "which jobs may read"
rm -f "$T/inputs/alpha"
cp "$T/stockade.conf" "$T/bad.conf"
chmod 444 "$T/secret/alpha"
refused "a secret that everybody may read" 78 "chmod 0400"
chmod 400 "$T/secret/alpha"
sed "s|alpha = \"$T/secret/alpha\"|alpha = \"secret/alpha\"|" "$T/stockade.conf" >"$T/bad.conf"
refused "a relative path" 78 "'alpha' is not mapped to an absolute path"

# --- zygotes are replaced: by age, and after an attack
: >"$T/log"
sed 's/zygote_jobs = 20/zygote_jobs = 2/' "$T/stockade.conf" >"$T/young.conf"
for _ in 1 2 3 4 5; do push files "$(sign Hostile::Skip '[]')"; done
push files "$(sign Hostile::Segv '[]' --runs 1)"
push files "$(sign Hostile::Skip '[]')"
INTERVAL=0 timeout 240 "$STOCKADE" work --config "$T/young.conf" >>"$T/log" 2>&1
check "by age, every second job" sh -c "[ \$(grep -ac '\"event.action\":\"zygote.recycled\".*\"event.reason\":\"age\"' '$T/log') -ge 2 ]"
check "after a crash" grep -aq '"event.action":"zygote.recycled".*"event.reason":"Crash"' "$T/log"
check "and they are counted" grep -aq '"stockade.count.zygotes_recycled":' "$T/log"

# --- all jobs together and the memory there is
: >"$T/log"
sed 's/^zygote_jobs.*//; s/zygote_jobs = 20;/ceiling = { memory = "1000G"; };/' "$T/stockade.conf" >"$T/bad.conf"
refused "more memory than there is" 78 "MEMORY_SUM: 1 x (1024000 MiB for a job of class Hostile::Vast"
echo 'memory_check = "warn";' >>"$T/bad.conf"
INTERVAL=0 timeout 240 "$STOCKADE" work --config "$T/bad.conf" >>"$T/log" 2>&1
check "with memory_check = warn it starts" eq $? 0
check "and says so" logged memory.sum
