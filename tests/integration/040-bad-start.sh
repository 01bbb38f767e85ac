#!/bin/sh
# What is missing at start gets one sentence that names the fix, and its exit code; nothing is popped.
. tests/stage.sh
stage_up
trap stage_down EXIT
push files "$(sign ChecksumFile '["x"]')"

starts() { # starts "sentence" CODE NEEDLE command...
	sentence=$1 code=$2 needle=$3
	shift 3
	out=$(timeout 20 "$@" 2>&1 >/dev/null)
	rc=$?
	check "$sentence: exit $code" eq "$rc" "$code"
	check "$sentence: the sentence names the fix" has "$out" "$needle"
	check "$sentence: one sentence" eq "$(echo "$out" | grep -c .)" 1
}
conf() { sed "$1" "$T/stockade.conf" >"$T/bad.conf"; }

starts "no configuration file" 78 "nowhere.conf" "$STOCKADE" work --config "$T/nowhere.conf"
conf 's/^queues.*//'
starts "no queue" 64 "QUEUES=" "$STOCKADE" work --config "$T/bad.conf"
conf 's/^queues/quues/'
starts "a misspelt setting" 78 "queues" "$STOCKADE" work --config "$T/bad.conf"
conf 's/policy.conf/no-policy.conf/'
starts "no policy" 66 "keys generate" "$STOCKADE" work --config "$T/bad.conf"
conf 's/stockade-cage/no-cage/'
starts "no cage program" 66 "no-cage" "$STOCKADE" work --config "$T/bad.conf"
cp "$CAGE" "$T/writable-cage" && chmod 755 "$T/writable-cage"
starts "a cage program that its user may write" 77 "chmod 555" "$STOCKADE" work --config "$T/stockade.conf" --cage "$T/writable-cage"
conf 's/^directories.*//'
starts "an unmapped grant" 78 "inputs" "$STOCKADE" work --config "$T/bad.conf"
# CompressFile's "outputs" is not mapped either: that is refused once somebody is granted the class
if "$STOCKADE" classes --config "$T/stockade.conf" | grep -q CompressFile; then
	sed 's/"CsvSummary"/"CsvSummary", "CompressFile"/' "$T/policy.conf" >"$T/wider-policy.conf"
	starts "an unmapped grant of a class that is granted" 78 "class CompressFile has a grant 'outputs'" "$STOCKADE" work --config "$T/stockade.conf" --policy "$T/wider-policy.conf"
fi
conf "s|inputs = \"[^\"]*\"|inputs = \"$T/gone\"|"
starts "a directory that is not there" 66 "gone" "$STOCKADE" work --config "$T/bad.conf"
conf "s|^redis = .*|redis = \"unix://$T/no.sock\";|"
starts "an unreachable Redis" 69 "no.sock" "$STOCKADE" work --config "$T/bad.conf"
conf "s|^redis = .*|redis = \"unix://$REDIS_SOCK\"; redis_password_file = \"$T/nopass\";|"
starts "no password file" 66 "nopass" "$STOCKADE" work --config "$T/bad.conf"
sed 's/max_runs/max_rns/' "$T/policy.conf" >"$T/bad-policy.conf"
starts "a misspelt policy setting" 78 "max_runs" "$STOCKADE" work --config "$T/stockade.conf" --policy "$T/bad-policy.conf"
mkdir "$T/inputs/etc" && cp "$T/policy.conf" "$T/inputs/etc/policy.conf"
starts "a policy that jobs could read" 78 "jobs may read" "$STOCKADE" work --config "$T/stockade.conf" --policy "$T/inputs/etc/policy.conf"
starts "a password in argv" 64 "redis_password_file" "$STOCKADE" work --config "$T/stockade.conf" --redis redis://:hunter2@localhost/0
newer=00112233445566778899aabbccddeeff
rcli zadd resque:stockade:live 1 $newer >/dev/null
rcli hset resque:stockade:w:$newer proto 99 >/dev/null
starts "a newer protocol at work on this Redis" 78 "upgrade this one" "$STOCKADE" work --config "$T/stockade.conf"
check "a newer protocol at work: its worker is left alone" eq "$(rcli zscore resque:stockade:live $newer)" 1
rcli del resque:stockade:live resque:stockade:w:$newer >/dev/null
check "nothing was popped by any of them" eq "$(rcli llen resque:queue:files)" 1
check "nobody is registered" eq "$(rcli scard resque:workers)" 0
