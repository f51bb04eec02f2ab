"""Short steps and checks that the cases share."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from unittest import SkipTest

import nbd

from ...datapath.disks import image
from ...datapath.extents import BLOCK_BYTES
from ...domain import errors
from ...ground.units import MiB
from ..interface import ChangeSession, DiskChanges, MachineSummary, PowerState, SessionRequest
from .under_test import FabricUnderTest

TAG = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
OTHER_TAG = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c002"
DISK_BYTES = 4 * MiB
GRACE_SECONDS = 20.0
MOST_VIEWS = 5
"""So many views a fabric may need from a first copy to an instant."""


def new_checkpoint() -> str:
    return f"secondsite-1-1-{secrets.token_hex(4)}"


def machine_of(under_test: FabricUnderTest, fabric_id: str) -> MachineSummary:
    """The machine as the inventory shows it; fails when it is not there."""
    found = under_test.fabric.inventory.get(fabric_id)
    assert found is not None, f"the inventory does not know {fabric_id}"
    return found


def keys_of(under_test: FabricUnderTest, fabric_id: str) -> tuple[str, ...]:
    return tuple(disk.key for disk in machine_of(under_test, fabric_id).definition.disks)


def running(under_test: FabricUnderTest, name: str, disks_bytes: Sequence[int] = (DISK_BYTES,)) -> str:
    """The id of a new machine that runs and is not protected."""
    fabric_id = under_test.make_machine(name, disks_bytes)
    under_test.switch_on(fabric_id)
    return fabric_id


def filing(under_test: FabricUnderTest, name: str) -> str:
    """The id of a new machine that runs, and whose guest writes to a file system."""
    fabric_id = under_test.make_filing_machine(name)
    under_test.switch_on(fabric_id)
    return fabric_id


def require_hosts(under_test: FabricUnderTest) -> None:
    """The case is about machines that are made, started or cut off from here."""
    if not under_test.fabric.properties.hosts:
        raise SkipTest("no machine is made, started or cut off from here")


def require_files(under_test: FabricUnderTest) -> None:
    """The case is about disks that their owner changes here by other tools."""
    if not under_test.has_files:
        raise SkipTest("its disks are no files of this host")


def protected(under_test: FabricUnderTest, name: str, disks_bytes: Sequence[int] = (DISK_BYTES,)) -> str:
    """The id of a new machine that runs and carries TAG."""
    fabric_id = running(under_test, name, disks_bytes)
    under_test.fabric.tracking.enable(fabric_id, TAG)
    return fabric_id


def write(
    under_test: FabricUnderTest, fabric_id: str, offset: int, value: int, count: int = 4096, disk: int = 0
) -> None:
    """The guest writes `count` bytes of `value` on its n-th disk."""
    under_test.write(fabric_id, keys_of(under_test, fabric_id)[disk], offset, bytes([value]) * count)


@contextlib.contextmanager
def view(
    under_test: FabricUnderTest,
    fabric_id: str,
    base: str | None,
    app_consistent: bool = False,
    disks: Sequence[str] = (),
    instant: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    trial: bool = False,
) -> Iterator[ChangeSession]:
    """A frozen view of these disks, or of all, with a new checkpoint unless it is only tried."""
    request = SessionRequest(
        fabric_id=fabric_id,
        disks=tuple(disks) or keys_of(under_test, fabric_id),
        base=base,
        new_checkpoint=new_checkpoint(),
        scratch_dir=under_test.scratch_dir,
        app_consistent=app_consistent,
        instant=instant,
        trial=trial,
    )
    with under_test.fabric.tracking.open(request) as session:
        yield session


def checkpoint(
    under_test: FabricUnderTest, fabric_id: str, base: str | None = None, disks: Sequence[str] = ()
) -> str:
    """Make a checkpoint of an instant that counts as acknowledged: open a view, do not read it, and keep its
    checkpoint. Where a first view is of no instant, the one that follows it is."""
    for _ in range(MOST_VIEWS):
        with view(under_test, fabric_id, base, disks=disks) as session:
            assert session.checkpoint is not None
        under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
        if session.is_instant:
            return session.checkpoint
        base = session.checkpoint
    raise AssertionError(f"{MOST_VIEWS} views were of no instant")


def base_of_instants(under_test: FabricUnderTest, fabric_id: str) -> str | None:
    """What the first view that is of an instant needs: a base, if a view without one is of none."""
    with view(under_test, fabric_id, None, trial=True) as session:
        is_instant = session.is_instant
    return None if is_instant else checkpoint(under_test, fabric_id)


@contextlib.contextmanager
def _export(disk: DiskChanges) -> Iterator[nbd.NBD]:
    handle = nbd.NBD()
    for name in disk.bitmaps:
        handle.add_meta_context(f"qemu:dirty-bitmap:{name}")
    handle.set_export_name(disk.export)
    handle.connect_unix(str(disk.socket))
    try:
        yield handle
    finally:
        with contextlib.suppress(nbd.Error):
            handle.shutdown()


def content(disk: DiskChanges) -> bytes:
    """All bytes of a small disk."""
    return b"".join(read(disk, at, min(MiB, disk.size_bytes - at)) for at in range(0, disk.size_bytes, MiB))


def read(disk: DiskChanges, offset: int, length: int) -> bytes:
    """Bytes of it, as far as the view has them."""
    if disk.collected is not None:
        return disk.collected.pread(length, offset)
    with _export(disk) as handle:
        return bytes(handle.pread(length, offset))


def byte_at(disk: DiskChanges, offset: int) -> int:
    return read(disk, offset - offset % 512, 512)[offset % 512]


def dirty_blocks(disk: DiskChanges) -> set[int]:
    """Numbers of the 64 KiB blocks that any of the disk's bitmaps marks."""
    assert disk.bitmaps, f"disk {disk.key} has no bitmap to ask"
    if disk.collected is not None:
        return set().union(*(_blocks(each.offset, each.length) for each in disk.collected.dirty()))
    found: set[int] = set()
    with _export(disk) as handle:
        for name in disk.bitmaps:
            found |= _dirty_in(handle, f"qemu:dirty-bitmap:{name}", handle.get_size())
    return found


def _blocks(offset: int, length: int) -> range:
    return range(offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES + 1)


def _dirty_in(handle: nbd.NBD, context: str, size_bytes: int) -> set[int]:
    found: set[int] = set()
    at = 0

    def collect(name: str, offset: int, entries: list[int], _error: object) -> int:
        nonlocal at
        if name == context:
            for length, flags in zip(entries[::2], entries[1::2], strict=True):
                if flags & 1:
                    found.update(_blocks(offset, length))
                offset += length
            at = offset
        return 0

    while at < size_bytes:
        before = at
        handle.block_status(size_bytes - at, at, collect)
        assert at > before, f"the export describes nothing after {at} in {context}"
    return found


def marks_since_off(under_test: FabricUnderTest, disk: DiskChanges, blocks: set[int]) -> bool:
    """Whether the marks of a disk whose machine was off since the base are these, or it is compared, where
    it has to be: what was written while no bitmap was kept is found in no other way."""
    if blocks and not under_test.keeps_bitmaps:
        return not disk.bitmaps
    return dirty_blocks(disk) == blocks


def is_unwritten(under_test: FabricUnderTest, fabric_id: str, keys: Sequence[str], base: str) -> bool:
    """Whether the fabric says that nothing was written to these disks since the base."""
    return under_test.fabric.tracking.unwritten(fabric_id, keys, base) is not None


def our_bitmaps(under_test: FabricUnderTest, fabric_id: str) -> list[str]:
    """Names of the bitmaps of ours in the files of a machine that is off."""
    disks = machine_of(under_test, fabric_id).definition.disks
    files = [
        image.look(under_test.disk_path(fabric_id, disk.key), disk.format, written=True) for disk in disks
    ]
    return [name for file in files for name in file.bitmaps if name.startswith("secondsite-")]


def has_only(under_test: FabricUnderTest, fabric_id: str, *names: str | None) -> bool:
    """Whether these are all bitmaps of ours in the files of a machine that is off, where they lie in
    files."""
    return not under_test.has_files or our_bitmaps(under_test, fabric_id) == list(names)


@contextlib.contextmanager
def refused(kind: type[errors.SecondsiteError]) -> Iterator[None]:
    """The block inside must raise `kind` with a sentence and something to do."""
    raised: errors.SecondsiteError | None = None
    try:
        yield
    except kind as error:
        raised = error
    assert raised is not None, f"{kind.__name__} was not raised"
    assert raised.message, f"{kind.__name__} says nothing"
    assert raised.do, f"{kind.__name__} names nothing to do"


def until(fact: Callable[[], bool], within_seconds: float = 15) -> None:
    """Wait until `fact` is true; fails after `within_seconds`."""
    deadline = time.monotonic() + within_seconds
    while not fact():
        assert time.monotonic() < deadline, f"did not happen within {within_seconds} s"
        time.sleep(0.02)


def stopped(under_test: FabricUnderTest, fabric_id: str) -> None:
    """The machine's power is cut, and the platform knows it; or it stands still after its last view, where
    nobody can cut it from here."""
    power = under_test.fabric.power
    if under_test.fabric.properties.hosts:
        power.stop(fabric_id)
    else:
        assert power.shut_down(fabric_id, GRACE_SECONDS)
    until(lambda: power.state(fabric_id) is PowerState.OFF)


def is_silent(under_test: FabricUnderTest, fabric_id: str) -> bool:
    """Whether nobody can tell whether the machine runs."""
    try:
        under_test.fabric.power.state(fabric_id)
    except errors.FabricError:
        return True
    return False


def killed(under_test: FabricUnderTest, fabric_id: str) -> None:
    """What ran the machine was killed, and the platform knows it."""
    under_test.kill(fabric_id)
    until(lambda: fabric_id not in under_test.fabric.inventory.running())
    if under_test.fabric.properties.hosts:
        until(lambda: under_test.fabric.power.state(fabric_id) is PowerState.OFF)
