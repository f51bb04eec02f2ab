"""Real Debian systems start on hardware that they never had, with nothing written to their disks before:
what an agent tells in them decides, and libvirt makes it.

docs/design/hardware.md has the table of what was run."""

import hashlib
import json
import time
import uuid
from pathlib import Path

import pytest

from guestkit import system_runs, systems
from rig import images
from secondsite.domain.machines.hardware import DRIVERS, Drive
from secondsite.fabrics.agent import telling
from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml

AGENT = Path(__file__).parents[4] / ".cache" / "agent" / "secondsite-agent"
TAG = "33333333-2222-4333-8444-555555555555"
START_SECONDS = 1800
RUN = (Drive.VIRTIO, Drive.AHCI, Drive.PVSCSI, Drive.MEGARAID)
FOR_VIRTIO_ALONE = ("debian-12-dep",)
HOST_ONLY = "debian-12-dracut"
NO_ROOT = "dracut-initqueue: timeout"
FOR_ALL = ("debian-11", "debian-12", "debian-12-lvm-xfs", "debian-13")

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every(by="all"),
    pytest.mark.timeout(5400),
    pytest.mark.skipif(not systems.is_possible(), reason="needs root and debootstrap"),
    pytest.mark.skipif(not AGENT.exists(), reason="needs ./dev agent"),
]


def told(name, host, *, uefi=False):
    """What the agent tells in that system: asked once for each build of it, since a start takes minutes."""
    build = hashlib.sha256(AGENT.read_bytes()).hexdigest()[:12]
    kept = systems.disk(name).with_name(f"told-{build}-{'uefi' if uefi else 'bios'}.json")
    if not kept.exists():
        folder = host.root / f"told-{name}-{uefi}"
        folder.mkdir(exist_ok=True)
        kept.write_text(json.dumps(system_runs.tell(systems.disk(name), AGENT, folder, uefi=uefi)))
    return telling.read(name, json.loads(kept.read_text()))


def defined(name, host, *, uefi=False):
    """The definition that the agent's words give, and these."""
    said = told(name, host, uefi=uefi)
    keys = {each.key: "sda" for each in said.disks if each.boots}
    return telling.definition(str(uuid.uuid4()), name, said, keys), said


def made(host, definition, name):
    """A machine here with this definition on an overlay to which nothing was written."""
    disk, overlay = systems.disk(name), host.root / f"{uuid.uuid4().hex[:8]}.qcow2"
    images.qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", disk, overlay)
    request = HostRequest(
        definition.fabric_id, f"whole-{uuid.uuid4().hex[:6]}", definition, {"sda": overlay},
        dict.fromkeys(each.key for each in definition.nics), TAG,
    )  # fmt: skip
    words = host.fabric.hosting.create(request)
    assert "raw" in images.qemu_img("info", "--backing-chain", overlay)
    images.qemu_img("compare", "-q", "-f", "qcow2", "-F", "raw", overlay, disk, within_seconds=300)
    return words


def console_of(host, fabric_id):
    root = domain_xml.parse(host.domain(fabric_id).XMLDesc())
    (path,) = {each.get("path", "") for each in root.iterfind("devices/serial/source")}
    return Path(path)


def started(host, definition, until=system_runs.said):
    """Start it; what it said as soon as that says something."""
    host.fabric.power.start(definition.fabric_id)
    path, deadline = console_of(host, definition.fabric_id), time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            text = path.read_text(errors="replace") if path.exists() else ""
            if found := until(text):
                return found
            time.sleep(1)
        raise AssertionError(f"not up within {START_SECONDS} s: {text[-2000:]}")
    finally:
        host.fabric.hosting.remove(definition.fabric_id, TAG)


def expect(found, drive):
    """It is up, and its disk is driven by what was chosen."""
    module = next(each for each in DRIVERS[drive] if each not in ("virtio_pci", "sd_mod"))
    assert module in {each.replace("-", "_") for each in found.drivers}


@pytest.mark.parametrize("drive", RUN)
@pytest.mark.parametrize("name", FOR_ALL)
def test_a_system_with_a_general_initramfs_starts_on(host, name, drive):
    definition, said = defined(name, host)
    assert not [each for each in telling.obstacles(said, time.time()) if each.blocking]
    assert {*Drive} == {*definition.drives}
    alone = definition.model_copy(update={"drives": (drive,)})
    (words,) = made(host, alone, name)
    assert "its own hardware" in words
    expect(started(host, alone), drive)


@pytest.mark.parametrize("name", FOR_VIRTIO_ALONE)
def test_a_system_whose_initramfs_was_made_for_virtio_gets_virtio_and_starts(host, name):
    definition, said = defined(name, host)
    assert said.host_only is True
    assert definition.drives == (Drive.VIRTIO,)
    made(host, definition, name)
    expect(started(host, definition), Drive.VIRTIO)


@pytest.mark.parametrize("drive", RUN)
def test_one_of_dracut_for_its_host_alone_boots_where_it_is_said_to_and_nowhere_else(
    host, drive, record_property
):
    """Its root is XFS on LVM."""
    definition, said = defined(HOST_ONLY, host)
    record_property("drives", list(definition.drives))
    assert (said.tool, said.host_only) == ("dracut", True)
    alone = definition.model_copy(update={"drives": (drive,)})
    made(host, alone, HOST_ONLY)
    if drive in definition.drives:
        expect(started(host, alone), drive)
    else:
        assert started(host, alone, until=lambda text: NO_ROOT in text)


def test_what_the_decision_refuses_does_not_boot(host):
    """The same system on AHCI: its initramfs finds no root."""
    definition, _ = defined("debian-12-dep", host)
    other = definition.model_copy(update={"drives": (Drive.AHCI,)})
    made(host, other, "debian-12-dep")
    assert started(host, other, until=lambda text: "ALERT!" in text)


@pytest.mark.parametrize("drive", [Drive.VIRTIO, Drive.AHCI])
def test_a_uefi_system_starts_by_its_fallback_loader_on(host, drive):
    definition, said = defined("debian-12", host, uefi=True)
    assert said.firmware.fallback_loader is None  # its EFI system partition is not mounted
    assert definition.firmware == "uefi"
    assert Drive.PVSCSI not in definition.drives
    alone = definition.model_copy(update={"drives": (drive,)})
    made(host, alone, "debian-12")
    expect(started(host, alone), drive)
