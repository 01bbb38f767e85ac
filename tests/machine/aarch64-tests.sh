#!/bin/sh
# In the machine of tests/aarch64-kernel.sh, as its first process.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/tmp B=build CMOCKA_MESSAGE_OUTPUT=TAP
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -p /dev/shm
$b mount -t tmpfs -o mode=1777 shm /dev/shm
$b ifconfig lo up
exec >/dev/console 2>&1
cd /srv/st || exit 1
echo "# $(uname -srm)"
as_user() { setpriv --reuid=61007 --regid=61007 --clear-groups --inh-caps=-all "$@"; }
# Not yet: test_program (this bare root's perl is not what it names), test_bombs (a control takes 4 GiB), test_cage and
# test_escape (an emulated processor is too slow for their waits), test_seal.
for t in test_filter_kernel test_landlock test_limits test_caps test_entry test_threads test_probe test_walls \
	test_recycle test_handed test_net test_broker; do
	as_user timeout 600 "build/test/$t" >/tmp/out 2>&1
	status=$?
	if [ $status = 0 ]; then
		echo "ok - aarch64 kernel: $t: $(grep -c '^ok [0-9]' /tmp/out) as here"
	else
		echo "not ok - aarch64 kernel: $t: status $status"
		grep -A3 '^not ok\|ERROR' /tmp/out | head -n 12 | sed 's/^/#   /'
	fi
done
echo "# the machine is done"
echo o >/proc/sysrq-trigger
sleep 60
