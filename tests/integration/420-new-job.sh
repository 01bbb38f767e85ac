#!/bin/sh
# make job: what it writes builds without a warning, passes its own test and the house's rules, and
# nothing that exists is touched.
. tests/stage.sh
T=$(mktemp -d "${TMPDIR:-/tmp}/new-job-XXXXXX")
trap 'rm -rf "$T"' EXIT
CC=${CC:-gcc}
# with the objects and their times, so that only what is new is compiled
copy_tree "$T/tree"
cd "$T/tree" || exit 1

new() { # new ARGUMENT...
	make --no-print-directory job "$@" 2>&1
}
said=$(new NAME=NewJobTest::SendPDF PROFILE=files)
check "make job says what it wrote" has "$said" "wrote jobs/new_job_test_send_pdf.c, jobs/new_job_test_send_pdf.schema.json, jobs/new_job_test_send_pdf.md, tests/unit/test_new_job_test_send_pdf.c and a line in jobs/registry.def"
new NAME=NewJobTest >/dev/null
new NAME=NewJobTestThreads PROFILE=threads >/dev/null
# a name that is job.h's parameter, and one that is libc's function
new NAME=Job >/dev/null
check "a name that libc has gets _job behind it" has "$(new NAME=Time PROFILE=net,files)" "wrote jobs/time_job.c, jobs/time_job.schema.json"
check "profiles add up" grep -qF 'JOB(time_job, "Time", PROFILE(net, files), CONNECT("*:443"), READ("inputs"), WALL_MS' jobs/registry.def
check "its line is in the registry, with the profile" grep -qE '^JOB\(new_job_test_send_pdf, "NewJobTest::SendPDF", PROFILE\(files\), READ\("inputs"\)' jobs/registry.def
check "what it wrote builds without a warning" make --no-print-directory -j2 CC="$CC" B="$B" WERROR=1 \
	"$B/stockade" "$B/stockade-cage" "$B/test/test_new_job_test_send_pdf" "$B/test/test_new_job_test" \
	"$B/test/test_new_job_test_threads" "$B/test/test_job" "$B/test/test_time_job"
for t in new_job_test_send_pdf new_job_test new_job_test_threads job time_job; do
	check "the test of $t passes" "$B/test/test_$t"
done
check "the house's rules hold" sh -c "tests/lint.sh '$B' house >out 2>&1 || { grep -A3 '^not ok' out; exit 1; }"
check "the new class is listed" sh -c "'$B/stockade' classes --cage '$B/stockade-cage' | grep -q '^NewJobTest::SendPDF'"
check "and documented" has "$("$B/stockade" schema docs --cage "$B/stockade-cage" NewJobTest)" "2. count: integer, optional, at least 1, at most 1000"

before=$(cat jobs/registry.def jobs/new_job_test.c ARCHITECTURE.md | cksum)
refused() { # refused SENTENCE ARGUMENT...
	sentence=$1
	shift
	check "refused: $sentence" sh -c 'case $1 in "make job: "*"$2"*) ;; *) echo "$1"; exit 1 ;; esac' - "$(new "$@")" "$sentence"
}
refused "say NAME=SendInvoice"
refused "jobs/new_job_test.c is there already" NAME=NewJobTest
refused "jobs/csv_summary.c is there already" NAME=CsvSummary
refused "new_job_test is no class name" NAME=new_job_test
refused "there is no profile root" NAME=Other PROFILE=root
refused "PROFILE=exec needs a program" NAME=Other PROFILE=files,exec
refused "PROFILE=pure goes with no other" NAME=Other PROFILE=net,pure
refused "PROFILE names files twice" NAME=Other PROFILE=files,files
refused 'Other";echo;" is no class name' 'NAME=Other";echo;"'
refused "longer than 55 characters" "NAME=$(printf 'Aa%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)"
check "a refusal changes nothing" eq "$(cat jobs/registry.def jobs/new_job_test.c ARCHITECTURE.md | cksum)" "$before"

# --- the build itself, on a registry or a schema with a mistake in it
cp jobs/registry.def "$T/registry.def"
broken() { # broken SENTENCE REGISTRY-LINE
	printf '%s\n' "$2" >>jobs/registry.def
	at="jobs/registry.def:$(wc -l <jobs/registry.def): error: "
	if make --no-print-directory CC="$CC" B="$B" "$B/stockade-cage" >"$T/out" 2>&1; then echo built >>"$T/out"; fi
	check "make says, with the line: $1" sh -c "grep -F '$at' '$T/out' | grep -qF '$1' && ! grep -qx built '$T/out'"
	cp "$T/registry.def" jobs/registry.def
}
broken 'class "ChecksumFile": stands twice; the other is jobs/registry.def:' 'JOB(new_job_test2, "ChecksumFile", PROFILE(pure))'
broken 'class "Nowhere": its schema jobs/nowhere.schema.json is missing' 'JOB(nowhere, "Nowhere", PROFILE(pure))'
broken 'unknown grant or limit REED; did you mean READ' 'JOB(nowhere, "Nowhere", PROFILE(files), REED("inputs"))'
broken 'WALL_MS(7200000) is outside of what may be asked for: 1 to 3600000' 'JOB(nowhere, "Nowhere", PROFILE(pure), WALL_MS(7200000))'
cp jobs/new_job_test.schema.json jobs/orphan.schema.json
broken 'class "Orphan": no handler: no file defines the function orphan' 'JOB(orphan, "Orphan", PROFILE(pure))'
rm jobs/orphan.schema.json
cp jobs/new_job_test.schema.json "$T/schema"
sed -i 's/"minLength"/"minLenght"/' jobs/new_job_test.schema.json
make --no-print-directory CC="$CC" B="$B" "$B/stockade-cage" >"$T/out" 2>&1
check "a misspelt keyword ends the build" has "$(cat "$T/out")" \
	'jobs/new_job_test.schema.json:11:7: error: /prefixItems/0/minLenght: unknown keyword "minLenght"; did you mean "minLength"?'
cp "$T/schema" jobs/new_job_test.schema.json
check "and mended it builds again" make --no-print-directory CC="$CC" B="$B" "$B/stockade-cage"
