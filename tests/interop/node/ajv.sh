#!/bin/sh
# The schema compiler and interpreter against ajv, over generated schemas and values. ajv comes from the
# npm registry into a folder of this test's own; AJV names a folder that already holds it.
# SCHEMA_DIFF=N compares N schemas instead of 600; SCHEMA_SEED sets the seed, else it is the day's number.
VERSION=8.20.0
B=${B:-build}
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "ok - schemas judged as ajv judges them # SKIP node or npm is not installed"
	exit 0
fi
T=$(mktemp -d "${TMPDIR:-/tmp}/ajv-XXXXXX")
trap 'rm -rf "$T"' EXIT
if [ -z "${AJV:-}" ]; then
	AJV=$T/npm
	mkdir "$AJV"
	if ! (cd "$AJV" && timeout 60 npm install --no-audit --no-fund --ignore-scripts --fetch-retries 0 --fetch-timeout 15000 "ajv@$VERSION") >"$T/npm.log" 2>&1; then
		echo "ok - schemas judged as ajv judges them # SKIP npm install ajv@$VERSION failed: $(grep -m1 'npm error' "$T/npm.log" || tail -1 "$T/npm.log")"
		exit 0
	fi
fi
NODE_PATH="$AJV/node_modules" node tests/interop/node/schema_diff.js "$B/test/stockade-schema_suite" "${SCHEMA_SEED:-$(($(date +%s) / 86400))}" "${SCHEMA_DIFF:-600}"
