#!/bin/sh
# The first program of an emulated host: it puts memory over the root folder of the machine around it, and runs /command there.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do
    insmod "/modules/$module" || echo "BAD module $module"
done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 root /low
mount -t tmpfs -o size=2g up /up
mkdir /up/files /up/work
mount -t overlay -o lowerdir=/low,upperdir=/up/files,workdir=/up/work root /new
for folder in proc sys dev; do
    mount --move "/$folder" "/new/$folder"
done
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts pts /new/dev/pts
for folder in dev/shm run tmp var/tmp; do
    mount -t tmpfs tmpfs "/new/$folder"
done
chmod 1777 /new/tmp /new/var/tmp /new/dev/shm
ip link set lo up
cp /command /new/run/command
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
chroot /new /bin/sh /run/command
echo "ENDED $?"
/bin/busybox poweroff -f
