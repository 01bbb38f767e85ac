#!/bin/sh
# Replays the seeds of every fuzz target.
set -u
for t in "$B"/test/replay-*; do
	[ -x "$t" ] || continue
	name=${t##*/replay-}
	"$t" "tests/fuzz/seeds/$name" || echo "not ok - $name ended with status $?"
done
