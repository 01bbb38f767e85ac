#!/bin/sh
# The JSON-Schema-Test-Suite, read in place: draft 2020-12, the core cases and those of the formats.
# Each case that ends otherwise than the suite says stands in schema-deviations.txt with its reason; a
# deviation that is not listed, and a listed one that is none any more, both fail.
set -u
suite=${STOCKADE_TESTDATA:-}/json-schema/tests/draft2020-12
if [ -z "${STOCKADE_TESTDATA:-}" ] || [ ! -d "$suite" ]; then
	echo "ok - JSON-Schema-Test-Suite # SKIP set STOCKADE_TESTDATA to a folder with json-schema/tests/draft2020-12"
	exit 0
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/suite-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
run="$B/test/stockade-schema_suite"
tab=$(printf '\t')

says() { # says SENTENCE GOT WANT
	if [ "$2" = "$3" ]; then echo "ok - $1"; else echo "# got: $2"; echo "# want: $3"; echo "not ok - $1"; fi
}
none() { # none SENTENCE FILE
	if [ -s "$2" ]; then sed 's/^/#   /' "$2"; echo "not ok - $1"; else echo "ok - $1"; fi
}

"$run" "$suite"/*.json >"$tmp/core"
"$run" "$suite"/optional/format/*.json >"$tmp/format"
"$run" "$suite"/optional/float-overflow.json "$suite"/optional/non-bmp-regex.json >"$tmp/more"
says "of the core cases 930 lie in the subset" "$(tail -n 1 "$tmp/core")" "1299 cases, 930 within the keyword set, 34 deviate"
says "of the format cases 647 are of formats that are checked" "$(tail -n 1 "$tmp/format")" "764 cases, 647 within the keyword set, 22 deviate"
says "overflowing numbers and characters beyond the BMP are as the suite says" "$(tail -n 1 "$tmp/more")" "13 cases, 13 within the keyword set, 0 deviate"

grep -h "$tab" "$tmp/core" "$tmp/format" | cut -f1-3 | sort >"$tmp/got"
grep -v '^#' tests/vectors/schema-deviations.txt | grep . | cut -f1-3 | sort >"$tmp/listed"
comm -23 "$tmp/got" "$tmp/listed" >"$tmp/unlisted"
comm -13 "$tmp/got" "$tmp/listed" >"$tmp/stale"
none "every deviation is listed" "$tmp/unlisted"
none "every listed deviation still deviates" "$tmp/stale"
grep -v '^#' tests/vectors/schema-deviations.txt | grep . | awk -F '\t' 'NF != 4 || length($4) < 12' >"$tmp/bare"
none "every listed deviation has its reason" "$tmp/bare"
