#!/bin/sh
# node's side of the house: the node client over the signing vectors, then node-resque as producer, reader
# of failed, retrier and inspector beside a stockade worker. node-resque comes from the npm registry
# into a folder of this test's own; NODE_RESQUE names a folder that already holds it.
VERSION=9.7.1
B=${B:-build}
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "ok - the node client and the checklist's node-resque items # SKIP node or npm is not installed"
	exit 0
fi
node contrib/clients/node/conformance.js tests/vectors/signing.json | sed 's/^\(not \)*ok [0-9]*/\1ok/'

. tests/stage.sh
stage_up
trap stage_down EXIT
"$STOCKADE" keys generate --kid h-1 --principal web --alg hmac-sha256 --out "$T/keys" >/dev/null
for kid in web-1 h-1; do
	check "the node client seals as stockade sign does, with $kid" node -e '
		const s = require("./contrib/clients/node/stockade.js");
		const [header, body, signature] = JSON.parse(process.argv[1]).args;
		process.exit(s.seal(s.loadKey(process.argv[2]), header, body) === signature ? 0 : 1)' \
		"$("$STOCKADE" sign --key "$T/keys/$kid.key" --kid $kid --aud "$AUD" --queue files --class A '["é",1]')" "$T/keys/$kid.key"
done
if [ -z "${NODE_RESQUE:-}" ]; then
	NODE_RESQUE=$T/npm
	mkdir "$NODE_RESQUE"
	if ! (cd "$NODE_RESQUE" && timeout 60 npm install --no-audit --no-fund --ignore-scripts --fetch-retries 0 --fetch-timeout 15000 "node-resque@$VERSION") >"$T/npm.log" 2>&1; then
		echo "ok - the checklist's node-resque items # SKIP npm install node-resque@$VERSION failed: $(grep -m1 'npm error' "$T/npm.log" || tail -1 "$T/npm.log")"
		exit 0
	fi
fi
printf 'x\n' >"$T/inputs/x.txt"
awk 'BEGIN { print "a,b,c"; for (i = 0; i < 2000000; i++) print i ",1.5,x" }' >"$T/inputs/long.csv"
export T REDIS_SOCK STOCKADE NODE_PATH="$NODE_RESQUE/node_modules"
node tests/interop/node/checklist.js
