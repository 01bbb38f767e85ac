#!/bin/sh
# The 98 STK1 vectors: verdict, authenticated flag and job id, through the worker's own objects.
set -u
out=$("$B/test/stockade-vectors" explain --vectors tests/vectors/signing.json)
echo "$out"
if echo "$out" | grep -q '^# 98/98 vectors agree$'; then
	echo "ok - 98 of 98 signing vectors agree"
else
	echo "not ok - 98 of 98 signing vectors agree"
fi
