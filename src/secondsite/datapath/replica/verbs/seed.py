"""Writes the pieces of a shipped copy to the head of a replica that has received nothing yet.

The result matches no instant of the machine until a pass has compared all blocks. The digests describe
what was written, so a wrong copy costs bytes but never correctness. A crash may leave digests ahead of the
disk; they are then made anew by reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ... import errors
from ...digests import scan
from ...disks import NbdDisk, Writes, image
from ...errors import DiskUnreadable, ImageProblem, SeedRefused
from ...frames import Frame, codec
from ..core import ReplicaCore
from ..record.record import ReplicaState
from .unaligned_writes import UnalignedWrites

BEFORE_THE_FIRST: Final = 0
"""Stands for a cycle's number; no source uses it."""


def write(core: ReplicaCore, key: str, pieces: Iterable[Frame]) -> None:
    """Write pieces of a shipped copy to the head of a replica that has received nothing; durable when it
    returns. It can be repeated. Raises ReplicaInUse once cycles have arrived, and what `pieces` raises,
    keeping what was written."""
    with core.changing() as state:
        _check_new(state, key)
        if state.applying_seq is not None:
            core.drop_maps()
        digests, disk = core.maps()[key], core.open_heads()[key]
        core.save(applying_seq=BEFORE_THE_FIRST, whole=False)
        core.reach("seed.begun")
        with Writes(disk) as queue:
            ragged = UnalignedWrites(disk, digests, queue)
            for piece in pieces:
                ragged.write(piece)
                core.reach("seed.piece")
            ragged.finish()
        disk.flush()
        core.reach("seed.flushed")
        digests.mark(state.epoch, state.processed_seq)
        core.save(applying_seq=None, unsealed=True)
        core.reach("seed.done")


def _check_new(state: ReplicaState, key: str) -> None:
    state.disk(key)
    if state.head is None or state.begun_seq or any(layer.point_id for layer in state.layers):
        raise errors.ReplicaInUse(
            f"The replica of {state.machine_id} has received cycles already: a seed would overwrite them.",
            do="Nothing: replication continues from what is there.",
        )


# A disk copy that was shipped to the target: its format, whether it may be read, and its data piece by
# piece. An image can name other files that QEMU then opens too: backing files, a vmdk's extents, a qcow2's
# data file. All must lie in allowed folders, or a crafted image could bring any file of the host into a
# replica. Each file is checked before the next one that it names. The format is taken from the file's
# extension, and probed only without a known one: a guest may write what looks like another format into the
# first blocks of a raw disk.

FORMATS: Final = ("qcow2", "raw", "vmdk", "vhdx", "vpc", "vdi")
BY_SUFFIX: Final = {f".{name}": name for name in FORMATS} | {".vhd": "vpc"}
DEEPEST_CHAIN: Final = 64


@dataclass(frozen=True, slots=True)
class Seed:
    """A copy that can be read; `stored_bytes` is the space that its files occupy."""

    path: Path
    image_format: str
    size_bytes: int
    stored_bytes: int


def look(path: Path, folders: Sequence[Path]) -> Seed:
    """Look at a file; raises SeedRefused if it may not or cannot be read. Changes nothing."""
    allowed = [folder.resolve() for folder in folders]
    top = _facts(_inside(path, allowed), BY_SUFFIX.get(path.suffix))
    if top.image_format not in FORMATS:
        raise SeedRefused(
            f"{path} is of the format {top.image_format}.", do=f"Convert it to one of {', '.join(FORMATS)}."
        )
    chain = [top]
    while (below := _below(chain[-1], allowed)) is not None:
        chain.append(below)
        if len(chain) > DEEPEST_CHAIN:
            raise SeedRefused(f"{path} has too many backing files.", do="Merge them with 'qemu-img convert'.")
    stored = sum(facts.stored_bytes for facts in chain)
    return Seed(top.path, top.image_format, top.size_bytes, stored)


def _below(facts: image.ImageFacts, allowed: Sequence[Path]) -> image.ImageFacts | None:
    """The backing file, if any; raises SeedRefused for files outside the allowed folders."""
    for other in facts.others:
        _inside(other, allowed)
    return None if facts.backing is None else _facts(_inside(facts.backing, allowed), None)


def _inside(path: Path, allowed: Sequence[Path]) -> Path:
    """The real file behind the name."""
    real = path.resolve()
    if not path.is_absolute() or not any(real.is_relative_to(folder) for folder in allowed):
        names = ", ".join(map(str, allowed))
        raise SeedRefused(
            f"{path} is not in a folder that this appliance reads seeds from"
            + (f" ({names})." if names else ": it has none."),
            do="Put the copy into such a folder, or name its folder in 'seed_folders' of the appliance's "
            "appliance.json and start the appliance again.",
        )
    if not real.is_file():
        raise SeedRefused(
            f"There is no file {path} on the appliance's host.", do="Check the name and the mount."
        )
    return real


def _facts(path: Path, image_format: str | None) -> image.ImageFacts:
    try:
        facts = image.look(path, image_format)
    except ImageProblem as error:
        raise SeedRefused(f"{path} cannot be read: {error.message}", do=error.do) from error
    if facts.encrypted:
        raise SeedRefused(f"{path} is encrypted.", do="Convert it to an image that is not.")
    return facts


class Pieces:
    """The content of a seed from `position` on, as frames for disk 0, until `enough` says so or the seed
    ends.

    Zeros are left out. After the iteration everything before `position` has been given.
    """

    def __init__(self, seed: NbdDisk, position: int, enough: Callable[[int], bool]) -> None:
        self.position = position
        self.data_bytes = 0
        self._seed = seed
        self._enough = enough

    def __iter__(self) -> Iterator[Frame]:
        try:
            yield from self._read()
        except DiskUnreadable as error:
            raise SeedRefused(
                (
                    f"The seed cannot be read at {self.position} of {self._seed.size_bytes} bytes: "
                    f"{error.message}"
                ),
                do="Check that the medium is still there and whole, then retry.",
            ) from error

    def _read(self) -> Iterator[Frame]:
        whole = self._seed.size_bytes
        for offset, length, data in scan.scan(self._seed, start=self.position):
            for start, end, zero in codec.ranges(offset, data) if data is not None else ():
                if not zero:
                    self.data_bytes += end - start
                    yield Frame(0, offset + start, end - start, False, memoryview(data or b"")[start:end])
            self.position = offset + length
            if self.position < whole and self._enough(self.data_bytes):
                return
