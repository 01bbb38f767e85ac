#!/bin/sh
# With /proc mounted hidepid=2 no worker can look at its undumpable children. Every job came back as
# SandboxUnavailable with "Seccomp 0", as if the cage had been left open; the start must say it.
. tests/stage.sh
stage_up
trap stage_down EXIT

cat >"$T/hidden.sh" <<EOF
mount -t proc -o hidepid=2 proc /proc || exit 200
exec unshare -U --map-user=$(id -u) "$STOCKADE" work --config "$T/stockade.conf"
EOF
INTERVAL=0 timeout -k 1 20 unshare -r -m -p -f sh "$T/hidden.sh" >"$T/told" 2>&1
RC=$?
if [ "$RC" = 200 ] || grep -q '^unshare:' "$T/told"; then
	echo "ok 1 - a hidden /proc is refused by name # SKIP no user namespaces here"
	exit 0
fi
check "a hidden /proc is refused by name" has "$(cat "$T/told")" "layer proc is missing: refused with ENOENT"
check "with what hides it" has "$(cat "$T/told")" "a /proc without hidepid; under systemd without ProtectProc"
check "with the code of an unfit machine" eq "$RC" 71
