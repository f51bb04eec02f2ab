# What a guest does, in the files of its host: /mnt/words says where, how long, and with which seed.
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1 MDADM_NO_UDEV=1 WRITER_MIB=2
. /mnt/words
modprobe -a $modules
mkdir -p /etc/lvm
echo 'activation { udev_sync=0 udev_rules=0 }' >/etc/lvm/lvmlocal.conf
echo 'devices { obtain_device_list_from_udev=0 }' >>/etc/lvm/lvmlocal.conf

# As its maker named a disk; SCSI has that behind a head of four bytes.
serial() {
    for each in "$1/serial" "$1/device/serial" "$1/device/vpd_pg80"; do
        [ ! -e "$each" ] || tr -dc 'a-z0-9' <"$each"
    done
}

named=
for disk in /sys/block/*; do
    found=$(serial "$disk")
    case $found in fuzz*) named="$named $found:${disk##*/}" ;; esac
done
disks=$(printf '%s\n' $named | sort | sed 's/fuzz[0-9]\([a-z0-9]*\):\(.*\)/\2=\1/')
uname -r
free -m
echo "disks: $disks"
cd "$top"
exec "$python" -m tests.agent.fuzz "$seconds" "$seed" $disks outside=/mnt
