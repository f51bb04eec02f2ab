"""Errors of the data path. Those that the domain uses too are defined in `ground`."""

from __future__ import annotations

import re
from typing import Final

from ..ground import problem
from ..ground.problem import DatapathError as DatapathError
from ..ground.problem import KeyMissing as KeyMissing
from ..ground.problem import KeyWrong as KeyWrong
from ..ground.problem import OldDiskAway as OldDiskAway
from ..ground.problem import PeerUnreachable as PeerUnreachable
from ..ground.problem import SeedRefused as SeedRefused
from ..ground.problem import StoreFull as StoreFull


class Cancelled(DatapathError):
    """The caller asked to stop; the work stopped at a chunk's boundary."""

    code = "cancelled"


class PeerUntrusted(DatapathError):
    """The TLS handshake failed: a foreign certificate, another CA, or no TLS 1.3 at the other end."""

    code = "peer-untrusted"


class PeerNotEnrolled(PeerUntrusted):
    """The vault has not named the peer, or not with the key that it shows. If it was enrolled a moment ago,
    that may be still to come."""


class PeerSilent(DatapathError):
    """The peer neither sent nor took a byte within the deadline."""

    code = "peer-silent"


class PeerRefused(DatapathError):
    """The peer answered with a refusal; `code` is the peer's own."""

    code = "peer-refused"

    def __init__(self, message: str, *, do: str, code: str = "peer-refused") -> None:
        super().__init__(message, do=do)
        self.code = code


class CycleRefused(DatapathError):
    """The target does not take this cycle; travels to the sender, which raises it as PeerRefused."""

    code = "refused"

    def __init__(self, code: str, message: str, *, do: str) -> None:
        super().__init__(message, do=do)
        self.code = code


class ProtocolViolated(DatapathError):
    """The peer sent something that the protocol does not allow here."""

    code = "protocol-violated"


class FrameDamaged(DatapathError):
    """A frame's header or payload does not match its checksum or its limits."""

    code = "frame-damaged"


class CycleDamaged(DatapathError):
    """A cycle file cannot be trusted; names the file and the offset."""

    code = "cycle-damaged"


class DiskUnreadable(DatapathError):
    """An NBD export could not be opened, read or written."""

    code = "disk-unreadable"


class DiskSilent(DiskUnreadable):
    """An NBD export did not answer in time: the server is slow, which says nothing about the disk."""

    code = "disk-silent"


class QmpRefused(DatapathError):
    """The storage daemon understood a command and refused it; `kind` is QEMU's error class."""

    code = "storage-daemon-refused"

    def __init__(self, message: str, *, do: str, kind: str) -> None:
        super().__init__(message, do=do)
        self.kind = kind


class ImageProblem(DatapathError):
    """qemu-img refused or failed on an image file."""

    code = "image-problem"


class AnotherReplica(ImageProblem):
    """A folder holds the replica of another machine than the one that it is named after. `holds`: that other
    machine, in words."""

    code = "another-replica"

    def __init__(self, message: str, *, do: str, holds: str = "") -> None:
        super().__init__(message, do=do)
        self.holds = holds


class OverlayGone(DatapathError):
    """A file that a machine was started on, and has written to, is not there any more."""

    code = "overlay-gone"


class StorageDaemonGone(DatapathError):
    """The storage daemon died or does not answer; the next use starts it again."""

    code = "storage-daemon-gone"


class CycleOutOfOrder(DatapathError):
    """A cycle does not follow the one that the replica processed last."""

    code = "cycle-out-of-order"


class FirmwareTooLarge(DatapathError):
    """A machine's firmware state is larger than what travels with a cycle."""

    code = "firmware-too-large"


class ReplicaClosed(DatapathError):
    """The replica takes no cycles: its machine was failed over and committed, or the replica was removed."""

    code = "replica-closed"


class ReplicaInUse(DatapathError):
    """A run still needs the files that should change."""

    code = "replica-in-use"


class PointHeld(DatapathError):
    """The recovery point has a hold: it cannot be dropped until it is released."""

    code = "point-held"


class HeadTorn(DatapathError):
    """The head matches no instant of the machine: a cycle or a pass over whole disks is only half applied."""

    code = "head-torn"


class PointUnknown(DatapathError):
    """The replica has no such usable recovery point."""

    code = "point-unknown"


_SAYS_NOTHING: Final = re.compile(
    r"\block\b|too many open files|cannot allocate|permission denied", re.IGNORECASE
)
"""Errors for which an image that may be whole cannot be opened. For broken or missing images QEMU has a
hundred other texts."""


def tells_of_damage(error: BaseException) -> bool:
    """Whether an image is broken or gone. A slow answer is not damage: it was seen on a host with forty
    busy processes."""
    if isinstance(error, QmpRefused):
        return not _SAYS_NOTHING.search(error.message)
    if isinstance(error, DiskSilent) or tells_of_another_program(error):
        return False
    return isinstance(error, DiskUnreadable | ImageProblem)


_IN_USE: Final = re.compile(r"Failed to get .*lock|another process using the image", re.IGNORECASE)
"""QEMU's words for a file that another program has open."""


def tells_of_another_program(error: BaseException) -> bool:
    """Whether a file could not be opened because another program has it: this says nothing about its
    content."""
    return isinstance(error, QmpRefused | ImageProblem) and bool(_IN_USE.search(error.message))


def by_code() -> dict[str, type[problem.SecondsiteError]]:
    """The error classes by their codes."""
    return problem.by_code(globals())
