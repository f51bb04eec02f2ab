#!/bin/busybox sh
# All that runs in a helper machine. It mounts the guest's file systems, to be read, and answers requests: one line each
# on the port secondsite.words, as VERB DEVICE PATH, each byte of PATH as \0NNN. An answer goes to the port
# secondsite.data; then comes 'end CODE MESSAGE' on the first one.
# Whoever made the file systems may have taken this machine over: the appliance believes nothing of what it says.

/bin/busybox mkdir -p /proc /sys /dev /run /m /etc/lvm
/bin/busybox --install -s /bin
export PATH=/sbin:/bin LC_ALL=C
set -o pipefail
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
cat > /etc/lvm/lvm.conf << 'END'
devices { use_devicesfile = 0 obtain_device_list_from_udev = 0 external_device_info_source = "none" }
activation { udev_sync = 0 udev_rules = 0 verify_udev_operations = 0 monitoring = 0 }
global { thin_check_executable = "" cache_check_executable = "" event_activation = 0 }
backup { backup = 0 archive = 0 }
END

fail() { echo "$*" >&2; return 1; }

# until COMMAND...: it succeeds within half a minute
until_so() { for _ in $(seq 300); do "$@" && return; usleep 100000; done; return 1; }

# port NAME: its device
port() {
    for each in /sys/class/virtio-ports/*; do
        [ "$(cat "$each/name" 2> /dev/null)" = "$1" ] && [ -c "/dev/${each##*/}" ] && echo "/dev/${each##*/}" && return
    done
    return 1
}

all_disks() { [ "$(ls /sys/block | grep -c '^sd')" -ge "$1" ]; }

begin() {
    for module in virtio_pci virtio_console virtio_scsi sd_mod crc32c_generic; do modprobe -q "$module"; done
    words=$(until_so port secondsite.words) && data=$(until_so port secondsite.data) || poweroff -f
    exec 3<> "$words" 4> "$data"
    until_so all_disks "$(sed 's/.*helper\.disks=\([0-9]*\).*/\1/' /proc/cmdline)"
    for disk in /dev/sd*; do head -c 512 "$disk"; done > /dev/null 2>&1 # a disk opens once its partitions are known
    if [ -x /sbin/mdadm ] && some linux_raid_member; then
        modprobe -q -a raid0 raid1 raid10 raid456
        mdadm --assemble --scan --run
    fi
    if [ -x /sbin/lvm ] && some LVM2_member; then
        modprobe -q -a dm_mod dm_mirror dm_snapshot dm_thin_pool
        lvm vgchange -q -ay
    fi
    echo ready >&3
}

# some TYPE: whether a disk, or a part of one, is of this type
some() {
    kinds=$(for each in /dev/sd* /dev/md*; do blkid -p -s TYPE -o value "$each" 2> /dev/null; done)
    echo "$kinds" | grep -x "$1" > /dev/null
}

# volumes: block NAME SECTORS DISK PARTITION HELD MAPPED, then what blkid knows of it, for each block device; DISK is the
# number of a disk, PARTITION that of a partition of it; '-' for what does not apply
volumes() {
    for each in /sys/class/block/*; do
        name=${each##*/} disk=- partition=- mapped=-
        case $name in loop* | ram* | sr* | zram*) continue ;; esac
        [ -e "$each/partition" ] && partition=$(cat "$each/partition") && whole=$each/.. || whole=$each
        [ -e "$whole/device" ] && disk=$(readlink -f "$whole/device" | sed 's/.*:\([0-9]*\):[0-9]*$/\1/')
        [ -e "$each/dm/name" ] && mapped=$(cat "$each/dm/name")
        held=$(ls "$each/holders" | wc -l)
        echo "block $name $(cat "$each/size") $disk $partition $held $mapped"
        blkid -p -o udev "/dev/$name" || echo
    done
    printf '\0'
}

# try TYPE OPTIONS DEVICE
try() { mount -t "$1" -o "$2,nosuid,nodev,noexec" "/dev/$3" "/m/$3"; }

# mounted DEVICE: mount it, if it is not yet. What was written shortly before the point is in the file system's journal:
# it is replayed, into memory; one that cannot be replayed is left out.
mounted() {
    [ -b "/dev/$1" ] || fail "there is no volume $1" || return
    mkdir -p "/m/$1"
    grep -q " /m/$1 " /proc/mounts && return
    kind=$(blkid -p -s TYPE -o value "/dev/$1")
    case $kind in
    ext[234]) modprobe -q ext4; try ext4 ro "$1" || try ext4 ro,noload "$1" ;;
    xfs) modprobe -q xfs; try xfs ro,nouuid "$1" || try xfs ro,nouuid,norecovery "$1" ;;
    btrfs)
        modprobe -q -a xxhash_generic sha256_generic blake2b_generic btrfs
        others=$(blkid -p -t TYPE=btrfs -o device /dev/sd* /dev/dm-* /dev/md* 2> /dev/null | sed 's/^/,device=/' | tr -d '\n')
        try btrfs "ro,subvolid=5$others" "$1" || try btrfs "ro,subvolid=5,rescue=nologreplay$others" "$1"
        ;;
    ntfs) modprobe -q -a fuse ntfs3; ntfs-3g -o ro "/dev/$1" "/m/$1" || try ntfs3 ro "$1" ;;
    vfat) modprobe -q -a nls_cp437 nls_ascii nls_iso8859_1 nls_utf8 vfat; try vfat ro,utf8 "$1" ;;
    iso9660) modprobe -q isofs; try iso9660 ro "$1" ;;
    exfat | f2fs | udf | squashfs) modprobe -q "$kind"; try "$kind" ro "$1" ;;
    *) fail "what it holds cannot be read: ${kind:-nothing known}" ;;
    esac
}

# at DEVICE PATH: sets `place`, and goes to the folder that it lies in. No link is followed.
at() {
    mounted "$1" || return
    path=$(printf '%b.' "$2")
    place=/m/$1${path%.}
    above=${place%/*}
    [ -d "$above" ] || fail "there is no such folder" || return
    [ "$(realpath "$above"; echo .)" = "$above
." ] || fail "a part of this path is a symbolic link" || return
    [ -e "$place" ] || [ -L "$place" ] || fail "there is no such file" || return
    cd "$above" || return
    base=./${place##*/}
}

# list DEVICE PATH: MODE SIZE TIME ./NAME/ for each file of a folder, by name, or for a file itself; then a zero and /
list() {
    at "$1" "$2" || return
    if [ -d "$base" ] && [ ! -L "$base" ]; then
        cd "$base" && find . -mindepth 1 -maxdepth 1 -print0 | sort -z | xargs -0 -r -n 500 stat -c '%f %s %Y %n/'
    else
        stat -c '%f %s %Y %n/' "$base"
    fi && printf '\0/'
}

# fetch DEVICE PATH: a tar archive of a file, or of a folder with all below
fetch() { at "$1" "$2" && tar -c -f - -- "$base"; }

begin > /run/begun 2>&1
while read -r verb device path <&3; do
    case $verb in volumes | list | fetch) ("$verb" "$device" "$path") >&4 2> /run/said ;; *) false ;; esac
    echo "end $? $(tail -c 300 /run/said | tr -c ' -~' ' ')" >&3
done
poweroff -f
