"""Two sites with a real libvirtd each, as `qemu:///system`: QEMU runs as another user, and the paths are a
real host's."""

import contextlib
import hashlib
import subprocess
import tempfile
from pathlib import Path

import libvirt
import pytest

import guestkit
import secondsite.fabrics.libvirt.host
from rig import GuestMachine, Rig, bridges
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line, libvirtd, policies

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]

HOOK = Path(secondsite.fabrics.libvirt.host.__file__).with_name("start-veto")


@pytest.fixture(scope="module")
def daemons():
    with libvirtd.running(hook=HOOK) as a, libvirtd.running() as b:
        yield {"a": a, "b": b}


@pytest.fixture(scope="module")
def rig(daemons):
    """Each site's appliance runs where its daemon is the system's."""
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    folder.chmod(0o755)
    rig = Rig("libvirt", folder, uri="qemu:///system")
    for site, daemon in daemons.items():
        rig.appliances[site].inside = daemon.inside()
        e2e.command_through(rig, site)

    def furnish(site):
        if site == "a":
            images = rig.folder / "images"
            rig.guests["web01"] = GuestMachine.make(
                "web01",
                images,
                rig.bridge("a"),
                kind=guestkit.Kind.AGENT,
                uri=daemons["a"].uri,
                workload=guestkit.Workload(address="dhcp"),
            )

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick(app_consistent_every_seconds=4).model_dump())
        e2e.wait_for_record(rig.guests["web01"].console, 3, within_seconds=120)
        yield rig


@contextlib.contextmanager
def virsh(daemons, site):
    """The site's libvirt as its owner has it."""
    connection = libvirt.open(daemons[site].uri)
    try:
        yield connection
    finally:
        connection.close()


def domains(daemons, site):
    """What the site's libvirt knows, as virsh would show it."""
    with virsh(daemons, site) as connection:
        return {each.name(): each.isActive() == 1 for each in connection.listAllDomains()}


def test_a_guest_is_protected_and_agrees_to_points(rig, daemons):
    command_line.do(rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    eventually(lambda: any(point.consistency == "app" for point in rig.points("web01")), within_seconds=60)


def test_an_appliance_that_is_killed_while_its_guest_stands_frozen_leaves_it_to_virsh(rig, daemons):
    console = rig.guests["web01"].console
    e2e.ask(rig, "a", "die_at", seam="appliance.cycle.frozen")
    eventually(lambda: not rig.appliances["a"].is_alive, within_seconds=60)
    e2e.wait_for_record(console, console.last_record + 10)
    rig.appliances["a"].start()
    rig.wait_connected()
    rig.new_points("web01")


def test_a_drill_runs_in_an_isolated_network_of_libvirt(rig, daemons):
    command_line.do(rig, "test-failover", "web01", "--subnet", "10.9.5.0/24")
    e2e.booted(rig.console("b", "web01-test"), 1)
    # of the daemon's own DHCP server
    rig.console("b", "web01-test").wait_for("ADDRESS 10.9.5.", 60)
    assert domains(daemons, "b") == {"web01-test": True}
    found = command_line.told(rig, "network", "list", "--site", "b")[0]["networks"]
    assert [each["isolated"] for each in found if each["kind"] == "libvirt"] == [True]
    command_line.do(rig, "cleanup-test-failover", "web01")
    assert domains(daemons, "b") == {}
    with virsh(daemons, "b") as connection:
        assert connection.listAllNetworks() == []
    assert "10.9.5." not in bridges.ip("address")


LAN = """<network><name>lan-dr</name><bridge name='BRIDGE' stp='off' delay='0'/><ip address='10.9.4.1' netmask='255.255.255.0'>
<dhcp><range start='10.9.4.100' end='10.9.4.150'/></dhcp></ip></network>"""  # noqa: E501


@pytest.fixture
def lan(rig, daemons):
    """A network of the second site's libvirt with a DHCP server, in which the card is to have a certain
    address."""
    with virsh(daemons, "b") as connection:
        network = connection.networkDefineXML(LAN.replace("BRIDGE", rig.bridge("b")[:-2] + "-n"))
        network.create()
        words = ("--network", "lan-dr", "--address", "10.9.4.5/24")
        command_line.told(rig, "card", "set", "web01", "net0", *words)
        yield network
        command_line.told(rig, "card", "set", "web01", "net0", "--network", "", "--address", "")
        network.destroy()
        network.undefine()


def test_the_guest_moves_there_and_back_without_the_loss_of_a_record(rig, daemons, lan):
    home = rig.guests["web01"].console
    there = rig.console("b", "web01")
    job = moved(rig, daemons, "b", home, there, 1)
    (start,) = [task["sentence"] for task in job["tasks"] if task["name"] == "Start"]
    assert "the DHCP server of lan-dr gives 10.9.4.5 to net0" in start
    assert "ADDRESS 10.9.4.5/" in there.wait_for("ADDRESS ", 60).text
    assert domains(daemons, "a") == {"web01": False}
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "reprotect", "web01")
    assert domains(daemons, "a") == {}
    rig.new_points("web01")
    moved(rig, daemons, "a", there, home, len(home.boots) + 1)
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01")


def moved(rig, daemons, site, old, new, boot):
    job = command_line.do(rig, "planned-failover", "web01")
    assert domains(daemons, site) == {"web01": True}
    assert e2e.booted(new, boot).verified_last == old.boots[-1].bye
    return job


def test_a_site_that_returns_with_its_own_writes_keeps_them_until_the_operator_decides(rig, daemons):
    """Its appliance was dead, and its guest wrote on until the host lost its power."""
    guest = rig.guests["web01"]
    there = rig.console("b", "web01")
    rig.appliances["a"].kill()
    command_line.do(rig, "failover", "web01")
    known = e2e.booted(there, len(there.boots)).verified_last
    e2e.wait_for_record(guest.console, guest.console.last_record + 10)
    with virsh(daemons, "a") as connection:
        connection.lookupByName("web01").destroy()
    own, disk = guest.console.last_record, digest(guest)
    assert own > known

    rig.appliances["a"].start()
    rig.wait_connected()
    with virsh(daemons, "a") as connection:
        old = connection.lookupByName("web01")
        eventually(
            lambda: 'start="forbidden"' in old.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), within_seconds=60
        )
        with pytest.raises(libvirt.libvirtError, match="was failed over"):
            old.create()
    assert domains(daemons, "a") == {"web01": False}
    assert domains(daemons, "b") == {"web01": True}
    command_line.do(rig, "commit", "web01")
    assert digest(guest) == disk

    command_line.do(rig, "reprotect", "web01")
    assert domains(daemons, "a") == {}
    rig.new_points("web01")
    moved(rig, daemons, "a", there, guest.console, len(guest.console.boots) + 1)
    command_line.do(rig, "commit", "web01")


def digest(guest):
    """Of what the guest wrote: what an interrupted cycle left in an image's own tables is removed at the
    next start."""
    return [hashlib.sha256(content(path)).hexdigest() for path in guest.disks]


def content(path):
    with tempfile.NamedTemporaryFile() as raw:
        subprocess.run(["qemu-img", "convert", "-O", "raw", path, raw.name], check=True, timeout=60)
        return Path(raw.name).read_bytes()


def test_the_end_of_protection_leaves_the_guest_as_it_was(rig, daemons):
    machine_id = rig.machine("web01").id
    command_line.do(rig, "disable-protection", "web01")
    e2e.assert_untouched(rig, "a", rig.guests["web01"].fabric_id)
    assert domains(daemons, "a") == {"web01": True}
    assert not rig.replica_folder("b", machine_id).exists()
