"""Consoles at another site: its own addresses, no port of the other host; and a check that really tries."""

import socket
import uuid
from concurrent.futures import ThreadPoolExecutor

import libvirt
import pytest

from rig.hosts.domains import firmware_xml, uefi_xml
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest, SessionRequest, StartTrial
from secondsite.fabrics.libvirt.host import domain_xml, inventory
from secondsite.fabrics.libvirt.hosting import adapt, dry_run, sizing
from tests.fabrics.libvirt.hosting.support_definitions import child
from tests.support import uefi

pytestmark = pytest.mark.slow
TAG = "33333333-2222-4333-8444-555555555555"
THERE = "192.0.2.10"
"""An address that no host has."""
CONSOLES = f"""<graphics type='vnc' port='5999' autoport='no' listen='{THERE}' websocket='5700'>
 <listen type='address' address='{THERE}'/></graphics>
<serial type='tcp'><source mode='bind' host='{THERE}' service='45551'/><protocol type='telnet'/></serial>
<serial type='tcp'><source mode='connect' host='{THERE}' service='45552'/></serial>
<serial type='unix'><source mode='bind' path='/nowhere/on/this/host.sock'/></serial>
<serial type='dev'><source path='/dev/nowhere'/></serial>
<parallel type='file'><source path='/nowhere/printer'/></parallel></devices>"""


def defined(host, change, **more):
    path = host.make_image(f"c-{uuid.uuid4().hex[:6]}", 1 << 20)
    xml = firmware_xml(f"m-{uuid.uuid4().hex[:6]}", [path], **more)
    return host.fabric.inventory.get(host.define(change(xml))).definition


def hosted(host, definition, goes_back=""):
    disk = host.make_image(f"h-{uuid.uuid4().hex[:6]}", 1 << 20)
    request = HostRequest(
        str(uuid.uuid4()), f"{definition.name}-here", definition, {"vda": disk}, {}, TAG, goes_back=goes_back
    )
    host.fabric.hosting.create(request)
    return request.fabric_id


def names(host):
    return sorted(machine.name for machine in host.fabric.inventory.list())


def test_a_machine_with_consoles_of_another_host_starts_here(host):
    definition = defined(host, lambda xml: xml.replace("</devices>", CONSOLES))
    before = names(host)
    found = host.fabric.hosting.check(definition)
    assert [one.what for one in (*found, *tried(host, definition)) if one.blocking] == []
    assert sum("pseudo terminal" in one.what for one in found) == 4
    assert names(host) == before
    fabric_id = hosted(host, definition)
    host.fabric.power.start(fabric_id)
    text = host.domain(fabric_id).XMLDesc()
    assert THERE not in text
    root = domain_xml.parse(text)
    assert [one.get("type") for one in root.iterfind("devices/serial")] == ["pty"] * 4


def test_a_graphical_console_listens_where_this_host_says_and_not_where_its_own_did(host):
    console = "<graphics type='vnc' autoport='yes' listen='0.0.0.0'/></devices>"
    definition = defined(host, lambda xml: xml.replace("</devices>", console))
    assert any(
        "listens at 0.0.0.0 of its own site" in one.what for one in host.fabric.hosting.check(definition)
    )
    root = domain_xml.parse(host.domain(hosted(host, definition)).XMLDesc())
    assert [one.get("address") for one in root.iterfind("devices/graphics/listen")] == [None]


GUARDED = """<graphics type='vnc' autoport='yes' passwd='sesame' passwdValidTo='2040-01-01T00:00:00'>
<listen type='address' address='0.0.0.0'/></graphics></devices>"""
BY_PASSWORD = 2
"""RFC 6143, 7.1.2; 1 is for everybody."""


def security_types(port):
    """Those that a VNC server offers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as asked, asked.makefile("rwb") as told:
        told.write(told.read(12))
        told.flush()
        return list(told.read(told.read(1)[0]))


def test_a_console_whose_password_does_not_travel_lets_nobody_in(host):
    definition = defined(host, lambda xml: xml.replace("</devices>", GUARDED))
    assert "sesame" not in definition.native
    assert "passwd" in definition.native
    assert any("until a password is set" in one.what for one in host.fabric.hosting.check(definition))
    fabric_id = hosted(host, definition)
    host.fabric.power.start(fabric_id)
    root = domain_xml.parse(host.domain(fabric_id).XMLDesc())
    assert security_types(int(child(root, "devices/graphics").get("port", ""))) == [BY_PASSWORD]
    again = host.fabric.inventory.get(fabric_id).definition.native
    assert child(domain_xml.parse(again), "devices/graphics").get("passwd") == ""


@pytest.mark.parametrize(
    "console",
    [
        "<graphics type='vnc'><listen type='none'/></graphics>",
        "<graphics type='vnc'><listen type='socket' socket='/run/of-its-own.sock'/></graphics>",
        "<graphics type='vnc' autoport='yes'><listen type='address' address='127.0.0.1'/></graphics>",
    ],
)
def test_a_console_that_nobody_outside_reaches_stays_so(host, console):
    definition = defined(host, lambda xml: xml.replace("</devices>", f"{console}</devices>"))
    kind = child(domain_xml.parse(console), "listen").get("type")
    fabric_id = hosted(host, definition)
    host.fabric.power.start(fabric_id)
    stored = domain_xml.parse(host.domain(fabric_id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    (listen,) = stored.iterfind("devices/graphics/listen")
    assert (listen.get("type"), listen.get("address")) == (kind, "127.0.0.1" if kind == "address" else None)


def test_what_asks_for_encryption_at_home_is_closed_here(host):
    secure = "<graphics type='spice' autoport='yes' defaultMode='secure'/></devices>"
    definition = defined(host, lambda xml: xml.replace("</devices>", secure))
    assert any(
        "asks for an encrypted connection" in one.what for one in host.fabric.hosting.check(definition)
    )
    text = host.domain(hosted(host, definition)).XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
    assert child(domain_xml.parse(text), "devices/graphics").get("passwd") == ""


def test_a_machine_that_goes_back_in_time_starts_with_another_generation(host):
    own = "<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid><memory"
    definition = defined(host, lambda xml: xml.replace("<memory", own, 1))
    seen = {domain_xml.parse(definition.native).findtext("genid")}
    for mark in ("one", "two", "two"):
        fabric_id = hosted(host, definition, goes_back=mark)
        host.fabric.power.start(fabric_id)
        seen.add(domain_xml.parse(host.domain(fabric_id).XMLDesc()).findtext("genid"))
        host.fabric.hosting.remove(fabric_id, TAG)
    assert len(seen) == 3


def test_limits_that_the_hypervisor_does_not_keep_are_told(host):
    limits = "<cputune><shares>512</shares></cputune><devices>"
    definition = defined(host, lambda xml: xml.replace("<devices>", limits))
    told = [one.what for one in tried(host, definition) if "keeps no limits" in one.what]
    fabric_id = hosted(host, definition)
    host.fabric.power.start(fabric_id)
    try:
        host.domain(fabric_id).schedulerParameters()
    except libvirt.libvirtError:
        assert told
    else:
        assert not told


def test_a_trial_leaves_no_variables_and_no_tpm(host):
    name = f"tpm-{uuid.uuid4().hex[:6]}"
    variables = host.root / f"{name}.fd"
    variables.write_bytes(uefi.variables_with_entry("first"))
    tpm = "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>"
    fabric_id = host.define(uefi_xml(name, [host.make_image(name, 1 << 20)], variables, tpm))
    tried(host, host.fabric.inventory.get(fabric_id).definition)  # folders are made
    before = below(host)
    found = tried(host, host.fabric.inventory.get(fabric_id).definition)
    assert [one.what for one in found if one.blocking] == []
    assert below(host) == before


def tried(host, definition):
    return host.fabric.hosting.try_start(StartTrial(definition, folder=host.work_dir / "trial"))


def below(host):
    """All files of the root, but for logs."""
    return {path for path in host.root.rglob("*") if path.is_file() and path.suffix != ".log"}


def test_a_trial_that_a_dead_process_left_is_removed_by_the_next(host):
    definition = defined(host, lambda xml: xml)
    place = adapt.HostFeatures(False, frozenset(), host.work_dir / "console", host.work_dir / "nvram")
    left = domain_xml.parse(definition.native)
    sizing.set_text(left, "name", dry_run.name_at(place.console_folder))
    sizing.set_text(left, "uuid", str(uuid.uuid4()))
    domain_xml.set_tag(left, inventory.TRIAL)
    host.fabric.power.start(host.define(domain_xml.render(left)))
    assert [one for one in tried(host, definition) if one.blocking] == []
    assert not [one for one in host.connection.domains() if "trial" in one.name()]


def test_a_trial_that_a_dead_process_left_is_removed_when_the_fabric_is_opened(host):
    definition = defined(host, lambda xml: xml)
    left = domain_xml.parse(definition.native)
    sizing.set_text(left, "name", dry_run.name_at(host.work_dir / "console"))
    sizing.set_text(left, "uuid", str(uuid.uuid4()))
    domain_xml.set_tag(left, inventory.TRIAL)
    host.fabric.power.start(host.define(domain_xml.render(left)))
    (host.work_dir / "start-on-trial").touch()
    host.reopen()
    assert not (host.work_dir / "start-on-trial").exists()
    assert not [one for one in host.connection.domains() if "trial" in one.name()]


def test_a_trial_has_the_buses_and_the_memory_of_the_machine(host, monkeypatch):
    seen = []
    real = dry_run.unkept

    def look(domain, root):
        seen.append(domain_xml.parse(domain.XMLDesc()))
        return real(domain, root)

    monkeypatch.setattr(dry_run, "unkept", look)
    definition = defined(host, lambda xml: xml)
    tried(host, definition)
    (root,) = seen
    assert [target.get("bus") for target in root.iterfind("devices/disk/target")] == ["virtio"]
    (source,) = root.iterfind("devices/disk/source")
    assert source.get("file") == str(host.work_dir / "trial" / "vda.qcow2")
    assert root.findtext("memory") == str(definition.memory_bytes // 1024)


def test_trials_at_the_same_time_take_turns(host):
    definition = defined(host, lambda xml: xml)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: tried(host, definition), range(3)))
    assert [one for each in found for one in each if one.blocking] == []


@pytest.mark.parametrize("kind", ["backup-job", "filter"])
def test_a_machine_on_trial_can_be_viewed_while_it_stands(host, kind):
    definition, seen = defined(host, lambda xml: xml), []
    with host.viewed_by(kind):

        def viewed(fabric_id):
            request = SessionRequest(
                fabric_id, ("vda",), None, "secondsite-trial", host.scratch_dir, trial=True
            )
            with host.fabric.tracking.open(request) as session:
                seen.append(steps.content(session.disks[0]))

        trial = StartTrial(definition, folder=host.work_dir / "trial")
        assert [one for one in host.fabric.hosting.try_start(trial, viewed) if one.blocking] == []
    assert seen == [bytes(1 << 20)]
    assert list(host.scratch_dir.iterdir()) == []


def test_what_only_a_start_finds_out_is_found_by_the_check(host):
    no_firmware = (
        "<loader readonly='yes' type='pflash' stateless='yes'>/usr/share/qemu/keymaps/de</loader></os>"
    )
    definition = defined(host, lambda xml: xml.replace("</os>", no_firmware))
    before = names(host)
    [obstacle] = [one for one in tried(host, definition) if one.blocking]
    assert "The machine cannot run here" in obstacle.what
    assert names(host) == before
    assert not [one for one in host.connection.domains() if "trial" in one.name()]
