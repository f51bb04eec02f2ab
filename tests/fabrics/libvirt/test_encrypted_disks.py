"""A machine on encrypted overlays under the embedded driver: it runs, is read while it runs and when it is
off."""

import uuid
from pathlib import Path

import pytest

from rig.hosts import uri_of
from secondsite.datapath.disks import image, luks_blank
from secondsite.datapath.encryption import encryption_key
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest, SessionRequest
from secondsite.fabrics.libvirt import open_fabric
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow

SIZE_BYTES = 8 * MiB
WRITTEN = b"A" * (64 * KiB)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return encryption_key.make(tmp_path_factory.mktemp("key") / "key")


@pytest.fixture
def fabric(host, key):
    """The fabric of this process's root, with a key."""
    return open_fabric(uri_of(host.root), host.work_dir, key=key)


@pytest.fixture
def hosted(host, fabric, key):
    """A machine that runs on an encrypted overlay over an encrypted base; its id and its files."""
    definition = fabric.inventory.get(host.make_machine("plain", [SIZE_BYTES])).definition
    blanks = host.work_dir / "blanks"
    blanks.mkdir(exist_ok=True)
    base, overlay = host.images / "base.qcow2", host.images / "overlay.qcow2"
    luks_blank.create(base, SIZE_BYTES, key, blanks)
    luks_blank.create_overlay(overlay, base, SIZE_BYTES, key, blanks)
    fabric_id = str(uuid.uuid4())
    fabric.hosting.create(HostRequest(fabric_id, "hosted", definition, {"vda": overlay}, {}, "tag"))
    fabric.power.start(fabric_id)
    return fabric_id, (overlay, base)


def test_views_of_an_encrypted_machine_show_its_disk_and_leave_nothing_readable(host, fabric, hosted):
    fabric_id, files = hosted

    def view(base, checkpoint):
        return fabric.tracking.open(SessionRequest(fabric_id, ("vda",), base, checkpoint, host.scratch_dir))

    assert fabric.tracking.check(fabric_id) == []
    host.write(fabric_id, "vda", 0, WRITTEN)
    with view(None, "secondsite-1-1") as session:
        assert session.pause_seconds < 5
        host.write(fabric_id, "vda", 0, b"B" * len(WRITTEN))
        assert steps.content(session.disks[0])[: len(WRITTEN)] == WRITTEN
        assert session.scratch_bytes() > 0
        readable = [path for path in host.scratch_dir.iterdir() if WRITTEN[:512] in path.read_bytes()]
        assert readable == []
    host.write(fabric_id, "vda", MiB, WRITTEN)
    with view("secondsite-1-1", "secondsite-1-2") as session:
        assert steps.dirty_blocks(session.disks[0]) == {0, MiB // (64 * KiB)}
    fabric.tracking.acknowledge(fabric_id, "secondsite-1-2")
    host.write(fabric_id, "vda", 2 * MiB, WRITTEN)
    fabric.power.stop(fabric_id)
    with view("secondsite-1-2", "secondsite-1-3") as session:
        assert steps.dirty_blocks(session.disks[0]) == {2 * MiB // (64 * KiB)}
        assert steps.content(session.disks[0])[2 * MiB : 2 * MiB + len(WRITTEN)] == WRITTEN
    fabric.tracking.disable(fabric_id)
    assert image.chain(files[0])[0].bitmaps == ()
    assert not any(WRITTEN[:512] in path.read_bytes() for path in files)


def test_the_key_stands_neither_in_a_file_of_libvirt_nor_on_a_command_line(host, hosted, key):
    secret = key.secret
    shown = [path for path in host.root.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert shown == []
    pid = (host.root / "run" / "qemu" / "hosted.pid").read_text().strip()
    assert secret not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_fabric_without_the_key_says_what_is_missing(host, hosted):
    fabric_id, _ = hosted
    obstacle = host.fabric.tracking.check(fabric_id)[0]
    assert "is encrypted" in obstacle.what
    assert "set-key" in obstacle.do
