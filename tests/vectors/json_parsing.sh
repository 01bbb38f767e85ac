#!/bin/sh
# JSONTestSuite, read in place: every y_ file accepted, every n_ file refused.
set -u
suite=${STOCKADE_TESTDATA:-}/json-parsing/test_parsing
if [ -z "${STOCKADE_TESTDATA:-}" ] || [ ! -d "$suite" ]; then
	echo "ok - JSONTestSuite # SKIP set STOCKADE_TESTDATA to a folder with json-parsing/test_parsing"
	exit 0
fi
accepted=0 refused=0 odd=0
for f in "$suite"/[yn]_*.json; do
	"$B/test/stockade-vectors" recognise "$f"
	case $(basename "$f"):$? in
	y_*:0) accepted=$((accepted + 1)) ;;
	n_*:1) refused=$((refused + 1)) ;;
	*) odd=$((odd + 1)) && echo "not ok - $(basename "$f") is judged wrongly" ;;
	esac
done
echo "# $accepted accepted, $refused refused, $odd judged wrongly"
if [ "$accepted" = 95 ]; then echo "ok - 95 of 95 y_ cases accepted"; else echo "not ok - 95 of 95 y_ cases accepted"; fi
if [ "$refused" = 188 ]; then echo "ok - 188 of 188 n_ cases refused"; else echo "not ok - 188 of 188 n_ cases refused"; fi
