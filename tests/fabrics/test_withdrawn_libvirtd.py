"""A machine that was withdrawn, on a real libvirtd with its hook: libvirt keeps no definition of it, and
nobody starts it from what they kept. A reprotect had removed the definition, and with it what forbade the
start: memory that was saved to a file made two copies, and damaged each point."""

import contextlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import libvirt
import pytest

import secondsite.fabrics.libvirt.host
from rig.hosts import LibvirtHost
from rig.hosts.domains import firmware_xml
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest, PowerState
from secondsite.fabrics.libvirt.host import withdrawn_disks
from secondsite.ground.units import MiB
from tests.fabrics.support_owner import made, state, virsh
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HOOK = Path(secondsite.fabrics.libvirt.host.__file__).with_name("start-veto")
REFUSED = "a disk of .* is of a machine that runs at the other site"


@pytest.fixture(scope="module")
def daemon():
    with libvirtd.running(own_network=True, hook=HOOK) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def host(daemon):
    root = Path(tempfile.mkdtemp(prefix="ss-lv.d[x]$-"))  # what means something in a pattern
    root.chmod(0o755)  # QEMU runs as another user
    host = LibvirtHost(root, daemon.uri)
    host.pid_files = daemon.seen("/run/libvirt/qemu")
    yield host
    host.end()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def withdrawn(host):
    """What it was, where its memory was saved to, and its definition of before; it was protected and is
    withdrawn."""
    fabric_id = made(host, "withdrawn")
    before = host.domain(fabric_id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
    kept = host.root / f"{fabric_id}.saved"
    virsh(host, "save", fabric_id, kept)
    definition = host.fabric.hosting.withdraw(fabric_id, steps.TAG)
    assert state(host, fabric_id) is PowerState.MISSING
    yield definition, kept, before
    host.fabric.hosting.release(fabric_id)


def untagged(text):
    head, rest = text.split("<metadata>")
    return head + rest.split("</metadata>")[1]


@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "as it was before"])
def test_nobody_starts_a_withdrawn_machine_from_what_they_kept(host, withdrawn, tagged):
    definition, kept, before = withdrawn
    text = before if tagged else untagged(before)
    handle = host.connection.handle
    with pytest.raises(libvirt.libvirtError, match=REFUSED):
        handle.restore(str(kept))
    with pytest.raises(libvirt.libvirtError, match=REFUSED):
        handle.createXML(text)
    again = handle.defineXML(text)
    with pytest.raises(libvirt.libvirtError, match=REFUSED):
        again.create()
    again.undefine()
    other = handle.defineXML(
        text.replace(definition.fabric_id, definition.fabric_id[::-1].replace("-", "0")[:32]).replace(
            f"<name>{definition.name}</name>", f"<name>{definition.name}-other</name>"
        )
    )
    with pytest.raises(libvirt.libvirtError, match=REFUSED):
        other.create()
    other.undefine()


def test_what_only_reads_such_a_disk_below_its_own_starts(host, withdrawn):
    """As what comes home does, or what is started from the store alone, where it names its files below."""
    definition, _, before = withdrawn
    disk = Path(definition.disks[0].path)
    above = disk.with_name(f"above-{disk.name}")
    _overlay(above, disk)
    text = untagged(before).replace(f"<uuid>{definition.fabric_id}</uuid>", "")
    text = text.replace(f"<name>{definition.name}</name>", f"<name>{definition.name}-above</name>")
    text = text.replace(f"/{disk.name}", f"/{above.name}")
    below = (
        "<backingStore type='file'><format type='qcow2'/><source "
        f"file='{_escaped(disk)}'/><backingStore/></backingStore>"
    )
    head, tail = text.split(above.name, 1)
    end = tail.index("/>") + 2
    domain = host.connection.handle.createXML(head + above.name + tail[:end] + below + tail[end:])
    assert domain.isActive()
    domain.destroy()


@pytest.mark.parametrize("way", ["restored", "released"])
def test_it_starts_again_once_it_is_defined_again_or_nothing_stands_on_its_disks(host, withdrawn, way):
    definition, kept, _ = withdrawn
    if way == "restored":
        host.fabric.hosting.restore(definition, None)
    else:
        host.fabric.hosting.release(definition.fabric_id)
    host.connection.handle.restore(str(kept))
    assert state(host, definition.fabric_id) is PowerState.RUNNING
    assert not (withdrawn_disks.FOLDER / definition.fabric_id).exists()
    host.domain(definition.fabric_id).destroy()


def test_disks_that_are_excluded_read_only_or_shared_are_whoever_s_they_were(host, withdrawn):
    """As a tools image that many machines read, or a cluster's quorum: their other machines start."""
    definition, _, before = withdrawn
    own = definition.disks[0]
    more = {"vdb": "<readonly/>", "vdc": "<shareable/>", "vdd": ""}
    disks = [own, *(own.model_copy(update={"key": key, "path": f"/srv/{key}.raw"}) for key in more)]
    natives = "".join(
        (
            f"<disk type='file' device='disk'><source file='/srv/{key}.raw'/><target dev='{key}' "
            f"bus='virtio'/>{kind}</disk>"
        )
        for key, kind in more.items()
    )
    native = before.replace("</devices>", f"{natives}</devices>")
    whole = definition.model_copy(update={"disks": tuple(disks), "native": native})
    listed = withdrawn_disks.FOLDER / definition.fabric_id
    host.fabric.hosting.withhold(whole, (own.key, "vdb", "vdc"))
    assert listed.read_text() == f"{own.path}\n"
    host.fabric.hosting.withhold(whole)
    assert listed.read_text() == f"{own.path}\n/srv/vdd.raw\n", (
        "an older vault does not say which are protected"
    )


@pytest.fixture
def pool(host):
    """A storage pool of the folder that the images lie in, which libvirt is told of on any host."""
    text = f"<pool type='dir'><name>imgs</name><target><path>{_escaped(host.images)}</path></target></pool>"
    made = host.connection.handle.storagePoolDefineXML(text)
    made.create()
    yield made
    with contextlib.suppress(libvirt.libvirtError):
        made.destroy()
    made.undefine()


def _under_another_name(text, definition):
    text = untagged(text).replace(f"<uuid>{definition.fabric_id}</uuid>", "")
    return text.replace(f"<name>{definition.name}</name>", f"<name>{definition.name}-other</name>")


def _with_volume(text, disk):
    given = f"<source file='{_escaped(disk)}'/>"
    assert given in text
    text = text.replace("<disk type='file' device='disk'>", "<disk type='volume' device='disk'>")
    return text.replace(given, f"<source pool='imgs' volume='{disk.name}'/>")


@pytest.mark.parametrize("way", ["link", "dots", "mount"])
def test_another_path_to_a_disk_starts_nothing(host, daemon, withdrawn, way):
    definition, _, before = withdrawn
    disk = Path(definition.disks[0].path)
    if way == "link":
        other = disk.with_name("a link.qcow2")
        other.symlink_to(disk)
    elif way == "dots":
        other = Path(f"{disk.parent}/../{disk.parent.name}", disk.name)
    else:
        other = Path("/run/elsewhere", disk.name)
        inside = daemon.inside(
            "sh", "-c", 'mkdir -p /run/elsewhere; mount --bind "$1" /run/elsewhere', "sh", disk.parent
        )
        subprocess.run(inside, check=True)
    text = _under_another_name(before, definition).replace(_escaped(disk), _escaped(other))
    with pytest.raises(libvirt.libvirtError, match=REFUSED):
        host.connection.handle.createXML(text)


def test_a_volume_of_a_pool_starts_nothing_and_one_with_another_file_does(host, withdrawn, pool):
    definition, _, before = withdrawn
    disk = Path(definition.disks[0].path)
    text = _with_volume(_under_another_name(before, definition), disk)
    with pytest.raises(libvirt.libvirtError, match=REFUSED):
        host.connection.handle.createXML(text)
    own = disk.with_name("own.qcow2")
    shutil.copy(disk, own)
    own.chmod(0o666)
    pool.refresh()
    domain = host.connection.handle.createXML(text.replace(disk.name, own.name))
    (held,) = host.fabric.inventory.holding(domain.UUIDString()).disks
    assert (held.path, held.now, held.kept) == (str(own), True, False)
    assert not host.fabric.inventory.holding(domain.UUIDString()).stays
    domain.destroy()


def test_what_a_machine_runs_on_is_told_though_its_pool_has_another_file_by_now_or_is_gone(host):
    disk = host.make_image("by-pool", 4 * MiB)
    disk.chmod(0o666)
    pool = _pool_of(host, host.images)
    fabric_id = host.define(_with_volume(firmware_xml("by-pool", [disk]), disk))
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    host.fabric.power.start(fabric_id)
    elsewhere = host.root / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(disk, elsewhere)
    pool.destroy()
    other = _pool_of(host, elsewhere)
    for following in (str(elsewhere / disk.name), ""):
        now, later = host.fabric.inventory.holding(fabric_id).disks
        assert (now.path, now.now, now.kept) == (str(disk), True, False)
        assert (later.path, later.now, later.kept) == (following, False, True)
        if following:
            other.destroy()
    host.fabric.power.stop(fabric_id)


def test_a_volume_whose_pool_is_not_active_is_told_before_the_machine_is_shut_down(host, pool):
    disk = host.make_image("pooled", 4 * MiB)
    disk.chmod(0o666)
    pool.refresh()
    fabric_id = host.define(_with_volume(firmware_xml("pooled", [disk]), disk))
    host.fabric.power.start(fabric_id)
    for inactive in ("", "imgs"):
        (held,) = host.fabric.inventory.holding(fabric_id).disks
        assert (held.path, held.inactive_pool) == (str(disk), inactive)
        if not inactive:
            pool.destroy()
    host.fabric.power.stop(fabric_id)


def _pool_of(host, folder):
    """One that libvirt forgets when it ends."""
    text = f"<pool type='dir'><name>imgs</name><target><path>{_escaped(folder)}</path></target></pool>"
    return host.connection.handle.storagePoolCreateXML(text)


def test_what_a_machine_has_is_told_of_now_and_of_its_next_start(host, pool):
    fabric_id = made(host, "holding")
    (first,) = host.fabric.inventory.holding(fabric_id).disks
    assert (first.now, first.kept, first.path) == (True, True, str(host.disk_path(fabric_id, first.key)))
    below = host.make_image("below", 4 * MiB)
    live, later = host.images / "live.qcow2", host.make_image("later", 4 * MiB)
    _overlay(live, below)
    later.chmod(0o666)
    below.chmod(0o666)
    pool.refresh()
    domain = host.domain(fabric_id)
    as_file = (
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source "
        f"file='{_escaped(live)}'/><target dev='vdx' bus='virtio'/></disk>"
    )
    as_volume = (
        "<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='imgs' "
        "volume='later.qcow2'/><target dev='vdy' bus='virtio'/></disk>"
    )
    domain.attachDeviceFlags(as_file, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    domain.attachDeviceFlags(as_volume, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    holding = host.fabric.inventory.holding(fabric_id)
    told = {each.key: (each.path, each.now, each.kept, each.below) for each in holding.disks}
    assert told["vdx"] == (str(live), True, False, (str(below),))
    assert told["vdy"] == (str(later), False, True, ())
    pool.destroy()  # where it is not active, its folder says where its volumes are
    paths = {each.key: each.path for each in host.fabric.inventory.holding(fabric_id).disks}
    assert paths["vdy"] == str(later)
    domain.destroy()
    assert {each.now for each in host.fabric.inventory.holding(fabric_id).disks} == {False}


def _overlay(path, below):
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(below), "-F", "qcow2", str(path)], check=True
    )
    path.chmod(0o666)


def _escaped(path):
    return str(path).replace("&", "&amp;").replace("'", "&apos;")


def test_a_machine_that_came_home_starts_on_its_overlays_and_nothing_else_writes_below_them(host, withdrawn):
    """An owner defined it anew from a file of before: it was started on its old disks, back in time, and
    wrote below the overlays that had the newest data."""
    definition, _, before = withdrawn
    disk = Path(definition.disks[0].path)
    run = host.root / "runs" / "failover"
    run.mkdir(parents=True)
    run.chmod(0o777)
    _overlay(run / "vda.qcow2", disk)
    key = definition.disks[0].key
    request = HostRequest(
        fabric_id=definition.fabric_id, name=definition.name, definition=definition, tag=steps.TAG,
        disks={key: run / "vda.qcow2"}, networks={}, home=definition,
    )  # fmt: skip
    host.fabric.hosting.create(request)
    host.fabric.power.start(definition.fabric_id)
    domain = host.domain(definition.fabric_id)
    came = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    domain.destroy()
    for text in (untagged(before), _under_another_name(before, definition)):
        anew = host.connection.handle.defineXML(text)
        with pytest.raises(libvirt.libvirtError, match=f"came home.* is in {re.escape(str(run))},"):
            anew.create()
    anew.undefine()
    host.connection.handle.defineXML(came).create()
    host.domain(definition.fabric_id).destroy()
    host.fabric.hosting.withhold(definition, (), {key: run / "vda.qcow2"})
    host.fabric.power.start(definition.fabric_id)
    host.fabric.hosting.release(definition.fabric_id)
    assert not (withdrawn_disks.FOLDER / definition.fabric_id).exists()
    host.domain(definition.fabric_id).destroy()
