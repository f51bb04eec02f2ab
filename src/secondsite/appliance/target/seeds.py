"""Imports shipped disk copies (seeds) into the head of a new replica, after checking them.

The import runs in short slices: each locks the replica for seconds, ends when an order needs it, and is
recorded beside the replica, so that it continues after a crash and is forgotten with its replica. Each import
reads its copy through its own storage daemon, so that a medium that hangs blocks no replica."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from pydantic import Field

from ...datapath import errors
from ...datapath.disks import NbdDisk, StorageDaemon
from ...datapath.replica import Pieces, Seed, seed
from ...domain.amounts import size
from ...ground import durable, real_files, seams
from ...ground.units import DAY, MiB
from ...wire.common.base import Shape
from ...wire.control.checks import SeedDisk
from ..shared import ApplianceConfig
from .replica import HostedReplica

RECORD = "seed.json"
SLICE_SECONDS = 3.0
SLICE_BYTES = 256 * MiB
LOCK_SECONDS = 1.0 * DAY
"""How long an import waits for the lock: after a crash the head's digests are made anew first, which takes as
long as reading it."""

log = structlog.get_logger(__name__)


class ImportProgress(Shape):
    """How far the import into one replica has come: bytes from each disk's start, and bytes of data
    written."""

    epoch: int
    positions: dict[str, int] = Field(default_factory=dict)
    data_bytes: int = 0


@dataclass(slots=True)
class Import:
    """One import in progress; `told(fraction, sentence)` gets its progress, `over` ends it early."""

    hosted: HostedReplica
    record: ImportProgress
    size_bytes: int
    told: Callable[[float, str], None]
    over: Callable[[], bool]
    wanted_elsewhere: threading.Event = field(default_factory=threading.Event)

    def keep(self, key: str, position: int, data_bytes: int) -> None:
        """Record durably that everything before `position` is in the head."""
        positions = {**self.record.positions, key: position}
        self.record = ImportProgress(
            epoch=self.record.epoch, positions=positions, data_bytes=self.record.data_bytes + data_bytes
        )
        durable.write(_record_path(self.hosted), self.record.model_dump_json().encode())
        through = sum(positions.values())
        self.told(
            through / max(1, self.size_bytes),
            f"{size(through)} of {size(self.size_bytes)} read, "
            f"{size(self.record.data_bytes)} of data imported",
        )


class Seeds:
    """The seeds that this appliance may read, and their imports."""

    def __init__(self, config: ApplianceConfig) -> None:
        self._folders = config.seed_folders
        self._daemons = config.store / "seeding"
        self._running = threading.Condition()
        self._count = 0
        self._stopping = False

    def start(self) -> None:
        """End the daemons that a crash left of imports; the vault's repeated order begins the imports
        again."""
        for folder in self._daemons.glob("*"):
            _end(StorageDaemon(folder))

    def stop(self, within_seconds: float) -> None:
        """End imports after their slice; the vault's repeated order continues them."""
        with self._running:
            self._stopping = True
            self._running.wait_for(lambda: not self._count, within_seconds)

    def look(self, wanted: SeedDisk) -> Seed:
        """What a seed contains. Raises SeedRefused if it may not be read, or is not as large as the disk."""
        found = seed.look(Path(wanted.path), self._folders)
        if found.size_bytes != wanted.size_bytes:
            raise errors.SeedRefused(
                (
                    f"{wanted.path} is a disk of {found.size_bytes} bytes, disk {wanted.key} has "
                    f"{wanted.size_bytes}."
                ),
                do="Name the copy of this very disk; one of a disk that has grown since can be resized with "
                "'qemu-img resize'.",
            )
        return found

    def bring_in(
        self, hosted: HostedReplica, wanted: Sequence[SeedDisk], told: Callable[[float, str], None]
    ) -> ImportProgress:
        """Import all seeds, or the rest of them; raises SeedRefused, NotFound once the replica is removed."""
        seeds = [(each, self.look(each)) for each in wanted]
        record = _recall(hosted)
        size_bytes = sum(each.size_bytes for each in wanted)
        work = Import(hosted, record, size_bytes, told, lambda: self._stopping)
        with self._counted():
            for each, found in seeds:
                if record.positions.get(each.key, 0) < each.size_bytes:
                    with self._reading(hosted, each.key, found) as disk:
                        _disk(work, each.key, disk)
        return work.record

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._running:
            self._count += 1
        try:
            yield
        finally:
            with self._running:
                self._count -= 1
                self._running.notify_all()

    @contextmanager
    def _reading(self, hosted: HostedReplica, key: str, found: Seed) -> Iterator[NbdDisk]:
        daemon = StorageDaemon(self._daemons / f"{hosted.machine_id}-{key}")
        with ExitStack() as stack:
            stack.callback(_end, daemon)
            daemon.start()
            daemon.serve(found.path, key, image_format=found.image_format)
            yield stack.enter_context(NbdDisk(daemon.nbd_socket, key))


def _disk(work: Import, key: str, disk: NbdDisk) -> None:
    """Import one disk, slice by slice, until the seed's end."""
    position = work.record.positions.get(key, 0)
    while position < disk.size_bytes:
        if work.over():
            raise errors.Cancelled("The import was stopped.", do="Start the appliance: it goes on.")
        began = time.monotonic()
        work.wanted_elsewhere.clear()

        def enough(data_bytes: int, began: float = began) -> bool:
            late = time.monotonic() - began > SLICE_SECONDS
            return late or data_bytes >= SLICE_BYTES or work.wanted_elsewhere.is_set() or work.over()

        pieces = Pieces(disk, position, enough)
        with work.hosted.lock("importing a seed", LOCK_SECONDS, work.wanted_elsewhere.set):
            work.hosted.replica.seed(key, pieces)
            # Under the lock: a record must not outlive its replica.
            work.keep(key, pieces.position, pieces.data_bytes)
        position = pieces.position
        seams.reach("appliance.seed.slice")


def _recall(hosted: HostedReplica) -> ImportProgress:
    try:
        record = ImportProgress.model_validate_json(real_files.content(_record_path(hosted)))
    except (FileNotFoundError, ValueError):
        record = None
    epoch = hosted.setup.epoch
    return record if record is not None and record.epoch == epoch else ImportProgress(epoch=epoch)


def _record_path(hosted: HostedReplica) -> Path:
    return hosted.replica.files.inbox.parent / RECORD


def _end(daemon: StorageDaemon) -> None:
    """End a daemon, also of an earlier process, and remove its folder. One that hangs on its medium stays
    until the next start."""
    try:
        daemon.start()
        daemon.stop()
    except (errors.DatapathError, OSError, subprocess.SubprocessError) as error:
        log.warning("seed.daemon-failed", folder=str(daemon.folder), problem=str(error))
    else:
        shutil.rmtree(daemon.folder, ignore_errors=True)
