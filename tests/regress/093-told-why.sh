#!/bin/sh
# A handler that asks for what its class was not given gets ENOENT, one whose result does not fit E2BIG: "No
# such file", "Argument list too long" stood in failed and nothing else anywhere. Its log says it now, once.
. tests/lib.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
printf 'cage = "%s";\n' "$PWD/$B/test/handlers-cage" >"$T/stockade.conf"
printf 'directories = { inputs = "%s"; outputs = "%s"; };\n' "$T" "$T" >>"$T/stockade.conf"
[ -x "$B/test/handlers-cage" ] || { skip "told why" "install libpng-dev, libjpeg-dev, zlib1g-dev and libssl-dev"; finish; }
"$B/stockade" run-job --config "$T/stockade.conf" Misfit::Asks '[]' >"$T/out" 2>"$T/err"
is "it is the handler's own failure" "$?" 1
holds "which says that it got nothing" grep -q 'nothing of it' "$T/out"
for words in 'no grant SECRETS(\"api\")' 'no grant SETTINGS(\"site\")' 'no grant WORK_MIB(n)' 'no grant EXEC(\"/program\")' \
	'the result has 2047 bytes and may have 1024 (RESULT_KIB, ceiling.result)'; do
	is "said once: $words" "$(grep -cF "$words" "$T/err")" 1
done
# a script gets the whole result: it was cut at 64 KiB, and was no JSON any more
"$B/stockade" run-job --json --config "$T/stockade.conf" Fits::LongResult '[]' >"$T/out" 2>"$T/err"
is "a long result is done" "$?" 0
is "and whole in JSON" "$(grep -o 'x\{1000,\}' "$T/out" | head -1 | tr -d '\n' | wc -c | tr -d ' ')" 300000
finish
