#!/bin/sh
# In the machine, as its first process: what tests/root/ asks of a whole kernel.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp B=build
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
exec >/dev/console 2>&1
cd /srv/stockade || exit 1
echo "# $(uname -sr), controllers: $(cat /sys/fs/cgroup/cgroup.controllers)"
sh tests/root/020-cgroup.sh
echo "# the machine is done"
sync
echo o >/proc/sysrq-trigger
sleep 60
