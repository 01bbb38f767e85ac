#!/bin/sh
# Keys are rotated under load: old key active, both, old retiring, old removed; an Ed25519 and an HMAC key at once,
# four workers of two services, one told by SIGHUP, one that finds the swap of a mounted directory by itself.
# Several hundred jobs, pushed all the while: none is refused, none waits, all are done, each once. The control
# removes a key too early: that is seen, and nothing is lost.
. tests/stage.sh
stage_up
LOAD='' TWO=''
trap '[ -z "$LOAD" ] || kill "$LOAD" 2>/dev/null; [ -z "$TWO" ] || kill -9 "$TWO" 2>/dev/null; stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/mount"
for kid in old new spare; do
	"$STOCKADE" keys generate --kid $kid-e --principal web --out "$T/keys" >"$T/$kid.stanza" || exit 70
	"$STOCKADE" keys generate --kid $kid-h --principal web --alg hmac-sha256 --out "$T/keys" >/dev/null || exit 70
done
forever=2040-01-01T00:00:00Z
entry() { # entry KID IAT_TO: both keys of that age, as lines of the policy
	echo "{ kid = \"$1-e\"; alg = \"ed25519\"; public = \"$(public "$1")\"; iat_from = \"2020-01-01T00:00:00Z\"; iat_to = \"$2\"; },"
	echo "{ kid = \"$1-h\"; alg = \"hmac-sha256\"; secret_file = \"$1-h.key\"; iat_from = \"2020-01-01T00:00:00Z\"; iat_to = \"$2\"; },"
}
n=0
swap() { # swap LINES: the next generation of the mount, policy and keys together, then one symlink
	n=$((n + 1))
	mkdir "$T/mount/..$n"
	cp -p "$T"/keys/*-h.key "$T/mount/..$n/"
	awk -v lines="$1" '!done && sub(/keys = \(/, "keys = (" lines) { done = 1 } { print }' "$T/policy.conf" >"$T/mount/..$n/policy.conf"
	ln -s "..$n" "$T/mount/..new" && mv -T "$T/mount/..new" "$T/mount/..data"
	GENERATION=$(sha256sum "$T/mount/..$n/policy.conf" | cut -d' ' -f1)
	[ -z "${WORKER:-}" ] || kill -HUP "$WORKER"
}
loaded_by() { grep -a "$GENERATION" "$T/log" "$T/log2" 2>/dev/null | grep -ac 'policy\.\(loaded\|reloaded\)'; }
all_know() { [ "$(loaded_by)" -ge 4 ]; }
dones() { cat "$T/log" "$T/log2" | grep -ac '"event.reason":"Done"'; }
all_done() { [ "$(dones)" = "$(grep -c . "$T/pushed")" ]; }
sign_by() { # sign_by KID
	"$STOCKADE" sign --key "$T/keys/$1.key" --kid "$1" --aud "$AUD" --queue files --class ChecksumFile '["x.txt"]'
}
produce() { # with the keys that $T/ring names, until it is told: one that is killed may have pushed and not said so
	while [ ! -e "$T/enough" ]; do
		for kid in $(cat "$T/ring"); do
			push files "$(sign_by "$kid")"
			echo "$kid" >>"$T/pushed"
		done
	done
}
pushed() { grep -c "^$1" "$T/pushed"; }
at_least() { [ "$(pushed "$1")" -ge "$2" ]; }

swap "$(entry old $forever)"
ln -s ..data/policy.conf "$T/mount/policy.conf"
EXTRA='concurrency = 2;' write_config
worker_start --policy "$T/mount/policy.conf"
sed 's/host = "stage"/host = "stage-two"/' "$T/stockade.conf" >"$T/two.conf"
"$STOCKADE" work --config "$T/two.conf" --policy "$T/mount/policy.conf" >>"$T/log2" 2>&1 &
TWO=$!
check "four workers of two services" wait_for 20 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' scard resque:workers) = 4 ]"
: >"$T/pushed"
echo 'old-e old-h' >"$T/ring"
produce &
LOAD=$!
check "jobs of the old keys run" wait_for 30 at_least old 50

swap "$(entry old $forever)$(entry new $forever)"
check "the new keys are published: every worker tells the digest" wait_for 20 all_know
echo 'old-e old-h new-e new-h' >"$T/ring"
check "both are signed with" wait_for 30 at_least new 50
echo 'new-e new-h' >"$T/ring"
kill -STOP "$LOAD" && sleep 0.2 && kill -CONT "$LOAD" # the turn it is in ends with what it had read
before=$(pushed new)
check "producers have switched" wait_for 30 at_least new $((before + 20))
sleep 1
swap "$(entry old "$(date -u +%Y-%m-%dT%H:%M:%SZ)")$(entry new $forever)"
check "the old keys retire" wait_for 20 all_know
check "that is told" wait_for 5 grep -aq '"stockade.keys_retiring":2' "$T/log"
before=$(pushed new)
check "and the load goes on" wait_for 30 at_least new $((before + 50))
swap "$(entry new $forever)"
check "the old keys are removed" wait_for 20 all_know
before=$(pushed new)
check "and the load goes on" wait_for 30 at_least new $((before + 50))
: >"$T/enough"
wait "$LOAD"
LOAD=
total=$(grep -c . "$T/pushed")
echo "# $total jobs, $(pushed old) of old keys"
check "several hundred jobs in all" test "$total" -ge 250
check "every one is done" wait_for 60 all_done
check "none was refused, none waited" eq "$(cat "$T/log" "$T/log2" | grep -acE '"event.action":"job.(refused|deferred)"')" 0
check "nothing lies in an area" eq "$(rcli keys 'resque:stockade:quarantine:*')$(rcli keys 'resque:stockade:unknownkey:*')$(rcli keys 'resque:stockade:parked:*')" ""
check "each ran once" eq "$(rcli get resque:stat:processed)" "$total"

# --- the control: a key is removed while its jobs still wait
rcli set resque:pause-all-workers true >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
	push files "$(sign_by new-e)"
	echo new-e >>"$T/pushed"
done
swap "$(entry spare $forever)"
check "the keys in use are removed" wait_for 20 all_know
rcli del resque:pause-all-workers >/dev/null
check "too early: their jobs wait as those of an unknown key" wait_for 20 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:unknownkey:files) = 10 ]"
swap "$(entry spare $forever)$(entry new $forever)"
check "put back, every one of them runs" wait_for 30 all_done
kill -TERM "$TWO" && wait "$TWO"
TWO=
worker_stop
