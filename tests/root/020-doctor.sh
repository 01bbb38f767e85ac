#!/bin/sh
# Where everything is as it should be, doctor says so and ends with 0: a uid that nothing else has, a /tmp
# of its own, a cage program that belongs to root, a Redis with users, persistence and small elements.
. tests/stage.sh
[ "$(id -u)" = 0 ] || { echo "ok - a machine that is well # SKIP needs root"; exit 0; }
unshare -m true 2>/dev/null || { echo "ok - a machine that is well # SKIP needs mount namespaces, which a chroot whose root is no mount point has not"; exit 0; }
TMPDIR=/var/tmp # /tmp is another one where doctor runs
export TMPDIR
stage_up
trap stage_down EXIT
uid=61231
chmod 755 "$T" "$T/inputs"
chmod 777 "$REDIS_DIR" "$REDIS_SOCK" "$LEDGER_DIR" "$LEDGER_SOCK"
install -o root -m 555 "$CAGE" "$T/cage"
printf 'geheim\n' >"$T/secret/pw"
chown "$uid" "$T/secret/pw" "$T/secret/ledger" "$T/policy.conf"
chmod 711 "$T/secret"
chmod 400 "$T/secret/pw" "$T/policy.conf"
CAGE=$T/cage EXTRA="redis_user = \"worker\"; redis_password_file = \"$T/secret/pw\"; user = \"$uid\";" write_config
rcli acl setuser worker on '>geheim' '~*' '&*' '+@all' >/dev/null
rcli config set proto-max-bulk-len 1mb >/dev/null
rcli config set appendonly yes >/dev/null
rcli acl setuser default '>geheim' '-@all' '+info' '+shutdown' '+ping' >/dev/null
install -m 555 "$STOCKADE" "$T/stockade"
doctor() { # where /tmp has a size of its own; the sockets are bound into it
	unshare -m sh -c "mkdir '$T/redis' '$T/ledger' && mount --bind '$REDIS_DIR' '$T/redis' &&
		mount --bind '$LEDGER_DIR' '$T/ledger' &&
		mount -t tmpfs -o size=64M,mode=1777 none /tmp && mkdir '$REDIS_DIR' '$LEDGER_DIR' &&
		mount --bind '$T/redis' '$REDIS_DIR' && mount --bind '$T/ledger' '$LEDGER_DIR' &&
		exec env -u REDIS_URL '$T/stockade' doctor --config '$T/stockade.conf'" >"$T/out" 2>&1
}
doctor
RC=$?
# a stock cage with ExtractText executes a program, and a machine without a user namespace of its own
# has one warning for that
warned=$(grep -c '^WARN' "$T/out")
check "all is well" sh -c "[ $RC = 0 ] || { [ $RC = 3 ] && [ $warned = 1 ] && grep -q '^WARN.*user_namespace' '$T/out'; }"
grep -vE '^ok|^off' "$T/out" | sed 's/^/#   /'
check "nothing is missing or refused" sh -c "! grep -qE '^(MISS|REFUSE)' '$T/out'"
STOCKADE_USER=root "$STOCKADE" doctor --config "$T/stockade.conf" >"$T/root" 2>&1
check "as root it refuses: 4" eq $? 4
check "with the reason" grep -q '^REFUSE.*user must not be root' "$T/root"
# uid 0 escapes these two; the sentence says so, and what to do stands beneath each that is not ok
check "what uid 0 escapes is said to be that" sh -c "grep -q '^REFUSE *layer *dumpable.*uid 0, which it does not bind' '$T/root' && grep -q '^REFUSE *layer *rlimit_nproc.*uid 0' '$T/root'"
check "each layer that is refused or missing has its cure" eq "$(awk '/^(REFUSE|MISS) *layer/ { open = $0; next } open != "" { if ($0 !~ /->/) print open; open = "" }' "$T/root")" ""
check "and looks at the rest all the same" grep -q '^ok .*seccomp_trap' "$T/root"
