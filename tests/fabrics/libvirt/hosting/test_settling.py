"""Disks that settle as raw: in a file, on a block device, and on an iSCSI disk. What changed is known until
the machine's next start."""

import os
import re
import stat
import subprocess
from pathlib import Path

import libvirt
import pytest

from rig import loop_devices
from rig.iscsi_target import IscsiTarget
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.libvirt.host import domain_xml, withdrawn_disks
from secondsite.fabrics.libvirt.hosting import destinations
from secondsite.fabrics.settling import NewPlace
from secondsite.ground import seams
from secondsite.ground.units import MiB
from tests.fabrics.libvirt.support_host import host_of_this_process

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def host():
    with host_of_this_process() as host:
        yield host


@pytest.fixture
def device(tmp_path):
    def made(size_bytes):
        file = tmp_path / f"{size_bytes}.raw"
        subprocess.run(["truncate", "-s", str(size_bytes), str(file)], check=True)
        devices.append(loop_devices.begin(file))
        return devices[-1]

    devices: list[Path] = []
    yield made
    for each in devices:
        loop_devices.end(each)


@pytest.fixture
def unit(tmp_path):
    """The address of an iSCSI disk."""
    with IscsiTarget(tmp_path / "target") as target:

        def made(size_bytes):
            file = tmp_path / f"unit{len(target.files)}"
            subprocess.run(["truncate", "-s", str(size_bytes), str(file)], check=True)
            host, name = f"{target.here}:{target.port}", re.search("name='([^']*)'", target.offer(file))
            assert name is not None
            return f"iscsi://{host}/{name[1]}"

        yield made


@pytest.fixture
def place(request, tmp_path, device, unit):
    made = {"device": device, "unit": unit}
    return tmp_path if request.param == "folder" else made[request.param](steps.DISK_BYTES)


@pytest.mark.parametrize("place", ["folder", "device", "unit"], indirect=True)
def test_a_disk_that_settles_as_raw_is_followed_without_a_comparison(host, place):
    fabric_id = steps.protected(host, "settles-raw")
    steps.write(host, fabric_id, 0, 0x41)
    base = steps.checkpoint(host, fabric_id)
    steps.write(host, fabric_id, 1 * MiB, 0x42)
    host.fabric.settling.settle(fabric_id, {"vda": NewPlace(str(place), "raw")}, lambda *_: None)
    steps.write(host, fabric_id, 2 * MiB, 0x43)
    with steps.view(host, fabric_id, base) as session:
        assert steps.dirty_blocks(session.disks[0]) == {16, 32}
        assert [steps.byte_at(session.disks[0], at) for at in (0, MiB, 2 * MiB)] == [0x41, 0x42, 0x43]
    host.clear()


@pytest.mark.parametrize("kind", ["device", "unit"])
def test_a_device_of_another_size_and_one_that_a_machine_has_are_refused(host, request, kind):
    fabric_id = steps.protected(host, "no-device")
    made = request.getfixturevalue(kind)
    larger, settling = made(steps.DISK_BYTES + MiB), host.fabric.settling
    with steps.refused(errors.NotPossibleNow):
        settling.check(fabric_id, {"vda": NewPlace(str(larger), "raw")})
    own = made(steps.DISK_BYTES)
    with steps.refused(errors.InvalidArgument):
        settling.check(fabric_id, {"vda": NewPlace(str(own), "qcow2")})
    settling.settle(fabric_id, {"vda": NewPlace(str(own), "raw")}, lambda *_: None)
    other = steps.protected(host, "other")
    with steps.refused(errors.NotPossibleNow):
        settling.check(other, {"vda": NewPlace(str(own), "raw")})
    host.clear()


@pytest.fixture
def alias(tmp_path):
    """Makes another node of a device."""

    def made(path):
        node = tmp_path / f"alias-of-{path.name}"
        os.mknod(node, stat.S_IFBLK | 0o600, os.stat(path).st_rdev)
        return node

    return made


def refused_with(host, fabric_id, place):
    with pytest.raises(errors.NotPossibleNow) as refused:
        host.fabric.settling.check(fabric_id, {"vda": NewPlace(str(place), "raw")})
    with pytest.raises(errors.NotPossibleNow):
        host.fabric.settling.settle(fabric_id, {"vda": NewPlace(str(place), "raw")}, lambda *_: None)
    return refused.value.message


def test_a_device_that_a_machine_has_is_refused_by_any_node_of_it(host, device, alias):
    own = device(steps.DISK_BYTES)
    fabric_id, other = steps.protected(host, "on-a-device"), steps.protected(host, "others")
    host.fabric.settling.settle(fabric_id, {"vda": NewPlace(str(own), "raw")}, lambda *_: None)
    steps.write(host, fabric_id, 0, 0x41)
    for place in (own, alias(own)):
        assert f"{place} is a disk of 'on-a-device-" in refused_with(host, other, place)
    assert own.read_bytes()[:1] == b"\x41"
    host.clear()


@pytest.mark.parametrize("whose", ["its own", "another machine's"])
def test_what_is_below_a_disk_is_refused_by_any_node_of_it(host, device, alias, tmp_path, whose):
    base, overlay = device(steps.DISK_BYTES), tmp_path / "overlay.qcow2"
    with open(base, "r+b") as file:
        file.write(b"below")
    below(base, overlay)
    fabric_id = steps.protected(host, "above")
    settling = fabric_id if whose == "its own" else steps.protected(host, "beside")
    moved_to(host, fabric_id, overlay)
    for place in (base, alias(base)):
        assert f"{place} is below a disk of 'above-" in refused_with(host, settling, place)
    assert base.read_bytes()[:5] == b"below"
    host.clear()


def below(base, overlay):
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw", str(overlay)], check=True
    )


def moved_to(host, fabric_id, overlay):
    """It runs on that from now on."""
    steps.stopped(host, fabric_id)
    domain = host.connection.domain(fabric_id)
    former = stored_disk(domain)["source/file"]
    text = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    host.connection.handle.defineXML(text.replace(former, str(overlay)))
    host.fabric.power.start(fabric_id)


def test_a_disk_of_a_machine_that_was_withdrawn_is_refused_by_any_node_of_it(
    host, device, alias, tmp_path, monkeypatch
):
    monkeypatch.setattr(withdrawn_disks, "FOLDER", tmp_path / "veto")
    own, fabric_id = device(steps.DISK_BYTES), steps.protected(host, "stays")
    withdrawn_disks.forbid("5f0f", [str(own), "iscsi://127.0.0.1:3260/iqn.2026-11.x:y/0"])
    for place in (own, alias(own)):
        assert "a disk of machine 5f0f, which was withdrawn" in refused_with(host, fabric_id, place)
    withdrawn_disks.allow("5f0f")
    host.fabric.settling.check(fabric_id, {"vda": NewPlace(str(own), "raw")})
    host.clear()


def test_one_device_by_two_nodes_is_not_taken_for_two_disks_nor_by_two_machines(
    host, device, alias, monkeypatch
):
    own = device(steps.DISK_BYTES)
    node = alias(own)
    both = steps.protected(host, "two-disks", (steps.DISK_BYTES, steps.DISK_BYTES))
    twice = {"vda": NewPlace(str(own), "raw"), "vdb": NewPlace(str(node), "raw")}
    with pytest.raises(errors.InvalidArgument, match="for several disks"):
        host.fabric.settling.check(both, twice)
    first, second = steps.protected(host, "first"), steps.protected(host, "second")
    said = []

    def noted(seam):
        if seam == "fabric.settle.noted":
            monkeypatch.undo()
            said.append(refused_with(host, second, node))

    monkeypatch.setattr(seams, "reach", noted)
    host.fabric.settling.settle(first, {"vda": NewPlace(str(own), "raw")}, lambda *_: None)
    assert said == [
        f"{node} is where a disk of machine {first} is being moved to, so nothing is copied to it."
    ]
    host.clear()


def test_a_cache_mode_counts_from_the_next_start_on_and_nothing_else_of_the_disk_changes(host, tmp_path):
    fabric_id = steps.protected(host, "cached")
    domain = host.connection.domain(fabric_id)
    former = stored_disk(domain)
    host.fabric.settling.settle(fabric_id, {"vda": NewPlace(str(tmp_path), "qcow2", "none")}, lambda *_: None)
    disk = stored_disk(domain)
    assert (disk.pop("driver/cache"), former.pop("driver/cache", None)) == ("none", None)
    assert {key for key in disk if disk[key] != former.get(key)} == {"source/file"}
    steps.stopped(host, fabric_id)
    host.fabric.power.start(fabric_id)
    assert stored_disk(domain)["driver/cache"] == "none"
    host.clear()


def test_a_cache_mode_that_libvirt_would_not_take_is_refused(host, tmp_path):
    fabric_id = steps.protected(host, "native")
    domain = host.connection.domain(fabric_id)
    text = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert "<driver name='qemu' type='qcow2'" in text
    native = text.replace(
        "<driver name='qemu' type='qcow2'", "<driver name='qemu' type='qcow2' cache='none' io='native'"
    )
    host.connection.handle.defineXML(native)
    with pytest.raises(errors.InvalidArgument, match="io='native'"):
        host.fabric.settling.check(fabric_id, {"vda": NewPlace(str(tmp_path), "qcow2", "writeback")})
    host.fabric.settling.check(fabric_id, {"vda": NewPlace(str(tmp_path), "qcow2", "directsync")})
    host.clear()


def stored_disk(domain):
    """The attributes of its one disk's parts, as its next start takes them."""
    [(_, element)] = domain_xml.disk_elements(
        domain_xml.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    )
    return {f"{part.tag}/{name}": value for part in element for name, value in part.attrib.items()}


def test_a_machine_stands_still_until_its_stored_definition_has_the_new_place(host, tmp_path, monkeypatch):
    fabric_id = steps.protected(host, "settles-still")
    seen: list[PowerState] = []

    def reach(seam):
        if seam == "fabric.settle.moved":
            seen.append(host.fabric.power.state(fabric_id))

    monkeypatch.setattr(seams, "reach", reach)
    host.fabric.settling.settle(fabric_id, {"vda": NewPlace(str(tmp_path))}, lambda *_: None)
    assert seen == [PowerState.PAUSED]
    assert host.fabric.power.state(fabric_id) is PowerState.RUNNING
    host.clear()


def test_a_copy_that_cannot_be_removed_is_told_and_removed_later(host, tmp_path, monkeypatch):
    fabric_id = steps.protected(host, "settles-left")

    def away(handle, place):
        raise errors.FabricError("The storage is away.")

    def give_up():
        monkeypatch.setattr(destinations, "remove", away)
        raise errors.NotPossibleNow("Given up.")

    place = {"vda": NewPlace(str(tmp_path))}
    with pytest.raises(errors.NotPossibleNow, match="Given up"):
        host.fabric.settling.settle(fabric_id, place, lambda *_: None, going_on=give_up)
    monkeypatch.undo()
    (left,) = host.fabric.settling.left(fabric_id)
    assert Path(left).exists()
    with monkeypatch.context() as still:
        still.setattr(destinations, "remove", away)
        with pytest.raises(errors.NotPossibleNow, match=f"could not be removed: {re.escape(left)}"):
            elsewhere = {"vda": NewPlace(str(tmp_path), "raw")}
            host.fabric.settling.settle(fabric_id, elsewhere, lambda *_: None)
    assert host.fabric.settling.left(fabric_id) == (left,), "another move does not forget it"
    assert host.fabric.settling.end(fabric_id)
    assert host.fabric.settling.left(fabric_id) == ()
    assert not Path(left).exists()
    host.clear()


def test_disks_that_have_space_each_by_itself_only_are_refused(tmp_path):
    seen = os.statvfs(tmp_path)
    most = seen.f_bavail * seen.f_frsize * 6 // 10
    disks = [
        (
            destinations.Need("db01", key, most, most),
            destinations.Destination(str(tmp_path / key), "raw", most),
        )
        for key in ("vda", "vdb")
    ]
    destinations.require_space(None, disks[:1])
    with pytest.raises(errors.NotPossibleNow, match="disks vda, vdb of db01 need"):
        destinations.require_space(None, disks)
