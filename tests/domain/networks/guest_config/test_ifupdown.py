"""/etc/network/interfaces with a card's other address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.networks.guest_config import ifupdown
from secondsite.domain.networks.guest_config.card_plan import NotUnderstood
from tests.domain.networks.guest_config.support_plans import FOUR, SIX, plan, plans

MAIN = "/etc/network/interfaces"
DEBIAN = """# This file describes the network interfaces available on your system

source /etc/network/interfaces.d/*

# The loopback network interface
auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug eth0
iface eth0 inet static
\taddress 10.1.0.5/24
\tgateway 10.1.0.1
\t# dns-* options are implemented by the resolvconf package, if installed
\tdns-nameservers 10.1.0.2
\tdns-search shop.example
\tup ip route add 10.9.0.0/16 via 10.1.0.254
iface eth0 inet6 auto

auto eth1
iface eth1 inet dhcp
"""


def changed(wanted, text=DEBIAN):
    found = {MAIN: text}
    found |= {each.path: each.content for each in ifupdown.files(wanted, found)}
    return found[MAIN]


def stanzas(text, card="eth0"):
    """The options of the card's stanzas by family and method, as a reader of its own sees them."""
    found: dict[tuple[str, ...], list[str]] = {}
    now = None
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("iface", "auto", "allow-hotplug", "source"):
            now = found.setdefault(tuple(words[2:]), []) if words[:2] == ["iface", card] else None
        elif now is not None:
            now.append(" ".join(words))
    return found


def test_the_stanza_of_the_family_has_the_other_address_and_all_else_stays():
    text = changed(plan())
    assert stanzas(text) == {
        ("inet", "static"): [
            "address 10.2.0.5",
            "netmask 255.255.255.0",
            "gateway 10.2.0.1",
            "dns-nameservers 10.2.0.2",
            "dns-search shop.example",
        ],
        ("inet6", "auto"): [],
    }
    before, after = DEBIAN.split("iface eth0 inet static")[0], DEBIAN.split("iface eth0 inet6 auto")[1]
    assert text.startswith(before)
    assert text.endswith(after)


def test_a_card_that_asked_for_its_address_has_a_fixed_one_and_a_second_family_comes_beside_it():
    text = changed(plan(FOUR, SIX, name="eth1"))
    assert stanzas(text, "eth1") == {
        ("inet", "static"): [
            "address 10.2.0.5",
            "netmask 255.255.255.0",
            "gateway 10.2.0.1",
            "dns-nameservers 10.2.0.2 2001:db8:2::53",
        ],
        ("inet6", "static"): ["address 2001:db8:2::5", "netmask 64", "gateway fe80::1"],
    }
    assert stanzas(text) == stanzas(DEBIAN)


def test_several_addresses_become_one_and_what_the_new_one_reaches_stays():
    text = (
        "auto eth0\niface eth0 inet static\n address 10.2.0.7/24\n gateway 10.2.0.1\n"
        " up ip route add 10.9.0.0/16 via 10.2.0.9\n\niface eth0 inet static\n address 10.2.0.8/24\n"
    )
    own = plan(gateways=(), dns_servers=())
    assert stanzas(changed(own, text)) == {
        ("inet", "static"): [
            "address 10.2.0.5",
            "netmask 255.255.255.0",
            "gateway 10.2.0.1",
            "up ip route add 10.9.0.0/16 via 10.2.0.9",
        ]
    }


def test_the_stanza_is_changed_in_the_file_that_has_it():
    there = "/etc/network/interfaces.d/50-cloud-init"
    text = "auto eth0\niface eth0 inet dhcp\n"
    (found,) = ifupdown.files(plan(), {MAIN: "source /etc/network/interfaces.d/*\n", there: text})
    assert found.path == there
    assert ("inet", "static") in stanzas(found.content)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("auto eth1\niface eth1 inet dhcp\n", "names eth0"),
        ("iface eth0 inet static\n address 10.1.0.5/24\n up /usr/local/bin/mine\n", "up /usr/local/bin/mine"),
        ("iface eth0 inet static\n bridge_ports eth1\n", "bridge_ports"),
        ("iface eth0 inet ppp\n", "inet ppp"),
        ("iface eth0 inet static inherits base\n", "inherits base"),
        ("iface eth0 inet static\n address \\\n 10.1.0.5/24\n", "go on in the next one"),
        ("mapping eth0\n script /x\niface eth0 inet dhcp\n", "mapping eth0"),
        ("rename mac/aa=eth0\niface eth0 inet dhcp\n", "rename"),
        ("iface eth0 inet dhcp\niface eth0:1 inet static\n address 10.1.0.6/24\n", "eth0:1"),
    ],
)
def test_what_is_not_understood_is_left_alone_and_named(text, why):
    with pytest.raises(NotUnderstood, match=why):
        changed(plan(), text)


OPTIONS = ["address 10.1.0.5/24", "gateway 10.1.0.1", "mtu 1400", "dns-search a.example", "metric 5"]
OTHERS = ["", "# a remark", "auto lo", "iface lo inet loopback", "auto eth1", "iface eth1 inet dhcp"]


@given(
    plans(),
    st.lists(st.sampled_from(OTHERS), max_size=5),
    st.lists(st.sampled_from(OPTIONS), unique=True),
    st.lists(st.sampled_from(OTHERS), max_size=5),
    st.sampled_from(["static", "dhcp"]),
)
def test_whatever_stands_around_it_stays_and_a_second_time_changes_nothing(
    wanted, before, own, after, method
):
    after = after if after[:1] != [""] else ["auto lo", *after]
    lines = [*before, f"iface eth0 inet {method}", *(f"  {each}" for each in own), *after]
    text = "\n".join(lines) + "\n"
    once = changed(wanted, text)
    assert changed(wanted, once) == once
    kept = once.split("\n")
    assert kept[: len(before)] == before
    assert [each for each in kept if each in OTHERS and each] == [each for each in (*before, *after) if each]
    families = {family for family, _ in stanzas(once)}
    assert families == {"inet"} | {"inet6" for each in wanted.families if each == 6}
    assert ("mtu 1400" in own) == ("mtu 1400" in {each for own in stanzas(once).values() for each in own})
