#!/bin/sh
# The last service of a whole Debian system: it says from what it runs, and does once what the kernel's command line asks for.
exec >/dev/ttyS0 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# The drivers from a disk upwards, the disk's own first.
drivers() {
    at=$(readlink -f "/sys/block/$1/device")
    while [ "$at" != / ]; do
        [ -e "$at/driver" ] && printf '%s,' "$(basename "$(readlink -f "$at/driver")")"
        at=$(dirname "$at")
    done
}

boot_loader() {
    mkfs.vfat -F 32 "$1"2 >/dev/null
    mkdir -p "$2/boot/efi"
    mount "$1"2 "$2/boot/efi"
    chroot "$2" grub-install --target=i386-pc --no-floppy "$1"
    chroot "$2" grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
    chroot "$2" update-grub
    umount "$2/boot/efi"
}

# Everything once more, on a disk with LVM and XFS, in /mnt.
logical() {
    sfdisk -q /dev/vdb </usr/local/share/parts
    udevadm settle
    vgcreate -q -y system /dev/vdb3
    lvcreate -q -y -n root -l 100%FREE system
    mkfs.xfs -q /dev/system/root
    mount /dev/system/root /mnt
    tar -C / --one-file-system -c bin boot etc home lib lib64 opt root sbin srv usr var | tar -C /mnt -x
    mkdir /mnt/dev /mnt/proc /mnt/sys /mnt/run /mnt/tmp /mnt/mnt
    echo "UUID=$(blkid -s UUID -o value /dev/system/root) / xfs defaults 0 1" >/mnt/etc/fstab
    for each in proc sys dev run; do mount --rbind /$each /mnt/$each; done
}

told() {
    for disk in /sys/block/vd*; do
        [ "$(cat "$disk/serial")" = agent ] || continue
        cat "/dev/${disk##*/}" >/var/tmp/told-by
        chmod 755 /var/tmp/told-by
        echo "TOLD $(/var/tmp/told-by machine | tr -d '\n')"
    done
}

# An initramfs for the hardware of this start alone.
dependent() {
    sed -i 's/^MODULES=.*/MODULES=dep/; s/^COMPRESS=.*/COMPRESS=gzip/' /etc/initramfs-tools/initramfs.conf
    update-initramfs -u
}

host_only() {
    printf 'hostonly="yes"\ncompress="gzip"\n' >/mnt/etc/dracut.conf.d/own.conf
    chroot /mnt dracut -q --force --regenerate-all
}

prepare=$(sed -n 's/.*system.prepare=\([a-z-]*\).*/\1/p' /proc/cmdline)
case $prepare in
    most) boot_loader /dev/vda / ;;
    dep) dependent && boot_loader /dev/vda / ;;
    logical) logical && boot_loader /dev/vdb /mnt ;;
    host-only) logical && host_only && boot_loader /dev/vdb /mnt ;;
esac
# what GRUB reads must not be in XFS's log alone
mountpoint -q /mnt && fsfreeze --freeze /mnt
if [ -n "$prepare" ]; then
    sync
    echo "PREPARED $prepare"
    poweroff -f
fi
root=$(findmnt -no SOURCE /)
first=$(lsblk -nso NAME,TYPE -r "$root" | sed -n 's/ disk$//p' | head -n 1)
echo "SYSTEM $(uname -r) root=$root kind=$(findmnt -no FSTYPE /) disk=$first drivers=$(drivers "$first")"
told
echo "READY"
