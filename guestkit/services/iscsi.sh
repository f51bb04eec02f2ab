# Read by the init. The initiator's name and settings lie on the first disk, as an installed system has them on its own. They
# are made at the first boot, from guest.portal; later boots know the target from them alone.

begin_service() {
    kept=${disks# }; kept=/data/${kept%% *}/iscsi
    mkdir -p /run/lock/iscsi /var/lib
    ln -s "$kept" /etc/iscsi
    ln -s "$kept" /var/lib/iscsi  # here Debian 13 keeps what it knows of targets
    if [ ! -e "$kept/initiatorname.iscsi" ]; then
        mkdir -p "$kept"
        cp /service/iscsid.conf "$kept"
        echo "InitiatorName=$(iscsi-iname)" > "$kept/initiatorname.iscsi"
    fi
    echo root:x:0:0:root:/:/bin/sh > /etc/passwd  # iscsid listens to nobody whose name it cannot look up
    iscsid || say "BAD iscsi: iscsid does not start"
    say_settings
    use_lun & user=$!
}

nodes() { find "$kept/nodes" -type f 2> /dev/null | sort; }

# The initiator's name, how many targets it knows, and a sum of all that it has noted.
say_settings() {
    name=$(cat "$kept/initiatorname.iscsi")
    known=$(nodes | wc -l)
    say "INITIATOR ${name#InitiatorName=} knows $known: $(cat "$kept/iscsid.conf" $(nodes) | md5sum | cut -d' ' -f1)"
}

find_target() {
    until iscsiadm -m discovery -t sendtargets -p "$arg_portal" > /run/discovery 2>&1; do
        [ ! -e /run/stop ] || return 1
        say "NO TARGET $(tail -n 1 /run/discovery)"
        sleep 1
    done
    sync
    say_settings
}

log_in() {
    until iscsiadm -m node --loginall=automatic > /run/login 2>&1; do
        [ ! -e /run/stop ] || return 1
        say "NO LUN $(tail -n 1 /run/login)"
        sleep 1
    done
    until [ -b /dev/sda ]; do
        [ ! -e /run/stop ] || return 1
        usleep 100000
    done
    say "LOGGED IN $(cat /sys/class/iscsi_session/session*/targetname)"
}

# Block 0 has the number of the last record; record N is block N. Past the page cache, so the target has what is said.
block() { dd if=/dev/sda bs=512 skip="$1" count="$2" iflag=direct 2> /dev/null | tr -d '\0 '; }

put_block() { printf '%-512s' "$2" | dd of=/dev/sda bs=512 seek="$1" count=1 oflag=direct conv=notrunc 2> /dev/null; }

use_lun() {
    [ -n "$(nodes)" ] || find_target || return
    log_in || return
    lun=$(block 0 1)
    lun=${lun:-0}
    wrong=$(block 1 "$lun" | tr -s '.' '\n' | awk '$1 != NR { print NR; exit }')
    [ -z "$wrong" ] && say "LUN $lun ok" || { say "BAD lun: record $wrong is another one"; return; }
    while [ ! -e /run/stop ]; do
        put_block $((lun + 1)) "$((lun + 1))." && put_block 0 $((lun + 1)) || { say "BAD lun: $((lun + 1)) was not written"; return; }
        lun=$((lun + 1))
        say "LUN RECORD $lun"
        read -r -t "$pause_seconds" _ <&3
    done
}

end_service() {
    [ -n "$user" ] || return 0
    wait "$user"
    iscsiadm -m node --logoutall=all > /dev/null 2>&1
}
