"""Read cycles of the journal, every frame verified: to recover an instant, or to know that it could be recovered."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from . import cycle_file, digest_map_scan, errors
from .cycle_file import CycleHeader
from .frames import Frame
from .journal_entry import Entry
from .replica_core import ReplicaCore
from .replica_files import forget_cached

_LOST: Final = (errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENOENT)
"""What reading says of a file that rotted or was removed; anything else may pass."""


def opened(core: ReplicaCore, entry: Entry) -> tuple[CycleHeader, Iterator[Frame]]:
    """The header, and the frames as they are iterated, which is done inside `trusting`. Raises what that raises."""
    with trusting(core, entry):
        header, frames = cycle_file.read(core.journal.path(entry), core.keys.files)
        if (header.epoch, header.seq) != entry.place:
            raise errors.CycleDamaged(
                f"{entry.name} in the journal holds cycle {header.epoch}-{header.seq}.",
                do="Recover another instant.",
            )
    return header, frames


@contextlib.contextmanager
def trusting(core: ReplicaCore, entry: Entry) -> Iterator[None]:
    """A cycle that cannot be read leaves the journal: then everybody sees what can be recovered without it. Raises
    CycleDamaged for it; ImageProblem when it may be read later; KeyMissing, KeyWrong when the replica's key is not there."""
    _ = core.keys.files  # from here on a file that asks for another key is one that was changed
    try:
        yield
    except (errors.CycleDamaged, errors.KeyMissing, errors.KeyWrong, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _LOST:
            raise errors.ImageProblem(
                f"{core.journal.path(entry)} could not be read: {error.strerror or error}.", do="Repeat it."
            ) from error
        core.journal.give_up(entry)
        raise errors.CycleDamaged(
            f"Cycle {entry.seq} of the journal cannot be read: {error}", do="Recover another instant."
        ) from error


def verify(
    core: ReplicaCore, entry: Entry, cancelled: digest_map_scan.Asked, told: digest_map_scan.Told
) -> bool:
    """Whether a cycle can still be applied, read from the disk. See `Replica.verify_cycle`."""
    forget_cached(core.journal.path(entry))
    try:
        _header, frames = opened(core, entry)
        with trusting(core, entry):
            for frame in frames:
                if cancelled():
                    raise errors.Cancelled(
                        "Reading the journal was stopped.", do="Nothing: it is read again."
                    )
                told(frame.length, len(frame.data))
    except errors.CycleDamaged:
        # or it was dropped meanwhile
        return all(each.entry != entry for each in core.journal.damaged())
    return True
