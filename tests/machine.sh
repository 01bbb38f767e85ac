#!/bin/sh
# A machine of its own, under emulation: a Debian root in which the project was built and installed, and Debian's
# kernel. It shows what a machine may not have to give: controllers of memory and tasks for version 2 of cgroups
# (tests/root/), and the unit of contrib/systemd under systemd itself. x86_64, root only, some ten minutes. Prints TAP.
#   tests/machine.sh [suite]     default: trixie
#   STOCKADE_ROOTS=dir           keeps and reuses the bare root there, as tests/chroots.sh does
set -u
for need in debootstrap qemu-system-x86_64 busybox mke2fs dpkg-deb; do
	command -v $need >/dev/null || { echo "ok - a machine of its own # SKIP install $need (debootstrap qemu-system-x86 busybox-static e2fsprogs)"; exit 0; }
done
[ "$(id -u)$(uname -m)" = 0x86_64 ] || { echo "ok - a machine of its own # SKIP needs root on x86_64"; exit 0; }
suite=${1:-trixie}
uid=61007
roots=${STOCKADE_ROOTS:-$(mktemp -d)}
work=$(mktemp -d "$roots/machine-XXXXXX")
R=$work/root
fail() {
	echo "not ok - a machine of its own: $1"
	[ ! -s "$work/log" ] || tail -n 15 "$work/log" | sed 's/^/#   /'
	exit 1
}
unmount() { for m in proc dev; do mountpoint -q "$R/$m" && umount -l "$R/$m"; done; }
clean() {
	unmount
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$work"
	[ -n "${STOCKADE_ROOTS:-}" ] || rm -rf --one-file-system "$roots"
}
trap clean EXIT
inside() { chroot "$R" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb DEBIAN_FRONTEND=noninteractive "$@"; }

# --- the root
[ -x "$roots/$suite/usr/bin/apt-get" ] || debootstrap --variant=minbase "$suite" "$roots/$suite" >"$work/log" 2>&1 || fail "debootstrap"
cp -a "$roots/$suite" "$R"
cp /etc/resolv.conf "$R/etc/resolv.conf" 2>/dev/null
mount -t proc proc "$R/proc" && mount --rbind /dev "$R/dev" && mount --make-rslave "$R/dev" || fail "mount"
inside sh -c 'apt-get update && apt-get install -y --no-install-recommends git make systemd' >"$work/log" 2>&1 || fail "packages"
# the kernel alone, without what would make an initrd and a boot loader of it
inside sh -c 'mkdir /kernel && cd /kernel && apt-get download $(apt-cache depends linux-image-cloud-amd64 | sed -n "s/.*Depends: \(linux-image-[0-9].*\)/\1/p")' >"$work/log" 2>&1 || fail "a kernel"
dpkg-deb -x "$R"/kernel/linux-image-*.deb "$work/kernel" || fail "a kernel"
git clone -q . "$R/srv/stockade" || fail "clone"
inside sh -c "cd /srv/stockade && contrib/bootstrap && chown -R $uid:$uid . && setpriv --reuid=$uid --regid=$uid --clear-groups make -j2 tests && make install PREFIX=/usr" >"$work/log" 2>&1 || fail "the build"
cp tests/machine/*.sh "$R/srv/" && chmod 755 "$R"/srv/*.sh && cp tests/machine/check.service "$R/etc/systemd/system/"
mkdir -p "$R/etc/systemd/system/multi-user.target.wants"
ln -s ../check.service "$R/etc/systemd/system/multi-user.target.wants/"
for other in redis-server.service apt-daily.timer apt-daily-upgrade.timer getty-static.service serial-getty@.service; do
	ln -sf /dev/null "$R/etc/systemd/system/$other"
done
unmount

# --- its first steps: the disk's driver, then the root
mkdir -p "$work/first/bin" "$work/first/proc" "$work/first/dev" "$work/first/new"
cp "$(command -v busybox)" "$work/first/bin/busybox"
xz -dc "$(find "$work/kernel" -name 'virtio_blk.ko.xz')" >"$work/first/virtio_blk.ko" || fail "virtio_blk"
cat >"$work/first/init" <<'END'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
$b insmod /virtio_blk.ko
while [ ! -e /dev/vda ]; do $b sleep 0.1; done
$b mount -t ext4 /dev/vda /new
$b mount --move /dev /new/dev
init=$($b sed 's/.*first=\([^ ]*\).*/\1/' /proc/cmdline)
$b umount /proc
exec $b switch_root /new $init
END
chmod 755 "$work/first/init"
(cd "$work/first" && find . | busybox cpio -o -H newc | gzip) >"$work/initrd" 2>/dev/null
mke2fs -q -t ext4 -d "$R" "$work/disk" 5G || fail "mke2fs"

run() { # run PROGRAM: into $work/out
	timeout 1500 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nographic -no-reboot -snapshot \
		-kernel "$work"/kernel/boot/vmlinuz-* -initrd "$work/initrd" -drive file="$work/disk",format=raw,if=virtio \
		-append "console=ttyS0 panic=-1 loglevel=4 lsm=landlock,yama first=$1" </dev/null 2>&1 | tr -d '\r' >"$work/out"
}
boot() { # boot PROGRAM: what it prints, as TAP. An emulated kernel may panic where a real one does not
	for try in first second third; do
		run "$1"
		grep -aq 'Kernel panic - not syncing' "$work/out" || break
		echo "# the $try time the emulated kernel itself gave up; once more"
	done
	grep -aE '^(not )?ok |^# ' "$work/out"
	grep -aq '^# the machine is done' "$work/out" || { echo "not ok - $1 came to its end"; tail -n 20 "$work/out" | sed 's/^/#   /'; status=1; }
	! grep -aq '^not ok ' "$work/out" || status=1
}
status=0
boot /srv/root-tests.sh
boot /usr/lib/systemd/systemd
exit $status
