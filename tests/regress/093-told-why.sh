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
finish
