#!/bin/sh
# What `make install` puts down is enough for a repository of somebody else's: contrib/example-project
# builds against a prefix in a temporary directory, its tests pass, and the generic worker runs its jobs.
. tests/stage.sh
stage_up
trap stage_down EXIT
for need in make pkg-config nm; do
	command -v $need >/dev/null || { echo "ok - out of tree # SKIP install $need"; exit 0; }
done
P=$T/prefix
version=$(sed -n 's/^VERSION := //p' Makefile)
installer() { sh contrib/install/install.sh "$@" "$version"; }
files() { (cd "$1" && find . -type f -exec sh -c 'echo "$(stat -c %a "$1") $(sha256sum "$1")"' - {} \; | sort -k 3); }

check "it installs into a prefix" installer install "$B" "$P" ""
check "it installs beneath DESTDIR" installer install "$B" "$P" "$T/dest"
check "both are the same, modes included" eq "$(files "$P")" "$(files "$T/dest$P")"
check "the cage program may be written by nobody" eq "$(stat -c %a "$P/libexec/stockade/cage")" 555
check "no file names the tree it came from" sh -c "! LC_ALL=C grep -rqaE '$PWD([^A-Za-z0-9._-]|$)' '$P'"
check "a relative prefix is refused" sh -c "! sh contrib/install/install.sh install '$B' some/where '' $version 2>'$T/out' && grep -q absolute '$T/out'"
check "every page is there" eq "$(find "$P/share/man" -type f | wc -l | tr -d ' ')" "$(find contrib/man -type f | wc -l | tr -d ' ')"
touch "$T/dest$P/bin/somebody-elses"
check "uninstall takes back all of it" installer uninstall "$B" "$P" "$T/dest"
check "and nothing else" eq "$(find "$T/dest" -type f)" "$T/dest$P/bin/somebody-elses"

# without a word from anybody the cage program is the one of the same prefix, wherever that is
: >"$T/empty.conf"
own() { env -u STOCKADE_CAGE STOCKADE_CONFIG="$T/empty.conf" "$@"; }
check "the program finds the cage of its prefix" own "$P/bin/stockade" classes
ln -s "$P/bin/stockade" "$T/by-a-link"
check "by a link, too" own "$T/by-a-link" classes
mkdir -p "$T/lonely/bin" && cp "$P/bin/stockade" "$T/lonely/bin/stockade"
check "where there is none it says where it looked" has "$(own "$T/lonely/bin/stockade" classes 2>&1)" "$T/lonely/libexec/stockade/cage"
check "control: elsewhere it is the built-in place" has "$(cp "$P/bin/stockade" "$T/lonely/other" && own "$T/lonely/other" classes 2>&1)" /usr/local/libexec/stockade/cage

cp -r contrib/example-project "$T/acme"
export PKG_CONFIG_PATH="$P/lib/pkgconfig"
build() { env -u MAKEFLAGS -u MAKELEVEL -u B make --no-print-directory -C "$T/acme" CC="${CC:-gcc}"; }
check "the example's own tests pass" sh -c "env -u MAKEFLAGS -u MAKELEVEL -u B make --no-print-directory -C '$T/acme' CC='${CC:-gcc}' check >'$T/out' 2>&1 || { cat '$T/out'; exit 1; }"
check "all of them" eq "$(grep -c '^ok - ' "$T/out")" 6
check "its cmocka tests, too" eq "$(env CMOCKA_MESSAGE_OUTPUT=TAP CAGE="$T/acme/build/acme-cage" STOCKADE="$P/bin/stockade" "$T/acme/build/tests/test_jobs" 2>/dev/null | grep -c '^ok ')" 3
sed -i 's/"words\\":3/"words\\":4/' "$T/acme/tests/test_jobs.c"
check "which can fail" sh -c "! env -u MAKEFLAGS -u MAKELEVEL -u B make --no-print-directory -C '$T/acme' CC='${CC:-gcc}' check >'$T/out2' 2>&1"
check "and say what came instead" has "$(cat "$T/out2")" 'result  {"lines":2,"words":3}'
cp contrib/example-project/tests/test_jobs.c "$T/acme/tests/"
build >/dev/null 2>&1
check "its compilation says nothing" hasnt "$(cat "$T/out")" warning
check "its Makefile is five lines at most" test "$(wc -l <"$T/acme/Makefile")" -le 5
check "nothing is built twice" hasnt "$(build)" gcc
check "the whitelist is its registry" eq "$("$P/bin/stockade" classes --cage "$T/acme/build/acme-cage" | grep -oE 'Acme::[A-Za-z]+' | tr '\n' ' ')" "Acme::MakeToken Acme::WordCount "

# the generic worker
write_policy ', "Acme::WordCount", "Acme::MakeToken"'
CAGE=$T/acme/build/acme-cage
write_config
echo 'one two three' >"$T/inputs/text"
push files "$(sign Acme::WordCount '["text"]')"
push files "$(sign Acme::MakeToken '[["acme"]]')"
push files "$(sign ChecksumFile '["text"]')"
STOCKADE=$P/bin/stockade
worker_drain
check "the generic worker ends by itself" eq "$RC" 0
check "and ran both jobs" has "$(grep worker.stopped "$T/log")" '"stockade.outcome.Done":2'
check "a class of the other program is not in this one" grep -q D_CLASS_ABSENT "$T/log"

# mistakes are named where they are
sed -i 's/PROFILE(pure)/PROFILE(pur)/' "$T/acme/registry.def"
check "a mistake in the registry ends the build with its line" has "$(build 2>&1)" 'registry.def:5: error: class "Acme::MakeToken"'
cp contrib/example-project/registry.def "$T/acme/registry.def"
sed -i 's/minLength/minLenght/' "$T/acme/word_count.schema.json"
check "a mistake in a schema, too" has "$(build 2>&1)" 'word_count.schema.json:11'
cp contrib/example-project/word_count.schema.json "$T/acme/word_count.schema.json"
echo 'JOB(nowhere, "Acme::Nowhere", PROFILE(pure))' >>"$T/acme/registry.def"
check "a line without a handler, too" has "$(build 2>&1)" 'registry.def:6: error: class "Acme::Nowhere"'
# an object that was compiled with the header of another contract
mkdir "$T/older"
cp -r "$P/include/stockade" "$T/older/stockade"
sed -i 's/stockade_abi_2/stockade_abi_1/g; s/define STOCKADE_ABI 2/define STOCKADE_ABI 1/' "$T/older/stockade/job.h"
printf '#include <stockade/job.h>\nint main(void) { return stockade_name_ok("a") ? 0 : 1; }\n' >"$T/abi.c"
link_with() { "${CC:-gcc}" -I"$1" -o "$T/abi" "$T/abi.c" "$P/lib/libstockade-cage.a" -ljansson -lpcre2-8 -lseccomp -lcap -lm 2>&1; }
check "control: an object of this header links" eq "$(link_with "$P/include")" ""
check "and runs" "$T/abi"
check "one of another header does not, and says so" has "$(link_with "$T/older")" "stockade_abi_1"
if command -v "${CXX:-g++}" >/dev/null; then
	printf '#include <stockade/job.h>\n#include "word_count.args.h"\nint main() { return STOCKADE_DONE.code; }\n' >"$T/x.cc"
	printf '#include <stockade/job_test.h>\nint main() { stockade_test *t = stockade_test_open("x"); stockade_assert_done(t, "X", "[]", nullptr); }\n' >"$T/y.cc"
	check "that of the tests, too" "${CXX:-g++}" -std=c++17 -Wall -Wextra -Werror -I"$P/include" -c -o "$T/y.o" "$T/y.cc"
	check "the header is one for C++, too" "${CXX:-g++}" -std=c++17 -Wall -Wextra -Werror -I"$P/include" -I"$T/acme/build/gen" -I"$P/lib/stockade/build" -c -o "$T/x.o" "$T/x.cc"
else
	echo "ok - the header is one for C++, too # SKIP install g++"
fi
