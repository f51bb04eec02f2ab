#!/bin/sh
# The guest's first and only program: mount, verify what earlier boots wrote, write on, leave when asked.
# What it says on the console is read by guestkit/console.py; the words are explained in docs/guide/guestkit.md.
export PATH=/bin:/sbin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /run /data /tmp
mount -t tmpfs run /run

say() { echo "$*"; }

# Kernel argument guest.NAME becomes the variable arg_NAME. Each $(...) is a fork, and twenty of them were a tenth of the boot.
read_arguments() {
    read -r words < /proc/cmdline
    for word in $words; do
        case $word in
            guest.*=*) word=${word#guest.}; eval "arg_${word%%=*}=\${word#*=}" ;;
        esac
    done
}

load_modules() {
    for module in $(cat /modules/order); do
        insmod "/modules/$module" || say "BAD module $module"
    done
}

# 52:54:00:aa:bb:cc becomes 10.aa.bb.cc/8, in decimal, unless the kernel command line names an address.
address_of() {
    [ -n "$arg_address" ] && { echo "$arg_address"; return; }
    tail=$(cut -d: -f4- "/sys/class/net/$1/address")
    old=$IFS; IFS=:; set -- $tail; IFS=$old
    echo "10.$((0x$1)).$((0x$2)).$((0x$3))/8"
}

# In the background: where nobody gives addresses the guest runs without.
ask_for_address() {
    ip link set eth0 up
    cat > /run/leased << 'EOF'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev eth0
echo "nameserver ${dns%% *}" > /etc/resolv.conf
echo "ADDRESS $ip/$mask" > /dev/console
EOF
    chmod +x /run/leased
    udhcpc -i eth0 -f -q -t 100 -T 3 -s /run/leased > /run/dhcp.log 2>&1
}

look_for() {
    tries=0
    while [ $((tries += 1)) -le 20 ]; do
        ping -c 1 -W 1 "$1" > /dev/null 2>&1 && { say "REACHES $1"; return; }
        sleep 1
    done
    say "MISSES $1"
}

# As an installed system does: what ifupdown reads lies on the first disk, and so does what is kept there for the way home.
bring_up_by_ifupdown() {
    own=/data/${disks# }; own=${own%% *}
    mkdir -p /etc/network /var/run /var/lib/secondsite "$own/secondsite"
    for when in pre-up up down post-down; do mkdir -p "$own/network/if-$when.d"; done
    [ -e "$own/network/interfaces" ] || printf '%s\n' "# made at the first boot" "auto eth0" \
        "iface eth0 inet static" "    address ${1%/*}" "    netmask $(ipcalc -m "$1" | cut -d= -f2)" \
        > "$own/network/interfaces"
    mount --bind "$own/network" /etc/network
    mount --bind "$own/secondsite" /var/lib/secondsite
    ifup -a > /run/ifup.log 2>&1 || say "BAD network: $(tail -n 1 /run/ifup.log)"
    say "ADDRESS $(ip -4 -o address show dev eth0 | awk '{ print $4 }')"
}

bring_up_network() {
    ip link set lo up
    [ -e /sys/class/net/eth0 ] || return 0
    address=$(address_of eth0)
    [ "${arg_ifupdown:-0}" -gt 0 ] && return 0
    [ "$address" = dhcp ] && { ask_for_address & return 0; }
    ip link set eth0 up && ip address add "$address" dev eth0 && say "ADDRESS $address"
}

mount_disks() {
    disks=
    for path in /sys/block/vd*; do
        disk=${path##*/}
        [ -e "/dev/$disk" ] || continue
        mkdir -p "/data/$disk"
        if mount -t ext4 -o data=ordered "/dev/$disk" "/data/$disk"; then
            disks="$disks $disk"
        else
            say "BAD $disk: no file system could be mounted"
        fi
    done
}

# A record is one line: NUMBER SECONDS CHECK FILL. CHECK follows from NUMBER and SECONDS, FILL repeats CHECK, so that
# every byte of the line can be verified without starting a program for each record.
check_of() { check=$(( ($1 * 1000003 + $2 * 8191) % 99999989 )); }

# Print "NUMBER OFFSET_OF_ITS_END" of the last whole record, or "BAD why". A torn last line is not an error.
verify() {
    [ -e "$1" ] || { echo "0 0"; return; }
    lines=$(wc -l < "$1")
    awk -v lines="$lines" '
        NR > lines { exit }
        {
            if ($1 + 0 != NR) { bad = "record " NR " is missing"; exit }
            check = ($1 * 1000003 + $2 * 8191) % 99999989
            if ($3 != sprintf("%08d", check)) { bad = "record " NR " has a wrong checksum"; exit }
            rest = $4
            while (substr(rest, 1, 8) == $3) rest = substr(rest, 9)
            if (rest != substr($3, 1, length(rest))) { bad = "record " NR " has a damaged fill"; exit }
            if ($0 != $1 " " $2 " " $3 " " $4) { bad = "record " NR " is malformed"; exit }
            end += length($0) + 1
        }
        END { if (bad) print "BAD " bad; else print lines, end + 0 }
    ' "$1"
}

# Find the last record that every disk holds. The writer goes from disk to disk, so a crash leaves them at most one apart;
# what was not yet acknowledged is cut off.
verify_disks() {
    last=; most=0
    for disk in $disks; do
        result=$(verify "/data/$disk/records")
        case $result in BAD*) say "BAD $disk: ${result#BAD }"; return 1 ;; esac
        number=${result%% *}
        truncate -s "${result##* }" "/data/$disk/records"
        [ "$number" -gt "$most" ] && most=$number
        { [ -z "$last" ] || [ "$number" -lt "$last" ]; } && last=$number
    done
    last=${last:-0}
    [ $((most - last)) -le 1 ] || { say "BAD disks are apart: records $last and $most"; return 1; }
    for disk in $disks; do
        cut_to "/data/$disk/records" "$last"
    done
    say "LAST $last ok"
}

cut_to() {
    [ "$(wc -l < "$1")" -gt "$2" ] || return 0
    truncate -s "$(head -n "$2" "$1" | wc -c)" "$1"
}

# FILL makes the record as long as asked; SECONDS, CHECK, blanks and the end of the line take 22 bytes, NUMBER the rest.
write_record() {
    # no $(...): two forks a record were most of what an emulated guest did
    now=$EPOCHSECONDS
    check_of "$1" "$now"
    check=0000000$check
    check=${check:$((${#check} - 8))}
    fill=$check
    fill_bytes=$((record_bytes - 22 - ${#1}))
    [ "$fill_bytes" -gt 0 ] || fill_bytes=1
    while [ ${#fill} -lt "$fill_bytes" ]; do fill=$fill$fill; done
    line="$1 $now $check ${fill:0:$fill_bytes}"
    # on the disk when echo returns: the file is marked so by make_disk. A `sync` of its own was a fork, a third of a record
    for disk in $disks; do
        echo "$line" >> "/data/$disk/records" || return 1
    done
}

# Ask the database of another guest for a record, and return when it is on that guest's disks.
appended_at() {
    case $(echo append | timeout 10 nc -w 5 "$1" 5432 2> /dev/null) in
        [0-9]*) return 0 ;;
    esac
    say "UNORDERED no answer from $1"
    usleep 300000
    return 1
}

run_writer() {
    number=$last
    while [ ! -e /run/stop ]; do
        [ -z "$arg_writes_after" ] || appended_at "$arg_writes_after" || continue
        write_record $((number + 1)) || { say "FAILED $((number + 1))"; break; }
        number=$((number + 1))
        echo "$number" > /run/last
        [ $((number % say_every)) -eq 0 ] && say "RECORD $number"
        read -r -t "$pause_seconds" _ <&3
    done
}

# Overwrite runs of blocks at random places of a file on the first disk.
run_load() {
    target=/data/${disks# }; target=${target%% *}/load
    span=$((load_span_mib * 1024 / load_run_kib))
    while [ ! -e /run/stop ]; do
        place=$(( (RANDOM * 32768 + RANDOM) % span ))
        dd if=/dev/urandom of="$target" bs=4k count=$((load_run_kib / 4)) seek=$((place * load_run_kib / 4)) \
            conv=notrunc 2> /dev/null
        usleep "$load_pause_microseconds"
    done
}

# Write a MiB and fsync it, read a MiB past the page cache, at random places of a file on the first disk; say how often.
run_io() {
    target=/data/${disks# }; target=${target%% *}/io
    dd if=/dev/urandom of=/run/noise bs=64k count=16 2> /dev/null
    dd if=/dev/zero of="$target" bs=1M count="$load_span_mib" conv=fsync 2> /dev/null
    rounds=0
    while [ ! -e /run/stop ]; do
        dd if=/run/noise of="$target" bs=64k seek=$((RANDOM % load_span_mib * 16)) conv=notrunc,fsync 2> /dev/null
        dd if="$target" of=/dev/null bs=64k count=16 skip=$((RANDOM % load_span_mib * 16)) iflag=direct 2> /dev/null \
            || { say "BAD io: the file could not be read"; break; }
        rounds=$((rounds + 1))
        say "IO $rounds"
    done
}

# Write other pages past the page cache, one after the other without a pause, in a file on the first disk. Say for each second the
# longest time from one write's end to the next one's, by the kernel's own record of them, and how many there were. Where a
# round of the file begins anew dd does, which is no gap.
run_gaps() {
    target=/data/${disks# }; target=${target%% *}/gaps; pages=${target%/*}/pages
    trace=/sys/kernel/tracing
    dd if=/dev/urandom of="$pages" bs=64k count=$((load_span_mib * 16 + 16)) 2> /dev/null
    dd if="$pages" of="$target" bs=1M count="$load_span_mib" conv=fsync 2> /dev/null
    mount -t tracefs tracefs "$trace" && echo mono > "$trace/trace_clock" \
        && echo 1 > "$trace/events/block/block_rq_complete/enable" || { say "BAD gaps: no record of writes"; return; }
    say "CLOCK $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
    while [ ! -e /run/stop ]; do
        dd if="$pages" of="$target" bs=4k count=$((load_span_mib * 256)) skip=$((RANDOM % 256)) oflag=direct \
            conv=notrunc 2> /dev/null
    done & gaps_writer=$!
    awk '
        !match($0, /[0-9]+\.[0-9]+: block_rq_complete: /) { next }
        {
            at = substr($0, RSTART) + 0
            split(substr($0, RSTART + RLENGTH), word)  # 254,0 WS () SECTOR + SECTORS [0]
            if (word[4] == next_sector) {
                gap = at - last
                if (gap > longest) longest = gap
                count++
            }
            if (word[6] == 8) { next_sector = word[4] + 8; last = at }
            if (int(at) != second) {
                if (second) { printf "GAP %d %d\n", longest * 1000000, count; fflush() }
                second = int(at); longest = 0; count = 0
            }
        }
    ' "$trace/trace_pipe" & gaps_reader=$!
    wait "$gaps_writer"
    kill "$gaps_reader"
}

start_agent() {
    [ -x /usr/sbin/qemu-ga ] || return 0
    for port in /sys/class/virtio-ports/*; do
        [ "$(cat "$port/name" 2> /dev/null)" = org.qemu.guest_agent.0 ] || continue
        qemu-ga --method virtio-serial --path "/dev/${port##*/}" --statedir /run --logfile /run/agent.log \
            --pidfile /run/agent.pid --fsfreeze-hook=/etc/qemu/fsfreeze-hook --daemonize && say AGENT
    done
}

# Return when the power button is pressed, or when /sbin/shutdown asks for it.
wait_for_the_end() {
    for event in /sys/class/input/event*; do
        [ "$(cat "$event/device/name")" = "Power Button" ] || continue
        { dd if="/dev/input/${event##*/}" of=/dev/null bs=96 count=1 2> /dev/null; echo button > /run/end; } &
    done
    # A child that ends or stops interrupts the opening of the pipe; that is no word to leave.
    until read -r reason < /run/end; do :; done 2> /dev/null
}

leave() {
    touch /run/stop
    wait "$writer"
    [ -n "$load" ] && kill "$load" 2> /dev/null && wait "$load" 2> /dev/null
    [ -n "$io" ] && wait "$io"
    [ -n "$gaps" ] && wait "$gaps"
    end_service
    [ -e /run/agent.pid ] && kill "$(cat /run/agent.pid)"
    left=ok
    umount /etc/network /var/lib/secondsite 2> /dev/null
    for disk in $disks; do
        umount "/data/$disk" || { left=BAD; sync; say "BAD $disk: still in use"; }
    done
    say "BYE $(cat /run/last)"
    poweroff -f
}

begin_service() { :; }
end_service() { :; }

. /tiers/start.sh
[ -e /service/service.sh ] && . /service/service.sh
echo
read_arguments
say "BOOT ${arg_name:-guest}"
load_modules
bring_up_network
mount_disks
[ "${arg_ifupdown:-0}" -gt 0 ] && bring_up_by_ifupdown "$(address_of eth0)"
rate=${arg_rate:-10}
record_bytes=${arg_record_bytes:-64}
say_every=${arg_say_every:-1}
load_kib=${arg_load_kib:-0}
load_run_kib=${arg_load_run_kib:-64}
load_span_mib=${arg_load_span_mib:-16}
mkfifo /run/end
if verify_disks; then
    echo "$last" > /run/last
    if [ "$rate" -gt 0 ]; then
        pause_seconds=$(awk "BEGIN { print 1 / $rate }")
        mkfifo /run/never
        exec 3<> /run/never  # waiting for what never comes takes no fork, as usleep does
    fi
    start_agent
    start_tier
    begin_service
    say READY
    if [ -e /run/requests ]; then
        run_database & writer=$!
    elif [ "$rate" -gt 0 ]; then
        run_writer & writer=$!
    fi
    if [ "$load_kib" -gt 0 ]; then
        load_pause_microseconds=$((1000000 * load_run_kib / load_kib))
        run_load & load=$!
    fi
    [ "${arg_io:-0}" -gt 0 ] && run_io & io=$!
    [ "${arg_gaps:-0}" -gt 0 ] && run_gaps & gaps=$!
    [ -z "$arg_looks_for" ] || for other in $(echo "$arg_looks_for" | tr , ' '); do look_for "$other" & done
else
    echo bad > /run/last
fi
wait_for_the_end
leave
