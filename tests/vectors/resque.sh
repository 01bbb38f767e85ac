#!/bin/sh
# Every payload and record that Ruby, ActiveJob, resque-scheduler and node-resque wrote, through admit
# (with an empty key ring) and the recogniser; resque-verdicts.txt says what each deserves.
set -u
table=tests/vectors/resque-verdicts.txt
"$B/test/stockade-vectors" outer tests/vectors/resque "$table"
unlisted=$(cd tests/vectors/resque && find . -name '*.json' | sed 's|^\./||' | while read -r f; do
	grep -q "^$f " ../resque-verdicts.txt || echo "$f"
done)
if [ -z "$unlisted" ]; then
	echo "ok - every fixture has an expected verdict"
else
	echo "not ok - every fixture has an expected verdict"
	echo "# missing: $unlisted"
fi
