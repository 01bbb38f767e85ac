#!/bin/sh
# The jobs under the very cage that production has, without Redis. STOCKADE and CAGE come from make.
set -u
failed=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/acme-XXXXXX")
trap 'rm -rf "$dir"' EXIT
printf 'one two\nthree\n' >"$dir/text"
cat >"$dir/stockade.conf" <<END
cage        = "$CAGE";
directories = { inputs = "$dir"; };
END

expect() { # expect "sentence" PART CLASS ARGS
	out=$("$STOCKADE" run-job --config "$dir/stockade.conf" "$3" "$4" 2>&1)
	case $out in
	*"$2"*) echo "ok - $1" ;;
	*)
		failed=1
		echo "not ok - $1"
		echo "$out" | sed 's/^/#   /'
		;;
	esac
}

expect "words are counted" '{\"lines\":2,\"words\":3}' Acme::WordCount '["text"]'
expect "a path that leads out is refused" 'Invalid argument' Acme::WordCount '["../etc/passwd"]'
expect "a number is no file name" E_SCHEMA Acme::WordCount '[1]'
expect "a token for each name" '[\"05c4ba3e\",\"f4dbdf21\"]' Acme::MakeToken '[["acme","0"]]'
expect "as short as asked for" '[\"f4db\"]' Acme::MakeToken '[["0"],4]'
expect "no token for nobody" 'minItems' Acme::MakeToken '[[]]'
exit $failed
