"""A real guest's card is given an address by its agent; its next start is as its owner made it."""

import base64
import json
import secrets

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics.libvirt.agent import guest, lasting
from secondsite.fabrics.libvirt.host.connection import agent_command
from secondsite.wire.common.cards import CardAddress, CardIpv6, CardRoute
from tests.fabrics.libvirt.support_guests import MAC, TAG, GuestMachine

SIX = CardIpv6(address="2001:db8:2::5/64", gateway="fe80::1")
ROUTES = (CardRoute(to="10.77.0.0/16", via="10.2.0.9"), CardRoute(to="2001:db8:77::/48", via="fe80::9"))
WHOSE = "22222222-2222-4333-8444-555555555555"
OWN, WANTED = "10.7.9.1/24", "10.2.0.5/24"


@pytest.fixture
def bridge(host):
    name = f"ss-{secrets.token_hex(3)}"
    host.fabric.networks.create_isolated(name, TAG)
    yield name
    host.clear()
    host.fabric.networks.remove(name, TAG)


@pytest.fixture
def machine(host, bridge):
    workload = guestkit.Workload(records_per_second=1, address=OWN)
    machine = GuestMachine(host, guestkit.Kind.AGENT, workload=workload, nics=[guestkit.Nic(bridge, MAC)])
    booted(host, machine)
    return machine


def booted(host, machine):
    machine.boot()
    eventually(lambda: host.fabric.seeing.agent_answers(machine.id), within_seconds=30)


def give(host, machine, address=WANTED, mac=MAC, **more):
    wanted = CardAddress(key="net0", mac=mac, address=address, **more)
    return host.fabric.addressing.give(machine.id, wanted, WHOSE, 60)


def addresses(host, machine):
    (card,) = [card for card in guest.cards(host.domain(machine.id)) if card.mac == MAC]
    return card.addresses


def routes(host, machine):
    """Its routes by way of a gateway."""
    said = inside(host, machine, "ip -4 route; ip -6 route")
    return {line.partition(" dev ")[0].strip() for line in said.splitlines() if " via " in line}


def inside(host, machine, line):
    """What a shell in the guest says."""

    def ask(command, **arguments):
        asked = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(agent_command(host.domain(machine.id), asked, 10))["return"]

    wanted = {"path": "/bin/sh", "arg": ["-c", line], "capture-output": True}
    pid = ask("guest-exec", **wanted)["pid"]
    ended = eventually(
        lambda: (found := ask("guest-exec-status", pid=pid))["exited"] and found, within_seconds=20
    )
    return base64.b64decode(ended.get("out-data", "")).decode()


@pytest.mark.guest
def test_a_card_has_the_address_its_gateway_and_its_dns_servers_until_the_guest_starts_anew(host, machine):
    assert addresses(host, machine) == [OWN]
    for _ in range(2):
        assert give(host, machine, gateway="10.2.0.1", dns_servers=("10.2.0.2", "10.2.0.3")).card == "eth0"
        assert addresses(host, machine) == [WANTED]
    assert "default via 10.2.0.1 dev eth0" in inside(host, machine, "ip route")
    assert inside(host, machine, "cat /etc/resolv.conf").split() == [
        "nameserver",
        "10.2.0.2",
        "nameserver",
        "10.2.0.3",
    ]
    assert inside(host, machine, "grep -c resolv.conf /proc/mounts").strip() == "1"
    host.fabric.power.stop(machine.id)
    booted(host, machine)
    assert addresses(host, machine) == [OWN]
    assert "default" not in inside(host, machine, "ip route")


@pytest.mark.guest
def test_without_a_configuration_that_is_understood_it_lasts_until_the_next_boot_and_that_is_said(
    host, machine
):
    given = give(host, machine)
    assert given.program is None
    assert given.passing.startswith("none of NetworkManager, ifupdown, netplan, systemd-networkd configures")


@pytest.fixture
def installed(host, bridge):
    """One whose network is configured by files on its disk."""
    workload = guestkit.Workload(records_per_second=1, address=OWN, ifupdown=True)
    machine = GuestMachine(host, guestkit.Kind.AGENT, workload=workload, nics=[guestkit.Nic(bridge, MAC)])
    booted(host, machine)
    return machine


def rebooted(host, machine):
    host.fabric.power.stop(machine.id)
    booted(host, machine)


@pytest.mark.guest
@pytest.mark.timeout(400)
def test_what_is_given_lasts_two_reboots_and_what_was_there_before_is_put_back_to_the_byte(host, installed):
    files = "cd /etc/network; cat interfaces; stat -c %a%u interfaces; ls -A . /var/lib/secondsite"
    before = inside(host, installed, files)
    assert addresses(host, installed) == [OWN]
    for _ in range(2):
        given = give(host, installed, gateway="10.2.0.1", ipv6=SIX, routes=ROUTES)
        assert (given.card, given.program) == ("eth0", "ifupdown")
    assert routes(host, installed) >= {"10.77.0.0/16 via 10.2.0.9", "2001:db8:77::/48 via fe80::9"}
    for _ in range(2):
        rebooted(host, installed)
        assert addresses(host, installed) == [WANTED]
        assert routes(host, installed) >= {"10.77.0.0/16 via 10.2.0.9", "2001:db8:77::/48 via fe80::9"}
        assert "default via 10.2.0.1 dev eth0" in inside(host, installed, "ip route")
        assert "2001:db8:2::5/64" in inside(host, installed, "ip -6 address show dev eth0")
        assert "default via fe80::1 dev eth0" in inside(host, installed, "ip -6 route")
    back = host.fabric.addressing.restore(installed.id, WHOSE, 60)
    assert (back.back, back.left, back.unapplied) == (("/etc/network/interfaces",), (), ())
    assert addresses(host, installed) == [OWN]
    assert "default" not in inside(host, installed, "ip route")
    assert inside(host, installed, files) == before
    rebooted(host, installed)
    assert addresses(host, installed) == [OWN]
    assert host.fabric.addressing.restore(installed.id, WHOSE, 60).back == ()


@pytest.mark.guest
def test_a_card_that_has_the_address_is_left_alone_and_one_that_only_moves_in_its_subnet_keeps_its_gateway(
    host, machine
):
    inside(host, machine, "ip route add default via 10.7.9.254")
    inside(host, machine, "ip route add 10.88.0.0/16 via 10.7.9.9")
    give(host, machine, OWN)
    assert "default via 10.7.9.254" in inside(host, machine, "ip route")
    give(host, machine, "10.7.9.7/24")
    assert addresses(host, machine) == ["10.7.9.7/24"]
    assert "10.88.0.0/16 via 10.7.9.9" in routes(host, machine)
    assert "default via 10.7.9.254" in inside(host, machine, "ip route")


@pytest.mark.guest
def test_a_guest_that_is_too_slow_to_write_it_down_may_have_it_at_each_boot_yet(host, machine, monkeypatch):
    late = errors.DeadlineExceeded("its guest did not do it within 40 s")

    def put(*_, **_more):
        raise late

    monkeypatch.setattr(lasting, "put", put)
    given = give(host, machine)
    assert (given.program, given.passing, given.booting) == (None, late.message, True)
    assert WANTED in addresses(host, machine)


def test_what_a_guest_cannot_do_is_said_in_its_words_and_a_card_that_it_has_not_is_named(host, machine):
    with pytest.raises(errors.FabricError, match="no card 52:54:00:00:00:99"):
        give(host, machine, mac="52:54:00:00:00:99")
    inside(host, machine, "mkdir -p /run/secondsite-resolv.conf")
    with pytest.raises(
        errors.FabricError, match=r"it has the address, but not all that goes with it .*: .*directory"
    ):
        give(host, machine, dns_servers=("10.2.0.2",))
    with pytest.raises(errors.FabricError, match="could not do it: nobody can"):
        guest.run(host.domain(machine.id), "/bin/sh", ["-c", "echo nobody can >&2; exit 3"], 10)
    with pytest.raises(errors.DeadlineExceeded, match="within 1 s"):
        guest.run(host.domain(machine.id), "/bin/sh", ["-c", "sleep 60"], 1)


@pytest.mark.parametrize(
    "said",
    ["", "[]", '{"return": 7}', '{"return": [{"name": 1}]}', '{"return": [{"hardware-address": "x"}]}'],
)
def test_an_agent_that_says_what_nobody_understands_is_an_error_of_its_own(monkeypatch, said):
    monkeypatch.setattr("secondsite.fabrics.libvirt.host.connection.agent_command", lambda *_: said)
    with pytest.raises(errors.FabricError, match="is not understood"):
        guest.cards(None)
