"""Reads cycles of the journal, verifying every frame, to recover an instant or to check that it could be
recovered."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from ....ground.durable import forget_cached
from ... import errors
from ...cycles import CycleHeader, Entry, cycle_file
from ...digests import scan
from ...frames import Frame
from ..core import ReplicaCore

_LOST: Final = (errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENOENT)
"""Errors of a file that is damaged or removed; any other may pass."""


def opened(core: ReplicaCore, entry: Entry) -> tuple[CycleHeader, Iterator[Frame]]:
    """The header and an iterator of the frames. Use both inside `trusting`; raises the same errors."""
    with trusting(core, entry):
        header, frames = cycle_file.read(core.journal.path(entry), core.file_key)
        if (header.epoch, header.seq) != entry.place:
            raise errors.CycleDamaged(
                f"{entry.name} in the journal holds cycle {header.epoch}-{header.seq}.",
                do="Recover another instant.",
            )
    return header, frames


@contextlib.contextmanager
def trusting(core: ReplicaCore, entry: Entry) -> Iterator[None]:
    """If reading inside fails for good, drop the cycle from the journal, so that everybody sees what can
    still be recovered. Raises CycleDamaged then, ImageProblem if it may be readable later, KeyMissing or
    KeyWrong without the replica's key."""
    _ = core.file_key  # the replica has its key: a file that asks for another one was changed
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
    core: ReplicaCore, entry: Entry, cancelled: scan.Asked = scan.never, told: scan.Told = scan.nobody
) -> bool:
    """Read a cycle of the journal from the disk and tell whether it still is, bit for bit, what was received.
    A damaged one is dropped from the journal (see `CycleJournal.damaged`); harmless if it was dropped
    meanwhile. Raises Cancelled, ImageProblem (repeat it), KeyMissing, KeyWrong."""
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
