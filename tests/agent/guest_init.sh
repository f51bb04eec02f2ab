#!/bin/busybox sh
# The first process of a guest whose files are its host's, read only: it does one thing, and goes off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for each in $(cat /modules/order); do insmod "/modules/$each"; done
mkdir -p /host /top /new
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose root /host
mount -t tmpfs top /top
mkdir /top/upper /top/work
mount -t overlay -o lowerdir=/host,upperdir=/top/upper,workdir=/top/work over /new
rm -f /new/.dockerenv
for each in proc sys dev; do mount -o move "/$each" "/new/$each"; done
for each in run tmp var/tmp dev/shm; do
    mkdir -p "/new/$each"
    mount -t tmpfs tmp "/new/$each"
done
mkdir -p /new/lib/modules /new/dev/pts
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=none shared /new/mnt
mount -o bind "/host$(cat /modules/root)/lib/modules" /new/lib/modules
chroot /new /bin/sh /mnt/work >/new/mnt/log 2>&1
echo "ended $?" >>/new/mnt/log
poweroff -f
