#!/bin/sh
# Makes a server of the system that runs: on two disks with LVM, with a database across both. Once, on virtio.
exec >/dev/ttyS0 2>&1
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
trap 'echo "FAILED at $?"; poweroff -f' EXIT

sfdisk -q /dev/vdb </usr/local/share/parts
udevadm settle
vgcreate -q -y server /dev/vdb3 /dev/vdc
lvcreate -q -y -n data --stripes 2 -L 640M server
lvcreate -q -y -n root -l 100%PVS server /dev/vdb3
mkfs.ext4 -q /dev/server/root
mkfs.xfs -q /dev/server/data
mount /dev/server/root /mnt
mkdir -p /mnt/var/lib/postgresql
mount /dev/server/data /mnt/var/lib/postgresql
tar -C / --one-file-system -c bin boot etc home lib lib64 opt root sbin srv usr var | tar -C /mnt -x
mkdir -p /mnt/dev /mnt/proc /mnt/sys /mnt/run /mnt/tmp /mnt/mnt
chmod 1777 /mnt/tmp
{
    echo "UUID=$(blkid -s UUID -o value /dev/server/root) / ext4 defaults 0 1"
    echo "UUID=$(blkid -s UUID -o value /dev/server/data) /var/lib/postgresql xfs defaults,x-systemd.device-timeout=600 0 2"
} >/mnt/etc/fstab
mkfs.vfat -F 32 /dev/vdb2 >/dev/null
mkdir -p /mnt/boot/efi
mount /dev/vdb2 /mnt/boot/efi
for each in proc sys dev; do mount --rbind /$each /mnt/$each; done
chroot /mnt grub-install --target=i386-pc --no-floppy /dev/vdb
chroot /mnt grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
chroot /mnt update-grub
chroot /mnt chown postgres: /var/lib/postgresql
chroot /mnt systemctl disable make-server.service
chroot /mnt systemctl enable rows.service command.service
umount /mnt/boot/efi
sync
trap - EXIT
echo "PREPARED server"
poweroff -f
