"""What a guest's shell is told about the files of its network's configuration.

The files of before are kept in the guest, beside a record of whose they are. A file is always there as a
whole, the old one or the new one, whenever the guest dies.

A slow guest goes on after nobody waits for its answer any more. So who asks again waits his turn there, and
is told what was put back since the guest booted, whoever asked for it: none of it was told once, since the
answer came too late."""

FILE_BYTES = 64 * 1024
SHELL = "/bin/sh"
_PATH = "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C"
_KEPT = "kept=/var/lib/secondsite/network"
TURN_SECONDS = 60
"""Longer than anybody waits for the answer: what is late is asked again, and no failure."""
_ALONE = f"""
run=/run
[ -d "$run" ] || run=/var/run
told=$run/secondsite-network.$whose
if command -v flock > /dev/null; then
    exec 9> "$run/secondsite-network.lock"
    left={TURN_SECONDS}
    until flock -n 9; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || {{ echo "it is still busy with what it was asked before" >&2; exit 5; }}
        sleep 1
    done
fi
"""
"""Programs that may leave another running get no descriptor 9, which would keep the lock."""

LOOK = f"""{_PATH}
exec 2> /dev/null
card=$1
coded() {{ base64 | tr -d '\\n'; }}
tell() {{
    [ -f "$2" ] || return 0
    file=$(readlink -f "$2") || return 0
    echo "$1 $(printf %s "$file" | coded) $(head -c {FILE_BYTES} "$file" | coded)"
}}
if grep -q secondsite-resolv.conf /proc/self/mountinfo; then umount /etc/resolv.conf || :; fi
for upper in "/sys/class/net/$card"/upper_*; do
    if [ -e "$upper" ]; then echo "upper $(printf %s "${{upper##*/upper_}}" | coded)"; fi
done
read -r index < "/sys/class/net/$card/ifindex"
file=$(sed -n 's/^NETWORK_FILE=//p' "/run/systemd/netif/links/$index" || :)
if [ -n "$file" ]; then tell network "$file"; fi
uuid=$(sed -n 's/^connection-uuid=//p' "/run/NetworkManager/devices/$index" || :)
if [ -n "$uuid" ]; then
    echo "connection $(printf %s "$uuid" | coded)"
    for folder in /etc /run; do
        grep -lxF "uuid=$uuid" "$folder"/NetworkManager/system-connections/* || :
    done | head -n 1 | while read -r file; do tell connection-file "$file"; done
    for file in /etc/sysconfig/network-scripts/ifcfg-*; do
        case $file in *-lo | *"*") ;; *) echo other-files ;; esac
    done
fi
if command -v ifup > /dev/null; then
    for file in /etc/network/interfaces /etc/network/interfaces.d/*; do tell interfaces "$file"; done
fi
if command -v netplan > /dev/null; then
    for file in /etc/netplan/*.yaml; do tell netplan "$file"; done
fi
if ! command -v resolvconf > /dev/null && [ ! -L /etc/resolv.conf ]; then
    tell resolv-conf /etc/resolv.conf
fi
if [ -d /etc/cloud/cloud.cfg.d ]; then echo cloud-init; fi
case $(systemctl is-system-running) in initializing | starting) echo booting ;; esac
"""
"""Tells of a card: a word, and what goes with it in base64; of files the path and the content."""

_PUT_ONE = """
put() {
    new=${1%/*}/.secondsite-new
    mkdir -p "${1%/*}" || return 1
    rm -rf "$new"
    if [ -e "$1" ]; then cp -a "$1" "$new"; else touch "$new" && chmod "$3" "$new"; fi \\
        && cat "$2" > "$new" && mv "$new" "$1" || { rm -rf "$new"; return 1; }
    if command -v restorecon > /dev/null; then restorecon "$1" || :; fi
}
"""
_KEEP = """
# what is there now, for `unput`; what was there at home, for the way back
keep() {
    rm -f "$entry.now" "$entry.before" "$entry.first"
    if [ -e "$path" ]; then cp -a "$path" "$entry.now"; fi
    if [ -e "$entry.set" ]; then cp -a "$entry.set" "$entry.before"; fi
    if [ ! -e "$entry.path" ]; then
        : > "$entry.first"
        if [ -e "$path" ]; then cp -a "$path" "$entry.was"; else rm -f "$entry.was"; fi
        echo "$path" > "$entry.part"
        sync
        mv "$entry.part" "$entry.path"
    elif [ "$from_home" = yes ] && [ -e "$path" ] && ! cmp -s "$path" "$entry.set" \\
        && ! cmp -s "$path" "$entry.new" && ! cmp -s "$path" "$entry.was"; then
        # it was changed at home since the last journey, which never put it back
        cp -a "$path" "$entry.part"
        sync
        mv "$entry.part" "$entry.was"
    fi
}
"""
_UNPUT = """
# as it was before this put, and no more: other cards, and an earlier site's files, are none of its business
unput() {
    for record in "$kept"/*.mine; do
        [ -e "$record" ] || continue
        entry=${record%.mine} path=$(cat "${record%.mine}.path")
        new=${path%/*}/.secondsite-new
        rm -rf "$new"
        if cmp -s "$path" "$entry.now"; then :
        elif [ -e "$entry.now" ]; then cp -a "$entry.now" "$new" && mv "$new" "$path" || continue
        else rm -f "$path"
        fi
        rm -f "$entry.new"
        if [ -e "$entry.before" ]; then mv "$entry.before" "$entry.set"; else rm -f "$entry.set"; fi
        sync
        if [ -e "$entry.first" ]; then
            rm -f "$entry.path"
            sync
            rm -f "$entry.was"
        fi
    done
    if [ "$is_new" = yes ]; then rm -f "$kept/card.$card"; fi
    rm -f "$kept"/*.mine "$kept"/*.now "$kept"/*.before "$kept"/*.first "$kept"/*.mode
    for record in "$kept"/*.path; do
        if [ ! -e "$record" ]; then rm -rf "$kept"; fi
        break
    done
}
"""
_BACK = """
back() {
    failed=0
    for record in "$kept"/*.path; do
        [ -e "$record" ] || continue
        entry=${record%.path} path=$(cat "$record")
        if [ -e "$path" ] && ! cmp -s "$path" "$entry.set" && ! cmp -s "$path" "$entry.new" \\
            && ! cmp -s "$path" "$entry.was"; then
            echo "left $path"
            failed=1
            continue
        fi
        new=${path%/*}/.secondsite-new
        rm -rf "$new"
        if [ ! -e "$entry.was" ]; then
            rm -f "$path"
        elif ! cp -a "$entry.was" "$new" || ! mv "$new" "$path"; then
            echo "left $path"
            failed=1
            continue
        fi
        sync
        rm -f "$record"  # first: a record without what was there before means that nothing was
        sync
        rm -f "$entry.set" "$entry.new" "$entry.was"
        echo "back $path"
    done
    return "$failed"
}
"""
_RELOAD = """
running() { [ -e "/run/systemd/netif/links/$(cat "/sys/class/net/$1/ifindex")" ]; }
reload() {
    if running "$1" && command -v networkctl > /dev/null; then
        networkctl reload && networkctl reconfigure "$1"
    elif [ -d /run/NetworkManager ] && command -v nmcli > /dev/null; then
        # which of several connections it would choose for the card is not said
        own=secondsite-$(tr -d : < "/sys/class/net/$1/address")
        nmcli connection reload
        if nmcli connection show "$own"; then nmcli --wait 10 connection up "$own" ifname "$1"
        else nmcli --wait 10 device connect "$1"
        fi
    fi
    # a client that asks for an address would set its own again
    for pid in "/run/dhclient.$1.pid" "/run/udhcpc.$1.pid"; do
        if [ -e "$pid" ] && [ "${2:-}" = ifupdown ]; then kill "$(cat "$pid")"; fi
    done
}
"""

PUT = f"""{_PATH}
{_KEPT}
folder=$1 whose=$2 program=$3 card=$4 from_home=$5 is_new=no
trap 'rm -rf "$folder"' EXIT
umask 077
{_ALONE}
rm -f "$told"
{_PUT_ONE}{_KEEP}{_UNPUT}{_RELOAD}
if [ "$(cat "$kept/whose" 2> /dev/null)" != "$whose" ]; then
    rm -rf "$kept"
    mkdir -p "$kept"
    echo "$whose" > "$kept/whose"
fi
if [ ! -e "$kept/card.$card" ]; then is_new=yes; fi
echo "$program" > "$kept/card.$card"
rm -f "$kept"/*.mine
while read -r mode coded content; do
    path=$(echo "$coded" | base64 -d)
    entry=$kept/$(echo "$coded" | tr '/+' '_-')
    keep
    echo "$content" | base64 -d > "$entry.new"
    echo "$mode" > "$entry.mode"
    : > "$entry.mine"
done < "$folder/all"
sync
for record in "$kept"/*.mine; do
    [ -e "$record" ] || continue
    entry=${{record%.mine}}
    put "$(cat "$entry.path")" "$entry.new" "$(cat "$entry.mode")" || {{ unput; exit 4; }}
    mv "$entry.new" "$entry.set"
done
sync
case $program in
    netplan) netplan generate ;;
    ifupdown) if command -v ifquery > /dev/null; then ifquery "$card" > /dev/null; fi ;;
    NetworkManager) nmcli connection reload > /dev/null ;;
    *) : ;;
esac || {{ unput; exit 4; }}
rm -f "$kept"/*.mine "$kept"/*.now "$kept"/*.before "$kept"/*.first "$kept"/*.mode
reload "$card" "$program" > /dev/null 2>&1 9>&- || :
"""
"""Puts the files that are in the folder's file `all`, a line each: the mode, the path and the content in
base64. If one cannot be put, or the guest's own program does not take them, all is as it was before this
put, and it ends with 4. The last word is 'yes' if the guest was at home until now."""

BACK = f"""{_PATH}
{_KEPT}
whose=$1
{_ALONE}{_BACK}{_RELOAD}
if [ "$(cat "$kept/whose" 2> /dev/null)" != "$whose" ]; then
    cat "$told" 2> /dev/null || :
    exit 0
fi
umount /etc/resolv.conf 2> /dev/null || :
if [ -e "$told" ]; then sed -i '/^back /!d' "$told"; fi
done=0
back >> "$told" || done=$?
for record in "$kept"/card.*; do
    [ -e "$record" ] || continue
    card=${{record#*/card.}}
    case $(cat "$record") in
        netplan) netplan apply ;;
        ifupdown)
            ip address flush dev "$card"
            ifup --force "$card" || ifup -f "$card"
            ;;
        *) reload "$card" ;;
    esac > /dev/null 2>&1 < /dev/null 9>&- || echo "stays $card" >> "$told"
done
if [ "$done" = 0 ]; then rm -rf "$kept"; fi
cat "$told"
"""
"""Puts the files of before back, if they are of this one, and has the cards configured by them. Says of each
file whether it is back, be it by an earlier one, or was left because somebody changed it since."""
