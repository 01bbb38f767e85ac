#!/bin/sh
# Ruby's side of the house: the Ruby client over the signing vectors, then the compatibility checklist
# against an installed Ruby Resque, resque-web and resque-scheduler that RESQUE_LIB points at:
#   RESQUE_LIB=/path/resque/lib:/path/resque-scheduler/lib sh tests/interop/ruby/resque.sh
# ITEMS=50,51 runs only these. Each line carries its number in the checklist.
B=${B:-build}
if ! command -v ruby >/dev/null; then
	echo "ok - the Ruby client and the checklist's Ruby items # SKIP ruby is not installed"
	exit 0
fi
ruby contrib/clients/ruby/conformance.rb tests/vectors/signing.json | sed 's/^\(not \)*ok [0-9]*/\1ok/'
. tests/stage.sh
stage_up
trap stage_down EXIT
"$STOCKADE" keys generate --kid h-1 --principal web --alg hmac-sha256 --out "$T/keys" >/dev/null
for kid in web-1 h-1; do
	check "the Ruby client seals as stockade sign does, with $kid" ruby -r ./contrib/clients/ruby/stockade -e '
		header, body, signature = JSON.parse(ARGV[0])["args"]
		exit Stockade.seal(Stockade::Key.load(ARGV[1]), header, body) == signature' \
		"$("$STOCKADE" sign --key "$T/keys/$kid.key" --kid $kid --aud "$AUD" --queue files --class A '["é",1]')" "$T/keys/$kid.key"
done
libs=$(echo "${RESQUE_LIB:-}" | tr ':' '\n' | sed '/^$/d; s/^/-I /' | tr '\n' ' ')
# shellcheck disable=SC2086
if [ -z "$libs" ]; then
	echo "ok - the checklist's items for Ruby Resque, resque-web and resque-scheduler # SKIP RESQUE_LIB names no lib folders of resque and resque-scheduler"
	exit 0
elif ! why=$(ruby $libs -e 'require "redis-namespace"; require "rack/mock"; require "resque"; require "resque/server"; require "resque-scheduler"' 2>&1); then
	echo "ok - the checklist's items for Ruby Resque, resque-web and resque-scheduler # SKIP RESQUE_LIB does not load: $(echo "$why" | head -1)"
	exit 0
fi

mkdir "$T/scratch"
[ -d "$T/work" ] || mkdir -m 700 "$T/work"
sed -i "s|^directories.*|directories = { inputs = \"$T/inputs\"; scratch = \"$T/scratch\"; };|" "$T/stockade.conf"
write_policy ', "Hostile::ExitSeven", "Hostile::Skip", "Hostile::Segv", "Hostile::SleepLong"'
sed -i 's/"files", "low", "hostile"/"files", "low", "high", "critical", "low_a", "alpha", "Beta", "zeta", "zulu", "resque-web", ".hidden"/' "$T/policy.conf"
printf 'x\n' >"$T/inputs/x.txt"
awk 'BEGIN { print "a,b,c"; for (i = 0; i < 2000000; i++) print i ",1.5,x" }' >"$T/inputs/long.csv"
export T REDIS_SOCK LEDGER_SOCK STOCKADE RESQUE_LIB HOSTILE_CAGE="$PWD/$B/test/hostile-cage"
unset QUEUE QUEUES INTERVAL COUNT VERBOSE REDIS_URL
# shellcheck disable=SC2086
ruby $libs tests/interop/ruby/checklist.rb
