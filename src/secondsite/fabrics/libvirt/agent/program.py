"""What gives a card an address in a guest with a shell and `ip`.

It changes what the kernel has in memory, as an administrator would by hand, and what no file says: the guest's next start is as its
owner made it. Without a gateway of its own the card keeps the one that it had, if the new address reaches it."""

PATH = "/bin/sh"
LINES = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
card=$1 address=$2 gateway=$3; shift 3
before=$(ip -4 route show | sed -n "s/^default via \\([0-9.]*\\) dev $card\\( .*\\)*$/\\1/p" | head -n 1)
ip link set dev "$card" up
ip -4 address flush dev "$card"
ip -4 address add "$address" dev "$card"
if [ -n "$gateway" ]; then
    ip -4 route replace default via "$gateway" dev "$card"
elif [ -n "$before" ]; then
    ip -4 route replace default via "$before" dev "$card" 2> /dev/null || :
fi
[ $# -gt 0 ] || exit 0
if command -v resolvectl > /dev/null 2>&1 && resolvectl dns "$card" "$@" 2> /dev/null; then exit 0; fi
for server; do echo "nameserver $server"; done > /run/secondsite-resolv.conf
chmod 644 /run/secondsite-resolv.conf
[ -e /etc/resolv.conf ] || : > /etc/resolv.conf
cmp -s /run/secondsite-resolv.conf /etc/resolv.conf || mount -o bind /run/secondsite-resolv.conf /etc/resolv.conf
"""
