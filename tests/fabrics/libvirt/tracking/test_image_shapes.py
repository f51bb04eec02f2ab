"""Whatever shape an owner gave a qcow2 file, its changes are followed and its content is read as its guest
has it: clusters of any size, subclusters, compressed clusters, tables that are brought up to date late."""

import dataclasses
import itertools
import uuid

import pytest

from rig.hosts.domains import firmware_xml
from rig.images import qemu_img, raw
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.fabrics.conformance import steps
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Shape:
    options: str
    arguments: tuple[str, ...] = ()
    below: str = ""
    """The options of a file that the disk stands on, if it stands on one."""

    @property
    def is_old(self):
        """Whether it is of version 2, which filters alone can follow."""
        return "compat=0.10" in self.options

    def __str__(self):
        return "-".join(["".join(self.arguments), self.options, self.below]).strip("-")


SIZES = [f"cluster_size={size}" for size in ("512", "4k", "64k", "2M")]
SHAPES = [
    *(Shape(f"compat={version},{size}") for version, size in itertools.product(("0.10", "1.1"), SIZES)),
    *(Shape(f"compat={version}", ("-c",)) for version in ("0.10", "1.1")),
    *(Shape(f"compat={version},preallocation=full") for version in ("0.10", "1.1")),
    Shape("compat=1.1,preallocation=metadata"),
    Shape("compat=1.1,lazy_refcounts=on"),
    Shape("compat=1.1,extended_l2=on,cluster_size=128k"),
    Shape("compat=1.1,extended_l2=on,cluster_size=2M,lazy_refcounts=on"),
    Shape("compat=1.1,refcount_bits=1,compression_type=zstd", ("-c",)),
    Shape("compat=0.10,cluster_size=512", below="compat=1.1"),
    Shape("compat=1.1", below="compat=0.10,cluster_size=2M"),
]  # fmt: skip


KINDS = [(kind, shape) for shape in SHAPES for kind in ("backup-job", "filter")[shape.is_old :]]


@pytest.fixture
def under_test(host, kind):
    with host.viewed_by(kind):
        yield host
        host.clear()


def made(host, shape):
    """A machine on a disk of this shape, whose blocks all have content, and that content."""
    content = b"".join(bytes([number % 251 + 1]) * BLOCK_BYTES for number in range(2 * MiB // BLOCK_BYTES))
    source, path = (host.images / f"{uuid.uuid4().hex}.{form}" for form in ("raw", "qcow2"))
    source.write_bytes(content)
    if shape.below:
        below = host.images / f"{uuid.uuid4().hex}.below"
        qemu_img("convert", "-f", "raw", "-O", "qcow2", "-o", shape.below, source, below)
        qemu_img("create", "-q", "-f", "qcow2", "-o", shape.options, "-b", below, "-F", "qcow2", path)
    else:
        words = ("-f", "raw", "-O", "qcow2", "-o", shape.options, *shape.arguments)
        qemu_img("convert", *words, source, path)
    return host.define(firmware_xml(f"m-{uuid.uuid4().hex[:8]}", [path])), bytearray(content)


def written(host, fabric_id, content, offset, value, count):
    steps.write(host, fabric_id, offset, value, count)
    content[offset : offset + count] = bytes([value]) * count


@pytest.mark.parametrize(("kind", "shape"), KINDS, ids=str)
def test_a_disk_of_any_shape_is_followed_and_read_as_its_guest_has_it(under_test, shape):
    fabric_id, content = made(under_test, shape)
    tracking = under_test.fabric.tracking
    assert tracking.check(fabric_id) == []
    under_test.fabric.power.start(fabric_id)
    tracking.enable(fabric_id, steps.TAG)
    with steps.view(under_test, fabric_id, None) as session:
        assert steps.content(session.disks[0]) == content
    tracking.acknowledge(fabric_id, session.checkpoint)
    written(under_test, fabric_id, content, 3 * BLOCK_BYTES + 512, 0x33, 512)
    written(under_test, fabric_id, content, 9 * BLOCK_BYTES - 4 * KiB, 0x44, 8 * KiB)
    with steps.view(under_test, fabric_id, session.checkpoint) as session:
        before = bytes(content)
        written(under_test, fabric_id, content, 9 * BLOCK_BYTES - 4 * KiB, 0x55, 96 * KiB)
        assert steps.dirty_blocks(session.disks[0]) == {3, 8, 9}
        assert steps.content(session.disks[0]) == before
    tracking.acknowledge(fabric_id, session.checkpoint)
    with tracking.keeping(fabric_id):
        written(under_test, fabric_id, content, 20 * BLOCK_BYTES, 0x66, 512)
        steps.stopped(under_test, fabric_id)
    with steps.view(under_test, fabric_id, session.checkpoint) as session:
        assert steps.dirty_blocks(session.disks[0]) == {8, 9, 10, 20}
        assert steps.content(session.disks[0]) == content
        assert session.holds()
    path = under_test.disk_path(fabric_id, "vda")
    qemu_img("check", path)
    assert raw(path) == content
