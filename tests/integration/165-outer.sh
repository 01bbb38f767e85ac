#!/bin/sh
# Classes with net, exec and threads in whole workers under what a container runtime's default
# profile refuses: what they are granted works there as it does bare, and what they are not is
# denied by the same names. The queue is the same for both, so each is the other's control.
. tests/stage.sh
OUTER=$PWD/$B/test/stockade-outer
trap 'stage_down' EXIT
stage_up
redis_kill
port=$(free_port)
redis_again --port $port --bind 127.0.0.1 --protected-mode no
# a server that any job may ask: a second Redis, of nobody's
other=$(free_port)
redis-server --port $other --bind 127.0.0.1 --save '' --dir "$T" >"$T/other.log" 2>&1 &
OTHER=$!
trap 'kill "$OTHER" 2>/dev/null; stage_down' EXIT
answers() { redis-cli -p "$other" ping 2>/dev/null | grep -q PONG; }
wait_for 10 answers || echo "# the other server did not start"

under() { # under WHAT CAGE: the queue is worked off by a worker under WHAT ("" or the outer filter)
	write_config
	sed -i "s|^redis = .*|redis = \"redis://127.0.0.1:$port\";|; s|^cage = .*|cage = \"$2\";|" "$T/stockade.conf"
	sed -i "s|^directories = .*|directories = { inputs = \"$T/inputs\"; others = \"$T/inputs\"; scratch = \"$T/scratch\"; };|" "$T/stockade.conf"
	: >"$T/log"
	# shellcheck disable=SC2086 # "" is no argument
	INTERVAL=0 timeout 240 $1 "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1
	RC=$?
}
ends() { # ends CLASS REASON: how many jobs of it ended so
	grep -a '"event.action":"job.finished"' "$T/log" | grep -a "\"stockade.class\":\"$1\"" | grep -ac "\"event.reason\":\"$2\""
}

for around in "" "$OUTER default"; do
	where=${around:+under a runtime\'s filter}
	where=${where:-bare}

	write_policy ', "Net::Local", "Net::World"'
	push files "$(sign Net::Local "[\"connect\",\"127.0.0.1\",\"$other\"]")"
	push files "$(sign Net::Local "[\"connect\",\"127.0.0.1\",\"$port\"]")"
	push files "$(sign Net::World '["connect","169.254.169.254","80"]')"
	push files "$(sign Net::Local "[\"against\",\"socket\",\"127.0.0.1\",\"$other\"]")"
	under "$around" "$PWD/$B/test/net-cage"
	check "$where: net: the worker ends by itself" eq "$RC" 0
	check "$where: net: a listed server is connected to" has "$(grep -a net.connected "$T/log")" "\"destination.port\":$other"
	check "$where: net: and answers the job" eq "$(ends Net::Local Done)" 1
	check "$where: net: Redis is refused" has "$(grep -a net.refused "$T/log")" NetRedis
	check "$where: net: metadata is refused" has "$(grep -a net.refused "$T/log")" NetMetadata
	check "$where: net: a socket of its own is denied by name" grep -aq 'socket (class Net::Local' "$T/log"

	write_policy ', "Programs::Perl", "Programs::Static", "Programs::Twice"'
	push files "$(sign Programs::Static '["--version"]')"
	push files "$(sign Programs::Perl '["-e","fork"]')"
	under "$around" "$PWD/$B/test/programs-cage"
	check "$where: exec: the program's output reached the handler" has "$(rcli lrange resque:failed -2 -1)" 'status 0: ldconfig ('
	check "$where: exec: a denied call of the program is named" grep -aq 'clone (program /usr/bin/perl of class Programs::Perl)' "$T/log"

	write_policy ', "Hostile::ThreadsHonest", "Hostile::ThreadBomb", "Hostile::ThreadSocket"'
	push files "$(sign Hostile::ThreadsHonest '[]')"
	push files "$(sign Hostile::ThreadBomb '[]')"
	push files "$(sign Hostile::ThreadSocket '[]')"
	CAGE=$PWD/$B/test/hostile-cage
	mkdir -p "$T/scratch"
	under "$around" "$CAGE"
	CAGE=$PWD/$B/stockade-cage
	check "$where: threads: honest ones run" eq "$(ends Hostile::ThreadsHonest Done)" 1
	check "$where: threads: a bomb is named" eq "$(ends Hostile::ThreadBomb TaskLimit)" 1
	check "$where: threads: a thread's socket is denied" eq "$(ends Hostile::ThreadSocket SyscallDenied)" 1
done
check "the outer filter stood: a namespace is not to be had under it" sh -c "! '$OUTER' default unshare -U true 2>'$T/err'"
