#!/bin/sh
# What stands where a file should: a FIFO as redis_password_file held the start with every signal
# blocked; an HMAC key beneath a directory that jobs may read was accepted; so was a policy that
# anybody may rewrite.
. tests/stage.sh
stage_up
trap stage_down EXIT

starts() { # starts "sentence" CODE NEEDLE
	out=$(INTERVAL=0 timeout -s KILL 10 "$STOCKADE" work --config "$T/bad.conf" 2>&1 >/dev/null)
	rc=$?
	check "$1: exit $2" eq "$rc" "$2"
	check "$1: said by name" has "$out" "$3"
}
mkfifo "$T/fifo"
(echo "redis_password_file = \"$T/fifo\";"; cat "$T/stockade.conf") >"$T/bad.conf"
starts "a FIFO for a password" 66 "redis_password_file $T/fifo"

"$STOCKADE" keys generate --kid mac-1 --principal mac --alg hmac-sha256 --out "$T/inputs" >/dev/null
sed "s|principals = (|principals = ( { name = \"mac\"; keys = ( { kid = \"mac-1\"; alg = \"hmac-sha256\"; secret_file = \"inputs/mac-1.key\"; iat_from = \"2020-01-01T00:00:00Z\"; iat_to = \"2040-01-01T00:00:00Z\"; } ); grants = ( { queues = [ \"files\" ]; classes = [ \"ChecksumFile\" ]; max_body = \"1K\"; } ); max_runs = 1; max_delay = \"1h\"; max_window = \"8d\"; rate = \"1/s\"; burst = 1; park_max = 10; quarantine_max = 10; },|" "$T/policy.conf" >"$T/mac.conf"
sed "s|^policy = .*|policy = \"$T/mac.conf\";|" "$T/stockade.conf" >"$T/bad.conf"
starts "an HMAC key that jobs could read" 78 "mac-1.key lies beneath $T/inputs, which jobs may read"
mkdir "$T/safe" && mv "$T/inputs/mac-1.key" "$T/safe/"
sed -i 's|inputs/mac-1.key|safe/mac-1.key|' "$T/mac.conf"
starts "the same key elsewhere" 0 ""

chmod 666 "$T/policy.conf"
cp "$T/stockade.conf" "$T/bad.conf"
starts "a policy that anybody may write" 78 "can be written by everybody; chmod o-w it"
chmod 644 "$T/policy.conf"
chmod 646 "$T/bad.conf"
starts "a configuration that anybody may write" 78 "can be written by everybody; chmod o-w it"
