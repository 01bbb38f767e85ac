#!/bin/sh
# `stockade policy check|show|test|review`: is a policy good, what does it grant, and what of it is used.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit"
EXTRA="audit_dir = \"$T/audit\";"
write_config
policy() { word=$1; shift; "$STOCKADE" policy "$word" --config "$T/stockade.conf" "$@" 2>&1; }

out=$(policy check)
check "a good policy: 0" eq $? 0
check "with its digest" has "$out" "$(sha256sum <"$T/policy.conf" | cut -d' ' -f1)"
check "a class that the cage lacks is named" has "$out" "NotCompiledIn the first"
check "JSON for scripts" has "$(policy check --json)" '"good":true,"principals":2,"keys":2'
sed 's/max_runs = 10;//' "$T/policy.conf" >"$T/bad.conf"
out=$(policy check --policy "$T/bad.conf")
check "a missing limit: 78" eq $? 78
check "is named with its line" has "$out" "max_runs"
for n in 50 300 600; do
	head -c "$n" "$T/policy.conf" >"$T/cut.conf"
	policy check --policy "$T/cut.conf" >/dev/null
	check "a file cut after $n bytes: 78" eq $? 78
done

out=$(policy show --principal web)
check "show says what a principal may" has "$out" "may     put ChecksumFile on files, up to 65536 bytes"
check "and no other's" hasnt "$out" "other"
check "show --json" has "$(policy show --json)" '{"queue":"other","class":"ChecksumFile","max_body":1024}'
policy show --principal nobody >/dev/null
check "an unknown principal: 66" eq $? 66

sign ChecksumFile '["x.txt"]' >"$T/job"
out=$(policy test --queue files "$T/job")
check "test says that it would run: 0" eq $? 0
out=$(policy test --queue low "$T/job")
check "and that it would not: 1" eq $? 1

out=$(policy review)
check "review needs a trail: 66" eq $? 66
push files "$(cat "$T/job")"
worker_drain
out=$(policy review)
check "something unused: 1" eq $? 1
check "a short trail is said" has "$out" "the trail begins at"
check "the key that signed is used" hasnt "$out" "web-1"
check "the other is not" has "$out" "unused key    other-1 of other"
check "nor is a grant that nobody used" has "$out" "unused grant  web may put CsvSummary on files"
check "the one that was used is not listed" hasnt "$out" "web may put ChecksumFile on files"
check "review --json" has "$(policy review --json)" '"unused_keys":["other-1"]'
check "what was used too long ago is unused" has "$(policy review --since 0s)" "unused key    web-1"
"$STOCKADE" policy nonsense >/dev/null 2>&1
check "an unknown word: 64" eq $? 64
