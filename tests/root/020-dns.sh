#!/bin/sh
# What a lying name server can do to a job with a net grant, by real lookups: in network and mount
# namespaces of our own, with a name server of ours behind /etc/resolv.conf.
. tests/stage.sh
[ "$(id -u)" = 0 ] || { echo "ok - names that lie # SKIP needs root"; exit 0; }
if ! unshare -n -m true 2>/dev/null; then
	echo "ok - names that lie # SKIP needs network and mount namespaces"
	exit 0
fi
if [ -z "${IN_NAMESPACE:-}" ]; then
	IN_NAMESPACE=1 exec unshare -n -m --propagation private sh "$0"
fi
T=$(mktemp -d "${TMPDIR:-/tmp}/stage-XXXXXX")
trap 'kill $DNS 2>/dev/null; rm -rf "$T"' EXIT
uid=${STOCKADE_TEST_UID:-61007}
chmod 755 "$T"
printf 'nameserver 127.0.0.1\noptions timeout:5 attempts:1\n' >"$T/resolv.conf"
mount --bind "$T/resolv.conf" /etc/resolv.conf || exit 70
"$PWD/$B/test/stockade-dns" >"$T/dns.out" 2>&1 &
DNS=$!
wait_for 5 grep -q ready "$T/dns.out" || { cat "$T/dns.out"; exit 70; }
printf 'redis = "unix:///nowhere";\nuser = "%s";\ncage = "%s";\nnet_refuse = [ "10.9.0.0/16" ];\ndirectories = { inputs = "/tmp"; };\n' "$uid" "$PWD/$B/test/net-cage" >"$T/conf"
chmod 644 "$T/conf"
ask() { # ask ACT HOST [MS]: everything that is said of it
	timeout 240 "$STOCKADE" run-job --config "$T/conf" Net::Names "[\"$1\",\"$2\",\"8080\",\"${3:-3000}\"]" 2>&1
}
check "a name of a listed range is reached by a real lookup" has "$(ask connect a-10-0-0-5.beneath.example)" 'world'
check "loopback behind a name is refused" has "$(ask connect a-127-0-0-1.beneath.example)" NetLoopback
check "metadata behind a name is refused" has "$(ask connect a-169-254-169-254.beneath.example)" NetMetadata
check "another private range is refused" has "$(ask connect a-192-168-0-1.beneath.example)" NetPrivate
check "of a mixed answer the good one is taken" has "$(ask connect mixed-127-0-0-1-10-0-0-5.beneath.example)" '(10.0.0.5): Connected'
world() { # world HOST: for a class that may go anywhere public
	timeout 240 "$STOCKADE" run-job --config "$T/conf" Net::World "[\"connect\",\"$1\",\"8080\",\"3000\"]" 2>&1
}
check "a public address that is this machine's own is refused" has "$(world 198.41.0.4)" '(198.41.0.4): NetOwn'
check "also behind a name" has "$(world a-198-41-0-4.any.example)" '(198.41.0.4): NetOwn'
check "one that is not is tried" has "$(world 8.8.8.8)" 'NetConnectFailed: the connection was not made: Network is unreachable'
# a subnet routed to the loopback: no address of its own names it, yet packets stay here
ip route add local 9.9.9.0/24 dev lo src 198.41.0.4 2>/dev/null || echo "# no route could be added"
check "a public address that a route keeps on this machine is refused" has "$(world 9.9.9.9)" '(9.9.9.9): NetOwn'
check "also behind a name" has "$(world a-9-9-9-10.any.example)" '(9.9.9.10): NetOwn'
out=$(ask twice turns-10-0-0-5-127-0-0-1.beneath.example)
check "a name that turns inward is judged anew" has "$out" '(10.0.0.5): Connected'
check "and refused" has "$out" '(127.0.0.1): NetLoopback'
check "a name that does not exist" has "$(ask connect nothing.beneath.example)" NetNameUnknown
out=$(ask connect slow.beneath.example 400)
check "a name server that does not answer" has "$out" NetNameTimeout
check "costs what the job gave it" test "$(echo "$out" | sed -n 's/^used *\([0-9]*\) ms.*/\1/p')" -lt 3000
kill "$DNS"
wait "$DNS" 2>/dev/null
check "and one that is not there" has "$(ask connect a-10-0-0-5.beneath.example)" NetNameFailed
