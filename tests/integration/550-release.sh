#!/bin/sh
# Jobs that travel signed among another one's arguments: pushed with its success, once, and only what a
# producer signed for this; what is refused fails the job by name. A worker that dies in between loses none.
. tests/stage.sh
stage_up
trap stage_down EXIT
CAGE=$PWD/$B/test/hostile-cage
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit"
write_policy ', "Hostile::Release", "Hostile::ReleaseNone", "Hostile::Skip"'
EXTRA="audit_dir = \"$T/audit\";"
write_config
text() { sed 's/\\/\\\\/g; s/"/\\"/g'; } # a payload as a JSON string's text
args() { # args PAYLOAD...: ["payload", ...]
	out=
	for p in "$@"; do out="$out${out:+,}\"$(printf '%s' "$p" | text)\""; done
	printf '[%s]' "$out"
}
reasons() { grep -a '"event.action":"job.finished"' "$T/log" | sed 's/.*"stockade.class":"\([^"]*\)".*/\1/' | sort | tr '\n' ' '; }
last() { grep -a '"event.action":"job.finished".*"stockade.class":"Hostile::Release' "$T/log" | tail -1 | sed 's/.*"event.reason":"\([^"]*\)".*/\1/'; }
refusal() { grep -a '"event.action":"job.release_refused"' "$T/log" | tail -1 | sed 's/.*"event.reason":"\([^"]*\)".*/\1/'; }
fresh() {
	: >"$T/log"
	rcli del resque:failed resque:queue:files resque:queue:low resque:stockade:parked:files resque:stockade:parcel:files >/dev/null
}
follow=$(sign ChecksumFile '["x.txt"]')
tail=$(sign Hostile::Skip '[]')
expired=$(sign ChecksumFile '["x.txt"]' --ttl 1s)
over=$(($(date +%s) + 2))

push files "$(sign Hostile::Release "$(args "$follow" "$tail")")"
worker_drain
check "both follow, and run" eq "$(reasons)" "ChecksumFile Hostile::Release Hostile::Skip "
check "told with their ids" eq "$(events job.released)" 2
check "counted" has "$(grep -a worker.stopped "$T/log" | tail -1)" '"stockade.count.released":2'
check "nothing is left behind" eq "$(rcli keys 'resque:stockade:outbox:*')" ""
out=$("$STOCKADE" audit show --kind release "$T/audit")
check "the trail names what was released by whom" has "$out" "RELEASED"
check "the trail is whole" sh -c "'$STOCKADE' audit verify '$T/audit' >/dev/null"

# --- a job that did not succeed releases nothing
fresh
follow=$(sign ChecksumFile '["x.txt"]')
push files "$(sign Hostile::Release "$(args fail "$follow")")"
worker_drain
check "a failure releases nothing" eq "$(last) $(events job.released) $(rcli keys 'resque:stockade:outbox:*')" "Failed 0 "

# --- what may not be released
refused() { # refused "sentence" NAME ARGS
	fresh
	push files "$(sign Hostile::Release "$3")"
	worker_drain
	check "$1: the job fails" eq "$(last) $(events job.released)" "ReleaseRefused 0"
	check "$1: by the name $2" eq "$(refusal)" "$2"
	check "$1: nothing follows, the record says why" has "$(rcli lindex resque:failed 0)" "\"exception\":\"Stockade::ReleaseRefused\",\"error\":\"$2: "
	check "$1: nothing was pushed" eq "$(reasons)$(rcli llen resque:queue:files)" "Hostile::Release 0"
}
refused "a payload with one argument changed" E_SIGNATURE "$(args "$(printf '%s' "$follow" | sed 's/x\.txt/y.txt/')")"
refused "an unsigned one" E_UNSIGNED "$(args '{"class":"ChecksumFile","args":["x.txt"]}')"
while [ "$(date +%s)" -lt "$over" ]; do sleep 0.2; done
refused "one whose time is over" E_EXPIRED "$(args "$expired")"
refused "one of a class that its principal may not enqueue" E_POLICY_DENIED "$(args "$(sign Hostile::Segv '[]')")"
refused "one of a key that nobody knows" E_KEY_UNKNOWN "$(args "$(printf '%s' "$follow" | sed 's/kid=web-1/kid=web-9/')")"
refused "what is no payload" E_OUTER_JSON "$(args '{nonsense')"
refused "a good one and a bad one: neither" E_SIGNATURE "$(args "$follow" "$(printf '%s' "$tail" | sed 's/;jti=./;jti=_/')")"
rcli set resque:queue:other x >/dev/null
other=$("$STOCKADE" sign --key "$T/keys/other-1.key" --kid other-1 --aud "$AUD" --queue other --class ChecksumFile --ttl 1h --runs 1 '["x.txt"]')
refused "one for a queue that cannot be pushed to" RELEASE_QUEUE "$(args "$other")"
rcli del resque:queue:other >/dev/null
fresh
push files "$(sign Hostile::Release "$(args "$other")")"
worker_drain
check "one for a queue that this worker does not serve waits there" eq "$(last) $(rcli llen resque:queue:other)" "Done 1"

# a genuine job that somebody else's handler had seen: captured, and not among these arguments. The
# handler is given it in another spelling, which its JSON decoder turns into the captured payload. The
# last character is escaped: a digit in front would leave the text whole ("\u0031" ends with its own "1")
fresh
captured=$(sign ChecksumFile '["x.txt"]')
signature=$(printf '%s' "$captured" | sed 's/.*,"\([^"]*\)"\]}$/\1/')
last=$(printf '%s' "$signature" | tail -c 1)
hidden=$(args "$captured" | sed "s|$signature|${signature%?}\\\\u00$(printf '%x' "'$last")|")
check "the signature is nowhere in the arguments' text" hasnt "$hidden" "$signature"
refused "a captured job that does not stand among the arguments" RELEASE_FOREIGN "$hidden"

# --- hostile handlers
fresh
outcome() { "$STOCKADE" run-job --config "$T/stockade.conf" "$@" 2>&1 | sed -n 's/^outcome *//p'; }
check "a class without the word may release nothing" has "$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::ReleaseNone '["{}"]')" "Operation not permitted"
check "nor past job.h" eq "$(outcome Hostile::ReleaseNone '["forged"]')" ReportMalformed
check "more than the class may" eq "$(outcome Hostile::Release '["too many"]')" ReportFlood
check "longer than all arguments" eq "$(outcome Hostile::Release '["too long"]')" ReportFlood
check "empty" eq "$(outcome Hostile::Release '["empty"]')" ReportMalformed
check "the word says what is wrong" has "$("$STOCKADE" run-job --config "$T/stockade.conf" Hostile::Release '["words"]')" "EINVAL, E2BIG, EDQUOT"

# --- a worker that dies between the ledger's word and the settlement: a copy that comes again releases
fresh
follow=$(sign ChecksumFile '["x.txt"]')
parent=$(sign Hostile::Release "$(args "$follow")")
push files "$parent"
worker_drain
id=$(grep -a '"event.action":"job.released"' "$T/log" | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/')
: >"$T/log"
left=$(sign Hostile::Skip '[]')
rcli rpush "resque:stockade:outbox:$id" files "$left" >/dev/null
push files "$parent"
worker_drain
check "the copy is dropped, and what was left is released" eq "$(grep -ac R_REPLAY_DONE "$T/log" | sed 's/[1-9][0-9]*/some/') $(reasons)" "some Hostile::Skip "
check "once" eq "$(rcli keys 'resque:stockade:outbox:*')" ""
