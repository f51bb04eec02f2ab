"""Records of the machines of a simulated site: one file each, shared by all processes.

`machines/<fabric id>.json` is read by all and changed only under the machine's lock.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pydantic

from ....datapath.disks import same_files
from ....domain import errors
from ....ground import durable
from ....ground.real_files import FileNumber, file_number
from ....wire.common.base import Shape
from ....wire.common.machines import MachineDefinition
from ... import file_looks
from . import files

KIND = "simulated"
LOCK_SECONDS = 30.0


class Traits(Shape):
    """What only the platform knows of a machine; it travels as the definition's `native` text."""

    own_daemon: bool = False
    obeys_shutdown: bool = True
    guest_agent: bool = True
    shows: str = ""
    """What its console shows as long as it runs; empty: nothing can be seen of the machine."""
    serves: dict[int, str] = pydantic.Field(default_factory=dict)
    """What its TCP ports answer: 'STATUS TEXT' to HTTP."""
    mounts: dict[str, int] = pydantic.Field(default_factory=lambda: {"/": 0})
    """What it has mounted from its disks, each with the errors that its kernel counts."""
    cpu_model: str | None = None
    """Its CPU model, if that is another one than at the site where its definition came from."""
    script_status: int | None = 0
    """The status with which scripts end in it; null: they do not end."""


class MachineRecord(Shape):
    """`runs_in` names the daemon that runs the machine: the machine runs as long as that one lives. A
    machine. `boot` changes with each start, also for a machine that was made anew under the same id.

    `nodes` are the images opened there by disk key, top first; `checkpoints` maps our checkpoints to the
    disks that have them; `images` has the file that each of them belongs to: a bitmap in a restored or copied
    one is worthless (P17); former releases wrote its inode; `left` is the state in which we left the files of
    a machine that is off, after the boot `left_after`; `view` lists the scratch files of a frozen view that
    is open or was interrupted."""

    definition: MachineDefinition
    tag: str | None = None
    runs_in: str | None = None
    boot: str | None = None
    nodes: dict[str, tuple[str, ...]] = pydantic.Field(default_factory=dict)
    checkpoints: dict[str, tuple[str, ...]] = pydantic.Field(default_factory=dict)
    images: dict[str, dict[str, int | FileNumber]] = pydantic.Field(default_factory=dict)
    left: dict[str, file_looks.Looks] = pydantic.Field(default_factory=dict)
    left_after: str | None = None
    view: tuple[str, ...] | None = None
    starts_with_host: bool = False
    start_forbidden: bool = False
    started_with_host: bool = False
    """Whether it started with its host before its start was forbidden."""
    saved: bool = False
    """Whether its memory was saved for its next start."""
    elsewhere: bool = False
    """Whether another host runs it from the same storage."""

    @property
    def fabric_id(self) -> str:
        return self.definition.fabric_id

    @property
    def wanted_with_host(self) -> bool:
        """Whether its owner wants it to start with its host."""
        return self.starts_with_host or (self.start_forbidden and self.started_with_host)

    @property
    def traits(self) -> Traits:
        """The machine's traits; default ones for a machine of another platform."""
        try:
            return Traits.model_validate_json(self.definition.native)
        except pydantic.ValidationError:
            return Traits()

    def counted(self, checkpoint: str | None, key: str, path: Path) -> bool:
        """Whether the checkpoint's bitmap belongs to the file that the disk has now."""
        known, now = self.images.get(checkpoint or "", {}).get(key), file_number(path)
        if known is None or now is None:
            return False
        return now.is_same(known if isinstance(known, FileNumber) else FileNumber(known, None))

    def imaged(self, checkpoint: str, disks: Sequence[str], base: str | None) -> MachineRecord:
        """The record with a new checkpoint of these disks, and the files that it belongs to; those of the
        base and of the last few views stay."""
        paths = {one.key: Path(one.path) for one in self.definition.disks if one.key in disks}
        numbers = {key: number for key, path in paths.items() if (number := file_number(path))}
        pinned = {name: self.images[name] for name in (base,) if name in self.images}
        images = {**dict(list(self.images.items())[-8:]), **pinned, checkpoint: numbers}
        return self.having(images=images, checkpoints={**self.checkpoints, checkpoint: tuple(disks)})

    def settled(self) -> MachineRecord:
        """The record of a machine that is off, without the bitmaps in files that somebody changed since we
        left them. If its guest ran meanwhile, the bitmaps tell what it changed."""
        known = self.left if self.left_after == self.boot else {}
        paths = {one.key: Path(one.path) for one in self.definition.disks}
        changed = {
            key
            for key, looks in known.items()
            if key in paths and looks != file_looks.again(paths[key], looks)
        }
        images = {
            name: {key: number for key, number in by_disk.items() if key not in changed}
            for name, by_disk in self.images.items()
        }
        return self.having(images=images, left={}) if changed else self

    def leaving(self) -> MachineRecord:
        """The record with the present state of its files."""
        paths = {one.key: Path(one.path) for one in self.definition.disks}
        looks = {key: file_looks.seen(same_files.files(path.absolute())) for key, path in paths.items()}
        return self.having(left={key: each for key, each in looks.items() if each}, left_after=self.boot)

    def having(self, **changes: object) -> MachineRecord:
        return self.model_copy(update=changes)


class Records:
    """The machines of the site under `root`."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "machines"
        self._locks = root / "locks"
        self.synced = root / "synced"
        """A file that exists if definitions survive a power cut, as those of a real hypervisor do; syncing
        costs more than everything else."""
        for folder in (self._folder, self._locks):
            folder.mkdir(parents=True, exist_ok=True)
        self._read: dict[str, tuple[tuple[int, int], MachineRecord]] = {}
        self._guard = threading.Lock()

    def all(self) -> list[MachineRecord]:
        """Every machine, by name."""
        found = (self.get(path.stem) for path in self._folder.glob("[!.]*.json"))
        return sorted(
            (record for record in found if record is not None), key=lambda record: record.definition.name
        )

    def get(self, fabric_id: str) -> MachineRecord | None:
        """One machine as its file is now, or None. Unchanged files are not parsed again."""
        path = self._path(fabric_id)
        try:
            facts = path.stat()
            known = self._read.get(fabric_id)
            if known is not None and known[0] == (facts.st_ino, facts.st_mtime_ns):
                return known[1]
            record = MachineRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        with self._guard:
            self._read[fabric_id] = ((facts.st_ino, facts.st_mtime_ns), record)
        return record

    def need(self, fabric_id: str) -> MachineRecord:
        """One machine; raises NotFound."""
        record = self.get(fabric_id)
        if record is None:
            raise errors.NotFound.named("machine", fabric_id)
        return record

    def save(self, record: MachineRecord) -> MachineRecord:
        path, text = self._path(record.fabric_id), record.model_dump_json()
        if self.synced.exists():
            durable.write(path, text)
        else:
            files.replace(path, text)
        return record

    def delete(self, fabric_id: str) -> None:
        self._path(fabric_id).unlink(missing_ok=True)
        with self._guard:
            self._read.pop(fabric_id, None)

    @contextlib.contextmanager
    def lock(self, fabric_id: str, purpose: str, deadline_seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Lock the machine inside the context; for short acts only."""
        with files.locked(self._locks / f"{fabric_id}.machine", deadline_seconds, f"{purpose} {fabric_id}"):
            yield

    @contextlib.contextmanager
    def lock_view(self, fabric_id: str) -> Iterator[None]:
        """Lock the frozen view of the machine inside the context; a second view is refused at once."""
        with files.locked(
            self._locks / f"{fabric_id}.view", 0.0, f"open a second frozen view of {fabric_id}"
        ):
            yield

    def _path(self, fabric_id: str) -> Path:
        if not fabric_id or "/" in fabric_id or fabric_id.startswith("."):
            raise errors.InvalidArgument(f"'{fabric_id}' is not a machine id.")
        return self._folder / f"{fabric_id}.json"
