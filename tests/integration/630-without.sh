#!/bin/sh
# Built-in jobs are optional: left out by name, or because their library is not there, the rest builds
# without a warning, lists what it has and says what it has not; their tests are skipped by name.
. tests/stage.sh
command -v pkg-config >/dev/null || { echo "ok - optional jobs # SKIP install pkg-config"; exit 0; }
T=$(mktemp -d "${TMPDIR:-/tmp}/without-XXXXXX")
trap 'rm -rf "$T"' EXIT
CC=${CC:-gcc}
# with the objects and their times, so that only what changes is compiled
copy_tree "$T/tree"
cd "$T/tree" || exit 1
builds() { # builds WORD...: the programs, and the tests of the optional jobs
	make --no-print-directory -j2 CC="$CC" B="$B" WERROR=1 "$@" "$B/stockade" "$B/stockade-cage" "$B/test/test_job_thumbnail" \
		"$B/test/test_job_compress" "$B/test/test_job_archive" "$B/test/test_checksum" "$B/test/net-cage" "$B/test/fuzz-jobs" >"$T/out" 2>&1 || { tail -n 20 "$T/out"; return 1; }
}
listed() { "$B/stockade" classes --cage "$B/stockade-cage" | awk 'NR > 1 && !/^registry/ { printf "%s ", $1 }'; }
before=$(listed)

check "without one job by name it builds" builds WITHOUT=thumbnail
check "and says which is left out" grep -qF 'WITHOUT thumbnail(WITHOUT)' "$T/out"
check "the class is not there" hasnt "$(listed)" Thumbnail
case $before in
*CompressFile*) check "the others are" has "$(listed)" CompressFile ;;
*) echo "ok - the others are # SKIP install zlib1g-dev" ;;
esac
"$B/stockade" run-job --cage "$B/stockade-cage" Thumbnail '["a","b",1]' >"$T/out" 2>&1
check "run-job ends with 64" eq $? 64
check "with a sentence" has "$(cat "$T/out")" "no class 'Thumbnail' in $B/stockade-cage; \`stockade classes\` lists them, and a built-in one was left out where WITHOUT named it or its library was missing"
check "its test is skipped by name" has "$("$B/test/test_job_thumbnail")" 'Thumbnail # SKIP install libpng-dev'
check "the others' tests pass" "$B/test/test_checksum"

# a pkg-config that knows none of their libraries
cat >"$T/pkg-config" <<'END'
#!/bin/sh
for word in "$@"; do
	case $word in zlib | libpng* | libjpeg | libarchive | libcurl* | libcrypto) exit 1 ;; esac
done
exec pkg-config "$@"
END
chmod 755 "$T/pkg-config"
check "without their libraries it builds" builds PKG_CONFIG="$T/pkg-config"
for left in 'compress_file(no-zlib)' 'verify_archive(no-libarchive)' 'thumbnail(no-libpng-or-libjpeg)' 'deliver_webhook(no-libcurl-7.77)'; do
	check "it says: $left" grep -qF "WITHOUT $left" "$T/out"
done
for class in ChecksumFile CsvSummary; do
	check "$class, which needs nothing, is there" has " $(listed)" " $class "
done
for class in CompressFile VerifyArchive Thumbnail DeliverWebhook; do
	check "$class is not" hasnt "$(listed)" $class
done
for t in thumbnail compress archive; do
	check "the test of $t is skipped by name" has "$("$B/test/test_job_$t")" '# SKIP install '
done
check "the program links none of them" hasnt "$(ldd "$B/stockade-cage")" libpng
check "and runs jobs" "$B/test/test_checksum"
check "a name that is none is refused" has "$(make --no-print-directory WITHOUT=png "$B/stockade-cage" 2>&1)" "WITHOUT names png; the jobs that can be left out are compress_file verify_archive thumbnail deliver_webhook extract_text"
check "with everything again, everything is there" sh -c "make --no-print-directory -j2 CC='$CC' B='$B' WERROR=1 '$B/stockade-cage' >'$T/out' 2>&1"
check "as before" eq "$(listed)" "$before"
