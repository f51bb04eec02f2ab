"""A network over several hosts: its machines reach each other and nothing else, whichever host they are at,
nobody else on the segment reaches them, and nothing of it stays."""

import contextlib
import re

import pytest

from secondsite.fabrics.libvirt.host.serving import tunnels
from tests.fabrics.libvirt.host.serving import support_hosts as hosts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
NAME = "ss-0123456789ab"
MACS = {"web01": "52:54:00:00:00:01", "db01": "52:54:00:00:00:02", "app01": "52:54:00:00:00:03"}
ADDRESSES = {"web01": "10.9.8.31", "db01": "10.9.8.32", "app01": "10.9.8.33"}
SERVED = [{"name": name, "mac": mac, "address": ADDRESSES[name]} for name, mac in MACS.items()]
SERVING = {"subnet": "10.9.8.0/24", "hosts": SERVED}


@pytest.fixture
def segment(tmp_path):
    with contextlib.closing(hosts.HostsOnASegment(tmp_path, 3)) as segment:
        yield segment


@pytest.fixture
def guests(segment, tmp_path):
    """One at each host, with its address, by name."""
    for host in segment.hosts:
        host.must("create", NAME, host.span())
        host.must("serve", NAME, host.span(), SERVING)
    found = {}
    for host, (name, mac) in zip(segment.hosts, MACS.items(), strict=True):
        found[name] = host.guest(NAME, mac)
        told = hosts.lease(found[name], tmp_path)
        assert (told["ip"], told["mtu"]) == (ADDRESSES[name], "1450")
    return found


def resolved(guest, name):
    said = guest.run("busybox", "nslookup", "-type=a", name, "10.9.8.1").stdout
    found = re.findall(rf"Name:\s+{name}\s+Address: (\S+)", said)
    return found[0] if found else said


def test_machines_at_three_hosts_reach_each_other_by_address_and_name(guests):
    for guest in guests.values():
        for name, address in ADDRESSES.items():
            assert guest.pings(address)
            assert resolved(guest, name) == address


def test_the_largest_packet_arrives_and_is_not_taken_apart(guests):
    with contextlib.closing(hosts.Listening(guests["app01"])) as listening:
        hosts.send_whole(guests["web01"], ADDRESSES["app01"], 1450)
        assert len(listening.next()) == 1450 - 28
        with pytest.raises(OSError, match="Message too long"):
            hosts.send_whole(guests["web01"], ADDRESSES["app01"], 1451)


def test_they_reach_neither_a_host_nor_the_segment_nor_its_uplink(segment, guests):
    stranger = segment.stranger("198.51.100.9")
    assert stranger.pings(segment.hosts[0].address)
    own, others = segment.hosts[0], segment.hosts[1:]
    there = [own.address, "192.0.2.1", stranger.address, *(each.address for each in others)]
    for way in (("default", "via", "10.9.8.1"), ("default", "dev", "eth0")):
        guests["web01"].run("ip", "route", "replace", *way)
        assert [each for each in there if guests["web01"].pings(each)] == []


def test_of_a_hosts_dns_servers_only_the_networks_own_is_reached(segment):
    """As libvirt's daemon has it, with the server at the host's address on the bridge; one of the host
    itself listens at all its addresses."""
    host = segment.hosts[0]
    host.must("create", NAME, host.span())
    host.run("ip", "address", "add", "10.9.8.1/24", "dev", NAME)
    host.must("create", NAME, host.span())
    guest = host.guest(NAME, MACS["web01"])
    guest.run("ip", "address", "add", "10.9.8.31/24", "dev", "eth0")
    there = ["10.9.8.1", host.address, "192.0.2.1"]
    bridge = host.run("cat", f"/sys/class/net/{NAME}/address").stdout.strip()
    guest.run("ip", "neighbour", "replace", "10.9.8.1", "lladdr", bridge, "dev", "eth0")
    guest.run("ip", "route", "replace", "default", "via", "10.9.8.1")
    servers = [hosts.answering(host, each, 53) for each in there]
    with contextlib.ExitStack() as listening:
        for each in servers:
            listening.enter_context(each)
        heard = {each: hosts.ask(guest, each, 53) for each in there}
    assert heard == {"10.9.8.1": ["it", "it"]} | {each: ["nobody", "nobody"] for each in there[1:]}


def test_each_host_answers_its_own_machines_only(segment, guests, tmp_path):
    segment.hosts[0].kill()  # and its server with it
    assert resolved(guests["db01"], "web01") == ADDRESSES["web01"]
    assert "Name:" not in resolved(guests["web01"], "db01")


def test_what_a_stranger_on_the_segment_sends_does_not_arrive(segment, guests):
    stranger, host, peer = segment.stranger("198.51.100.9"), segment.hosts[0], segment.hosts[1]

    def sent(place, source, text, **more):
        inner = hosts.frame(MACS["web01"], "10.9.8.77", ADDRESSES["web01"], text)
        hosts.send(place, source, host.address, 77, inner, **more)

    with contextlib.closing(hosts.Listening(guests["web01"])) as listening:
        sent(peer, peer.address, b"of a host")
        assert listening.next() == b"of a host"
        sent(stranger, stranger.address, b"of a stranger")
        sent(stranger, peer.address, b"through a router", ttl=254)
        sent(peer, peer.address, b"of a host again")
        assert listening.next() == b"of a host again"


def test_who_has_another_hosts_address_on_the_segment_is_not_kept_out(segment, guests):
    """A limit, which the guide names: the segment itself must not let anybody do that."""
    stranger, host, peer = segment.stranger("198.51.100.9"), segment.hosts[0], segment.hosts[1]
    inner = hosts.frame(MACS["web01"], "10.9.8.77", ADDRESSES["web01"], b"of a liar")
    with contextlib.closing(hosts.Listening(guests["web01"])) as listening:
        hosts.send(stranger, peer.address, host.address, 77, inner)
        assert listening.next() == b"of a liar"


def test_a_host_that_is_lost_takes_only_its_own_machines_along(segment, guests, tmp_path):
    lost = segment.hosts[0]
    lost.run("ip", "link", "set", "eth0", "down")
    assert not guests["db01"].pings(ADDRESSES["web01"])
    assert guests["db01"].pings(ADDRESSES["app01"])
    assert hosts.lease(segment.hosts[1].guest(NAME, "52:54:00:00:00:09"), tmp_path)["mtu"] == "1450"


def test_cards_that_are_not_named_get_different_addresses_at_each_host(segment, guests, tmp_path):
    found = {hosts.lease(each.guest(NAME, "52:54:00:00:00:09"), tmp_path)["ip"] for each in segment.hosts}
    assert len(found) == 3


def test_what_is_lost_of_it_is_made_anew(segment, guests):
    host = segment.hosts[0]
    host.run("ip", "link", "delete", "dev", tunnels.device(NAME))
    host.run("nft", "flush", "ruleset")
    assert not guests["web01"].pings(ADDRESSES["db01"])
    host.must("create", NAME, host.span())
    host.must("serve", NAME, host.span(), SERVING)
    assert guests["web01"].pings(ADDRESSES["db01"])
    assert "foreign" in host.run("nft", "list", "ruleset").stdout


def test_a_repeat_changes_nothing(segment, guests):
    host = segment.hosts[0]
    before = host.left()
    host.must("create", NAME, host.span())
    host.must("serve", NAME, host.span(), SERVING)
    assert host.left() == before
    assert guests["web01"].pings(ADDRESSES["db01"])


def test_nothing_of_it_stays(segment, guests):
    for host in segment.hosts:
        assert host.left() != []
        for _ in range(2):
            host.must("remove", NAME)
        assert host.left() == []


SEAMS = ("fabric.tunnel.noted", "fabric.tunnel.guarded", "fabric.tunnel.made")


@pytest.mark.parametrize("seam", SEAMS)
def test_a_process_that_is_killed_while_it_makes_it_goes_on_or_leaves_nothing(segment, seam):
    first, second, third = segment.hosts
    for host in (first, second):
        host.dies(seam, "create", NAME, host.span())
    first.must("remove", NAME)
    assert first.left() == []
    for host in (second, third):
        host.must("create", NAME, host.span())
    one, two = (host.guest(NAME, f"52:54:00:00:00:1{number}") for number, host in enumerate((second, third)))
    for number, guest in enumerate((one, two)):
        guest.run("ip", "address", "add", f"10.9.8.{number + 2}/24", "dev", "eth0")
    assert one.pings("10.9.8.3")


def test_a_process_that_is_killed_while_it_takes_it_away_leaves_nothing_when_it_is_asked_again(segment):
    host, *_ = segment.hosts
    host.must("create", NAME, host.span())
    host.dies("fabric.tunnel.gone", "remove", NAME)
    host.must("remove", NAME)
    assert host.left() == []


def test_an_address_that_the_host_does_not_have_is_told(segment):
    (host, *_) = segment.hosts
    assert host.do("mtu", host.address) == "1500"
    assert "No interface of this host has the address 203.0.113.1" in host.do("mtu", "203.0.113.1")
    host.do("create", NAME, {**host.span(), "own": "203.0.113.1"})
    host.must("remove", NAME)
    assert host.left() == []
