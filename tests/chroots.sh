#!/bin/sh
# The whole project on bare machines: for each suite a debootstrapped minbase root with only git and
# make added, a fresh clone in it, then `make demo` and `make check` as a newcomer would type them.
# Root only; the tree drops to an unprivileged uid inside by itself. Prints TAP.
#   tests/chroots.sh [suite ...]        default: bookworm trixie
#   STOCKADE_ROOTS=dir                  keeps and reuses the bare roots there
set -u
[ "$(id -u)" = 0 ] || { echo "ok - bare roots # SKIP needs root"; exit 0; }
command -v debootstrap >/dev/null || { echo "ok - bare roots # SKIP install debootstrap"; exit 0; }
[ $# -gt 0 ] || set -- bookworm trixie
roots=${STOCKADE_ROOTS:-$(mktemp -d)}
status=0
in_root() { chroot "$R" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb DEBIAN_FRONTEND=noninteractive "$@"; }
unmount() { for m in proc dev/pts dev testdata; do mountpoint -q "$R/$m" && umount -l "$R/$m"; done; }

for suite in "$@"; do
	R=$roots/$suite
	if [ ! -x "$R/usr/bin/apt-get" ]; then
		mkdir -p "$R"
		debootstrap --variant=minbase "$suite" "$R" >"$roots/$suite.log" 2>&1 || {
			echo "not ok - $suite: debootstrap failed, see $roots/$suite.log"
			status=1
			continue
		}
	fi
	work=$(mktemp -d "$roots/run-XXXXXX")
	cp -a "$R" "$work/root" && R=$work/root
	cp /etc/resolv.conf "$R/etc/resolv.conf" 2>/dev/null
	trap 'unmount' EXIT
	mount -t proc proc "$R/proc"
	mount --rbind /dev "$R/dev" 2>/dev/null && mount --make-rslave "$R/dev"
	data=
	if [ -d "${STOCKADE_TESTDATA:-/nonexistent}" ]; then
		mkdir -p "$R/testdata" && mount --bind "$STOCKADE_TESTDATA" "$R/testdata"
		data=STOCKADE_TESTDATA=/testdata
	fi
	in_root sh -c 'apt-get update && apt-get install -y --no-install-recommends git make' >"$work/apt.log" 2>&1 ||
		{ echo "not ok - $suite: git and make could not be installed"; tail -3 "$work/apt.log"; status=1; }
	git clone -q . "$R/root/stockade"
	for target in demo check; do
		start=$(date +%s)
		if in_root $data sh -c "cd /root/stockade && make $target" >"$work/$target.log" 2>&1; then
			echo "ok - $suite: make $target in a fresh clone ($(($(date +%s) - start)) s): $(tail -1 "$work/$target.log")"
		else
			echo "not ok - $suite: make $target in a fresh clone"
			{ grep -aE -A12 '^FAILED|error:' "$work/$target.log" | head -n 60; tail -n 5 "$work/$target.log"; } | sed 's/^/#   /'
			status=1
		fi
	done
	unmount
	trap - EXIT
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$work"
done
exit $status
