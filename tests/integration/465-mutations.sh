#!/bin/sh
# Fifty thousand payloads that somebody without the keys could make of genuine ones, and genuine ones that
# ask for what is not granted: none is admitted; other spellings of the same are, under the same job id. What
# the run is worth is seen by switching off one check of the verifier at a time: each is found.
echo "# the million: make bench-mutations N=1000000"
"$B/test/mutations" "${N:-50000}" ${SEED:+"$SEED"}
checks=$("$B/test/mutations-off" --checks)
for check in $checks; do
	"$B/test/mutations-off" --off "$check" 4000 | grep -a ' - without \| switch off\|amiss'
done
n=$(echo "$checks" | wc -l)
if [ "$n" -ge 13 ]; then echo "ok - $n checks were switched off in turn"; else echo "not ok - only $n checks were there to switch off"; fi
