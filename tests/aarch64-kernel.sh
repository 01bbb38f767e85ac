#!/bin/sh
# The other architecture's kernel, Debian's, under emulation: filters, Landlock, limits, cages, threads, brokers and
# secrets, on what tests/aarch64.sh has compiled. Root only, some ten minutes. Prints TAP.
#   tests/aarch64-kernel.sh OUT LIBRARIES     what was compiled; the folder with its libraries' packages unpacked
set -u
out=$1 libraries=$2
for need in qemu-system-aarch64 apt-get dpkg mke2fs busybox xz; do
	command -v $need >/dev/null || { echo "ok - aarch64 kernel # SKIP install $need (qemu-system-arm e2fsprogs busybox-static xz-utils)"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "ok - aarch64 kernel # SKIP needs root, to make a disk of others' files"; exit 0; }
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
R=$T/root
skip_without() {
	tail -n 3 "$T/apt.log" | sed 's/^/# /'
	echo "ok - aarch64 kernel # SKIP the package mirror has no $1"
	exit 0
}
private() { # private SUITE COMMAND...: apt with a state of its own
	suite=$1
	shift
	mkdir -p "$T/$suite/lists/partial" "$T/$suite/cache/archives/partial" "$T/$suite/parts"
	: >"$T/$suite/status"
	for f in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
		[ ! -f "$f" ] || sed "s/$(. /etc/os-release && echo "$VERSION_CODENAME")/$suite/g" "$f" >"$T/$suite/parts/$(basename "$f")"
	done
	"${TOOL:-apt-get}" -o Dir::State="$T/$suite" -o Dir::State::lists="$T/$suite/lists" -o Dir::State::status="$T/$suite/status" \
		-o Dir::Cache="$T/$suite/cache" -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$T/$suite/parts" \
		-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= "$@"
}
# a kernel with Landlock's newer rights, and the userland that goes with the libraries
here=$(. /etc/os-release && echo "$VERSION_CODENAME")
private trixie update >"$T/apt.log" 2>&1
kernel=$(TOOL=apt-cache private trixie depends linux-image-cloud-arm64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
[ -n "$kernel" ] && (cd "$T" && private trixie download "$kernel") >>"$T/apt.log" 2>&1 || skip_without "arm64 kernel"
dpkg -x "$T"/linux-image-*.deb "$T/kernel"
mkdir "$T/debs"
private "$here" update >>"$T/apt.log" 2>&1
(cd "$T/debs" && private "$here" download libc6 libgcc-s1 busybox-static dash coreutils util-linux sed grep mawk perl-base \
	libselinux1 libacl1 libattr1 libgmp10 libssl3 libcrypt1 libcap-ng0 redis-server redis-tools libjemalloc2 liblua5.1-0 \
	liblzf1 libatomic1 lua-bitop lua-cjson libsystemd0 liblzma5 libzstd1 liblz4-1 libgcrypt20 libgpg-error0) >>"$T/apt.log" 2>&1
# one /usr, as programs' library trees have it
mkdir -p "$R/usr/bin" "$R/usr/sbin" "$R/usr/lib" "$R/proc" "$R/sys" "$R/dev" "$R/tmp" "$R/etc" "$R/srv/st/build"
for d in bin sbin lib; do ln -s usr/$d "$R/$d"; done
for deb in "$T"/debs/*.deb; do
	[ -e "$deb" ] && dpkg-deb --fsys-tarfile "$deb" | tar -xf - --keep-directory-symlink -C "$R"
done
[ -e "$R/bin/busybox" ] || skip_without "arm64 userland"
ln -sf dash "$R/bin/sh"
ln -sf mawk "$R/usr/bin/awk"
printf 'root:x:0:0::/root:/bin/sh\nst:x:61007:61007::/tmp:/bin/sh\n' >"$R/etc/passwd"
git archive HEAD | tar -xf - -C "$R/srv/st"
cp -a "$out/stockade" "$out/stockade-cage" "$out/test" "$R/srv/st/build/"
for d in usr/lib lib; do
	[ ! -d "$libraries/$d/aarch64-linux-gnu" ] || cp -a "$libraries/$d"/aarch64-linux-gnu/*.so* "$R/usr/lib/aarch64-linux-gnu/"
done
chown -R 61007:61007 "$R/srv/st"
cp tests/machine/aarch64-tests.sh "$R/first" && chmod 755 "$R/first"

mkdir -p "$T/first/bin" "$T/first/proc" "$T/first/dev" "$T/first/new"
cp "$R/bin/busybox" "$T/first/bin/busybox"
for m in virtio_mmio virtio_blk; do xz -dc "$(find "$T/kernel" -name "$m.ko.xz")" >"$T/first/$m.ko"; done
cat >"$T/first/init" <<'END'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
$b insmod /virtio_mmio.ko
$b insmod /virtio_blk.ko
while [ ! -e /dev/vda ]; do $b sleep 0.1; done
$b mount -t ext4 /dev/vda /new
$b mount --move /dev /new/dev
$b umount /proc
exec $b switch_root /new /first
END
chmod 755 "$T/first/init"
(cd "$T/first" && find . | busybox cpio -o -H newc | gzip) >"$T/initrd" 2>/dev/null
mke2fs -q -t ext4 -d "$R" "$T/disk" 2G || { echo "not ok - aarch64 kernel: a disk"; exit 1; }
timeout 2400 qemu-system-aarch64 -M virt -accel tcg,thread=multi -cpu max,pauth-impdef=on -smp 2 -m 4096 -nographic -no-reboot -snapshot \
	-kernel "$T"/kernel/boot/vmlinuz-* -initrd "$T/initrd" -drive file="$T/disk",format=raw,if=virtio \
	-append "console=ttyAMA0 panic=-1 loglevel=4 lsm=landlock,yama" </dev/null 2>&1 | tr -d '\r' >"$T/out"
grep -aE '^(not )?ok |^# ' "$T/out"
grep -aq '^# the machine is done' "$T/out" || { echo "not ok - the machine came to its end"; tail -n 20 "$T/out" | sed 's/^/#   /'; exit 1; }
! grep -aq '^not ok ' "$T/out"
