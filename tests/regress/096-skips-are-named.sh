#!/bin/sh
# A unit test that skips counted as one that failed, because cmocka 1.1.5 says "not ok 1 # SKIP name"
# of it, and newer ones "ok 1 # SKIP name"; why it did stood in a comment of the source. Now it is a
# skip, and the summary says of which test and what would enable it.
. tests/lib.sh
T=$(mktemp -d "${TMPDIR:-/tmp}/skips-XXXXXX")
trap 'rm -rf "$T"' EXIT
mkdir -p "$T/build/test"
cat >"$T/build/test/test_old" <<'END'
#!/bin/sh
echo '1..2'
echo '# skipped: needs_a_moon # SKIP a full moon'
echo 'not ok 1 # SKIP needs_a_moon'
echo 'ok 2 - needs_nothing'
END
sed 's/not ok 1/ok 1/' "$T/build/test/test_old" >"$T/build/test/test_young"
printf '#!/bin/sh\necho "not ok 1 - it fails"\nexit 1\n' >"$T/build/test/test_fails"
chmod +x "$T/build/test"/*
run() { # run PATTERN
	TEST_LOGS=$T/logs ROOT_RESULT='' STRICT=0 sh tests/run.sh "$T/build" "$1" >"$T/out" 2>&1
}
for age in old young; do
	holds "skips of cmocka ($age) are no failures" run "test_$age"
	holds "they are counted ($age)" grep -qx '1 passed, 0 failed, 1 skipped' "$T/out"
	holds "and named, with what would enable them ($age)" grep -q 'skipped: needs_a_moon # SKIP a full moon' "$T/out"
done
fails() { ! run test_fails; }
holds "a failure is one" fails
holds "and counted" grep -qx '0 passed, 1 failed, 0 skipped' "$T/out"
finish
