#!/bin/sh
# The first program of a whole Debian on a disk without partitions: it loads what the disk needs, and goes over to the system there.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do
    insmod "/modules/$module" || echo "BAD module $module"
done
mkdir -p /root
mount -t ext4 /dev/vda /root || echo "BAD disk"
for folder in proc sys dev; do
    mount --move "/$folder" "/root/$folder"
done
exec switch_root /root /sbin/init
