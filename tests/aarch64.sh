#!/bin/sh
# The other architecture: everything is compiled for aarch64, and what needs no kernel of it (the
# tables, the filters' programs over every call and argument corner, names, records) runs under
# qemu-user. What asks a kernel cannot: qemu has no seccomp, no Landlock and no CLONE_PARENT.
# The libraries come from a private package state; the machine's own is not touched. Prints TAP.
set -u
for need in aarch64-linux-gnu-gcc qemu-aarch64 apt-get dpkg; do
	command -v "$need" >/dev/null || {
		echo "ok - aarch64 # SKIP install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
		exit 0
	}
done
T=${STOCKADE_AARCH64:-$(mktemp -d)}
out=$(realpath -m "${B:-build}")/aarch64
mkdir -p "$T/lists/partial" "$T/cache/archives/partial" "$T/root" "$T/debs"
: >"$T/status"
private() {
	apt-get -o Dir::State="$T" -o Dir::State::lists="$T/lists" -o Dir::State::status="$T/status" \
		-o Dir::Cache="$T/cache" -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
		-o APT::Sandbox::User= "$@"
}
if [ -z "$(ls "$T/debs")" ]; then
	private update >"$T/apt.log" 2>&1 && (cd "$T/debs" && private download libseccomp-dev libseccomp2 \
		libcap-dev libcap2 libpcre2-dev libpcre2-8-0 libcmocka-dev libcmocka0 libjansson-dev libjansson4 libsodium-dev libsodium23 \
		libconfig-dev libconfig9 libevent-dev libevent-core-2.1-7 libevent-extra-2.1-7 libhiredis-dev libhiredis0.14 zlib1g-dev zlib1g libpng-dev libpng16-16 \
		libjpeg62-turbo-dev libjpeg62-turbo libssl-dev libssl3) >>"$T/apt.log" 2>&1
	for deb in "$T"/debs/*.deb; do [ -e "$deb" ] && dpkg -x "$deb" "$T/root"; done
fi
R=$T/root/usr
if [ ! -e "$R/include/seccomp.h" ]; then
	tail -n 3 "$T/apt.log" | sed 's/^/# /'
	echo "ok - aarch64 # SKIP the package mirror has no arm64 libraries of this suite"
	exit 0
fi
status=0
libs=$R/lib/aarch64-linux-gnu:$T/root/lib/aarch64-linux-gnu
# what that root has, not what this machine has: a job whose library is not there is left out
PKG_CONFIG_LIBDIR=$R/lib/aarch64-linux-gnu/pkgconfig:$R/share/pkgconfig
PKG_CONFIG_SYSROOT_DIR=$T/root
# the schema compiler runs on this machine
if make --no-print-directory -j2 B="$out/host" "$out/host/stockade-schemac" >"$T/make.log" 2>&1 &&
	PKG_CONFIG_LIBDIR=$PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR=$PKG_CONFIG_SYSROOT_DIR make --no-print-directory -k -j2 B="$out" SCHEMAC="$out/host/stockade-schemac" WERROR=1 tests \
	CC="aarch64-linux-gnu-gcc -isystem $R/include -isystem $R/include/aarch64-linux-gnu -L$R/lib/aarch64-linux-gnu -Wl,-rpath-link,$libs" \
	>"$T/make.log" 2>&1; then
	echo "ok - aarch64: both programs and every test compile without a warning"
else
	grep -a 'error' "$T/make.log" | head -n 10
	echo "not ok - aarch64: both programs and every test compile without a warning"
	status=1
fi
for test in test_profile test_denials test_filter test_outcome test_report test_classes test_payload test_scan test_envelope; do
	CMOCKA_MESSAGE_OUTPUT=TAP qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$libs" \
		"$out/test/$test" >"$T/$test.log" 2>&1 && grep -aq '^ok ' "$T/$test.log" || status=1
	grep -aE '^(not )?ok |^#' "$T/$test.log" | sed 's/ - / - aarch64: /'
done
# and on a kernel of its own
sh tests/aarch64-kernel.sh "$out" "$T/root" || status=1
[ -n "${STOCKADE_AARCH64:-}" ] || rm -rf "$T"
exit $status
