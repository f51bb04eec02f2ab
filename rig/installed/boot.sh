#!/bin/sh
# boot.sh ROOT: makes ROOT the root of the namespaces that it runs in, and becomes systemd there, as process 1 of a host.
# Nothing of the machine around it can be changed from inside: no clock, no kernel setting but those of its own network.
set -eu
root=$1
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
mount --bind /proc/sys/net "$root/proc/sys/net" 2> /dev/null || true
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir -p "$root/dev/pts" "$root/dev/shm" "$root/dev/net"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
node() { [ ! -e "/dev/$1" ] || mknod -m "$4" "$root/dev/$1" c "$2" "$3"; }
node null 1 3 666
node zero 1 5 666
node full 1 7 666
node random 1 8 666
node urandom 1 9 666
node tty 5 0 666
node net/tun 10 200 666
node kvm 10 232 660
node fuse 10 229 666
for device in /dev/loop[0-9]*; do  # the disks of its owner's machines; made by the rig beside it
    [ ! -b "$device" ] || mknod -m 660 "$root$device" b 7 "${device#/dev/loop}"
done
[ ! -e "$root/dev/kvm" ] || chroot "$root" chgrp kvm /dev/kvm 2> /dev/null || true
if [ -n "${SHARED:-}" ]; then  # a folder that several hosts have, as from a storage of their site
    mkdir -p "$root/srv/shared"
    mount --bind "$SHARED" "$root/srv/shared"
fi
cd "$root"
mkdir -p .machine
pivot_root . .machine
umount -l /.machine
exec setpriv --bounding-set=-sys_time,-sys_module,-sys_boot,-syslog \
    env -i container=secondsite-rig PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal --show-status=0 \
    systemd.unit="${UNIT:-multi-user.target}"
