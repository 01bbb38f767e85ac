#!/bin/sh
# Payload-side attacks: whoever can write a queue, or holds a producer's key, tries his bytes on a real
# worker. Each row: what `explain` says of it, then a real worker meets all of them in one queue; the
# control is the genuine payload that each was made from, which runs.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
GOOD=$(sign ChecksumFile '["x.txt"]')
H=$(printf '%s' "$GOOD" | sed 's/.*"args":\["\([^"]*\)",.*/\1/')
S=$(printf '%s' "$GOOD" | sed 's/.*,"\([A-Za-z0-9_-]*\)"\]}$/\1/')
B64='["x.txt"]'
ARG='[\"x.txt\"]'
: >"$T/verdicts"

explain() { "$STOCKADE" explain --config "$T/stockade.conf" --queue files --json - 2>"$T/err"; }

# attack NAME VERDICT: the payload on standard input
attack() {
	cat >"$T/payload"
	got=$(explain <"$T/payload" | sed -n 's/.*"verdict":"\([A-Z0-9_]*\)".*/\1/p' | head -n 1)
	if [ "$got" = "$2" ]; then
		printf 'ok - payload %-24s %-18s control runs\n' "$1" "$2"
	else
		printf 'not ok - payload %-24s %-18s but: %s\n' "$1" "$2" "$got"
		head -n 3 "$T/err" | sed 's/^/#   /'
	fi
	echo "$2" >>"$T/verdicts" # a file: this may be the end of a pipe, a shell of its own
	rcli -x rpush resque:queue:files <"$T/payload" >/dev/null
}
wrap() { printf '{"class":"%s","args":["%s","%s","%s"]}' "${4:-ChecksumFile}" "$1" "$2" "$3"; } # H B S [CLASS]
many() { awk -v n="$1" -v s="$2" 'BEGIN { for (i = 0; i < n; i++) printf "%s", s }'; }
header() { printf '%s' "$H" | sed "$1"; }

wrap "$H" "$ARG" "$S" | attack control ACCEPT

# --- bytes of anybody
printf '' | attack empty E_OUTER_JSON
many 1000000 '[' | attack million-brackets E_TOO_LARGE
many 130000 '[' | attack brackets-that-fit E_OUTER_SHAPE
{ printf '{"class":"X","args":'; many 60000 '['; } | attack deep-args E_UNSIGNED
{ printf '['; many 349525 '{},'; printf '{}]'; } | attack megabyte-of-objects E_TOO_LARGE
{ printf '{"class":"X","args":['; many 40000 '{},'; printf '{}]}'; } | attack objects-that-fit E_UNSIGNED
{ printf '{"class":"'; many 130000 'A'; printf '","args":[]}'; } | attack long-class E_OUTER_SHAPE
wrap "$H" "$ARG" "$S" 'ChecksumFile","class":"CsvSummary' | attack class-twice E_OUTER_SHAPE
printf '{"class":"ChecksumFile","args":["%s","%s","%s"],"args":["%s","%s","%s"]}' "$H" "$ARG" "$S" "$H" "$ARG" "$S" |
	attack args-twice E_OUTER_SHAPE
printf '{"cl\\u0061ss":"CsvSummary","class":"ChecksumFile","args":["%s","%s","%s"]}' "$H" "$ARG" "$S" |
	attack class-escaped-twice E_OUTER_SHAPE
wrap "$H" "$ARG" "$S" 'Checksum\u0000File' | attack nul-in-class E_CLASS_MISMATCH
wrap "$H" "$ARG" "$S" 'ChecksumFile\u0000' | attack nul-after-class E_CLASS_MISMATCH
wrap "$H" "$ARG" "$S" 'ChecksumFile\ud800' | attack lone-surrogate E_OUTER_JSON
printf '{"class":"Checksum\377File","args":[]}' | attack no-utf8 E_OUTER_JSON
printf '{"class":"A\000B","args":[]}' | attack raw-nul E_OUTER_JSON
printf '%s}' "$GOOD" | attack more-behind E_OUTER_JSON
printf '%s%s' "$GOOD" "$GOOD" | attack two-payloads E_OUTER_JSON
printf '\357\273\277%s' "$GOOD" | attack byte-order-mark E_OUTER_JSON
printf '{"class":"ChecksumFile","args":["x.txt"]}' | attack unsigned E_UNSIGNED
printf '{"class":"ChecksumFile","args":[["%s","%s","%s"]]}' "$H" "$ARG" "$S" | attack token-in-a-list E_UNSIGNED
printf '{"class":"ChecksumFile","args":["%s","%s","%s","%s","%s","%s"]}' "$H" "$ARG" "$S" "$H" "$ARG" "$S" |
	attack two-tokens E_UNSIGNED
printf '{"class":"ChecksumFile","args":["x.txt","%s","%s","%s"]}' "$H" "$ARG" "$S" | attack token-behind E_UNSIGNED
printf '{"class":"ChecksumFile","args":{"0":"%s","1":"%s","2":"%s"}}' "$H" "$ARG" "$S" | attack args-an-object E_OUTER_SHAPE

# --- a genuine header, changed
wrap "$(header 's/^stk1/stk2/')" "$ARG" "$S" | attack next-version E_VERSION
wrap "$(header 's/^stk1/STK1/')" "$ARG" "$S" | attack other-case E_UNSIGNED
wrap "$(header 's/$/;x=1/')" "$ARG" "$S" | attack one-field-more E_HEADER
wrap "$(header 's/;runs=[0-9]*//')" "$ARG" "$S" | attack one-field-less E_HEADER
wrap "$(header 's/;q=files/;q=files;q=files/')" "$ARG" "$S" | attack field-twice E_HEADER
wrap "$(header 's/;runs=/;runs=0/')" "$ARG" "$S" | attack leading-zero E_HEADER
wrap "$(header 's/;runs=[0-9]*/;runs=99999999999999999999/')" "$ARG" "$S" | attack number-too-long E_HEADER
wrap "$(header 's/;iat=/;iat=-/')" "$ARG" "$S" | attack negative-time E_HEADER
wrap "$(header 's/$/\\n/')" "$ARG" "$S" | attack newline-behind E_HEADER
wrap "$(header 's/;q=files/;q=low/')" "$ARG" "$S" | attack moved-queue E_SIGNATURE
wrap "$(header 's/;exp=[0-9]*/;exp=1999999999/')" "$ARG" "$S" | attack longer-life E_SIGNATURE
wrap "$(header 's/;runs=[0-9]*/;runs=9/')" "$ARG" "$S" | attack more-runs E_SIGNATURE
wrap "$(header 's/;cls=ChecksumFile/;cls=CsvSummary/')" "$ARG" "$S" CsvSummary | attack other-class E_SIGNATURE
wrap "$(header 's/;kid=web-1/;kid=web-9/')" "$ARG" "$S" | attack unknown-key E_KEY_UNKNOWN
wrap "$(header 's/;kid=web-1/;kid=other-1/')" "$ARG" "$S" | attack anothers-key E_SIGNATURE

# --- a genuine body and signature, changed
wrap "$H" '[\"y.txt\"]' "$S" | attack other-argument E_SIGNATURE
wrap "$H" '[\"x.txt\"] ' "$S" | attack body-longer E_BODY
wrap "$H" '[\"x.txt\"' "$S" | attack body-shorter E_BODY
wrap "$H" '[\"x.txt\",\"y\"]' "$S" | attack one-argument-more E_SIGNATURE
wrap "$H" '{}' "$S" | attack body-no-array E_BODY
case $S in A*) flipped=B${S#?} ;; *) flipped=A${S#?} ;; esac
wrap "$H" "$ARG" "$flipped" | attack flipped-bit E_SIGNATURE
wrap "$H" "$ARG" "${S%?}_" | attack base64-not-canonical E_SIG_FORMAT
wrap "$H" "$ARG" "$S=" | attack base64-padded E_SIG_FORMAT
wrap "$H" "$ARG" "${S%?}" | attack signature-short E_SIG_FORMAT
wrap "$H" "$ARG" "${S}AA" | attack signature-long E_SIG_FORMAT
wrap "$H" "$ARG" "$(printf '%s' "$S" | tr '_-' '/+' | sed 's/^./+/')" | attack base64-other-alphabet E_SIG_FORMAT
wrap "$H" "$ARG" "$(many 86 A)" | attack signature-of-zeros E_SIGNATURE
wrap "$H" "$ARG" "$(sign ChecksumFile '["x.txt"]' | sed 's/.*,"\([A-Za-z0-9_-]*\)"\]}$/\1/')" | attack signature-of-another E_SIGNATURE

# --- the outer class is not the signed one
wrap "$H" "$ARG" "$S" checksumfile | attack class-other-case E_CLASS_MISMATCH
wrap "$H" "$ARG" "$S" 'ChecksumFile ' | attack class-and-blank E_CLASS_MISMATCH
wrap "$H" "$ARG" "$S" '\u0421hecksumFile' | attack class-look-alike E_CLASS_MISMATCH
wrap "$H" "$ARG" "$S" 'Checksum\u200bFile' | attack class-with-nothing-in-it E_CLASS_MISMATCH
wrap "$H" "$ARG" "$S" CsvSummary | attack class-exchanged E_CLASS_MISMATCH

# --- a holder of the key, beyond what it is for
sign2() { "$STOCKADE" sign --key "$T/keys/web-1.key" --kid web-1 --class "$@"; }
sign2 ChecksumFile --aud "$AUD" --queue low "$B64" | attack for-another-queue E_QUEUE_MISMATCH
sign2 ChecksumFile --aud other/house --queue files "$B64" | attack for-another-house E_AUDIENCE
sign2 Forbidden --aud "$AUD" --queue files "$B64" | attack class-not-granted E_POLICY_DENIED
sign2 NotCompiledIn --aud "$AUD" --queue files "$B64" | attack class-not-compiled-in E_CLASS_UNKNOWN
sign ChecksumFile "$B64" --runs 11 | attack too-many-runs E_POLICY_RUNS
"$STOCKADE" sign --key "$T/keys/other-1.key" --kid other-1 --aud "$AUD" --queue files --class ChecksumFile "$B64" |
	attack anothers-queue E_POLICY_DENIED

# --- signed, hostile arguments: found behind the wall
arguments() { # arguments NAME ARGS VERDICT
	sign ChecksumFile "$2" --runs 1 | attack "$1" "$3"
}
arguments arguments-with-doubles '[{"a":1,"a":2}]' E_ARGS_JSON
arguments number-for-a-name '[42]' E_SCHEMA
arguments one-too-many '["x.txt","y.txt"]' E_SCHEMA
arguments none-at-all '[]' E_SCHEMA

# --- what `sign` would not sign, but another's tool might: given to the cage as it is
cage() { # cage NAME OUTCOME ARGS
	out=$(printf '%s' "$3" | "$STOCKADE" run-job --config "$T/stockade.conf" ChecksumFile - 2>&1)
	check "arguments $1: $2" has "$out" "outcome   $2"
}
cage as-they-should-be Done "$B64"
cage deep E_ARGS_JSON "$(many 3000 '[')$(many 3000 ']')"
cage unfinished E_ARGS_JSON "$(many 60000 '[')"
cage lone-surrogate E_ARGS_JSON '["\ud800"]'
cage nul-in-a-name E_ARGS_JSON '["x\u0000.txt"]'
cage no-number E_ARGS_JSON '[NaN]'
cage number-too-large E_ARGS_JSON '[1e999]'
cage two-values E_ARGS_JSON '[] []'
cage climbing-name Failed '["../../../../etc/passwd"]'

# --- a real worker, all of it in one queue, and one very large element on top (512 MiB, the largest that
# Redis takes, costs it ten seconds: STOCKADE_BIG_MIB=512)
mib=${STOCKADE_BIG_MIB:-64}
rcli setrange big $((mib * 1048576 - 1)) x >/dev/null
rcli eval "return redis.call('rpush', KEYS[1], redis.call('get', KEYS[2]))" 2 resque:queue:files big >/dev/null
check "an element of $mib MiB lies in the queue" eq "$(rcli llen resque:queue:files)" $(($(wc -l <"$T/verdicts") + 1))
push files "$(sign ChecksumFile '["x.txt"]')"
worker_drain
check "the worker that met them all ends as it should" eq "$RC" 0
check "the queue is empty" eq "$(rcli llen resque:queue:files)" 0
check "the two genuine jobs ran, and nothing else" eq "$(grep -ac '"event.reason":"Done"' "$T/log")" 2
check "nothing is in flight" eq "$(rcli keys 'resque:stockade:in:*')" ""
check "the large element was refused by its size" grep -aq '"event.reason":"E_TOO_LARGE"' "$T/log"
echo "# $(grep -vc ACCEPT "$T/verdicts") payloads refused by name, $(grep -c ACCEPT "$T/verdicts") run as the control"
