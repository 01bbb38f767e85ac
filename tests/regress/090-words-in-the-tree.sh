#!/bin/sh
# What README and `make job` tell a newcomer to type works as it stands: no configuration, no --cage. The
# program looked for its cage program in /usr/local alone, also where make had put one beside it.
. tests/stage.sh
T=$(mktemp -d "${TMPDIR:-/tmp}/in-the-tree-XXXXXX")
trap 'rm -rf "$T"' EXIT
bare() { env -u STOCKADE_CAGE -u STOCKADE_CONFIG "$@"; }

out=$(bare "$B/stockade" run-job ChecksumFile '["x"]' 2>&1)
check "from the build folder the class is found, and what is left to map is said" has "$out" "class ChecksumFile has a grant 'inputs'"
mkdir "$T/in"
echo hello >"$T/in/hello.txt"
echo "directories = { inputs = \"$T/in\"; };" >"$T/try.conf"
check "with a directory the job is done" sh -c "env -u STOCKADE_CAGE -u STOCKADE_CONFIG '$B/stockade' run-job --config '$T/try.conf' ChecksumFile '[\"hello.txt\"]' | grep -q '^outcome *Done'"

cp "$B/stockade" "$T/stockade"
check "control: beside nothing it is the built-in place" has "$(bare "$T/stockade" classes 2>&1)" /usr/local/libexec/stockade/cage
cp "$B/stockade-cage" "$T/stockade-cage"
check "beside one it is that" has "$(bare "$T/stockade" classes 2>&1)" ChecksumFile
chmod 755 "$T/stockade-cage"
check "and no more believed than any other: its user may write it" has "$(bare "$T/stockade" classes 2>&1)" "$T/stockade-cage"

# what make job says last
copy_tree "$T/tree"
cd "$T/tree" || exit 1
said=$(make --no-print-directory job NAME=InTheTree PROFILE=files 2>&1)
check "make job shows a job with files its directory" has "$said" "directories = { inputs"
check "and the command that uses it" has "$said" "run-job --config /tmp/try.conf InTheTree"
said=$(make --no-print-directory job NAME=InTheTreePure 2>&1)
check "one without needs none" has "$said" "build/stockade run-job InTheTreePure '[\"hello\"]'"
