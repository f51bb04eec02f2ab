"""What can go wrong with bytes, as a small tree.

Every error says what happened (`message`), carries a stable `code` for reports and findings, and what
to do about it (`do`). A subclass fixes the code; `PeerRefused` carries the code that the peer sent.
"""

from __future__ import annotations


class DatapathError(Exception):
    """Something went wrong in the data path; `do` names the next action of whoever reads it."""

    code = "datapath"

    def __init__(self, message: str, *, do: str) -> None:
        super().__init__(message)
        self.message = message
        self.do = do

    def __str__(self) -> str:
        return f"{self.message} ({self.do})"


class Cancelled(DatapathError):
    """The caller asked to stop, and the work stopped at a chunk's boundary."""

    code = "cancelled"


class PeerUnreachable(DatapathError):
    """No connection to the peer, or the connection broke."""

    code = "peer-unreachable"


class PeerUntrusted(DatapathError):
    """The TLS handshake failed: a foreign certificate, another CA, or no TLS 1.3 at the other end."""

    code = "peer-untrusted"


class PeerSilent(DatapathError):
    """The peer neither sent nor took a byte within the deadline."""

    code = "peer-silent"


class PeerRefused(DatapathError):
    """The peer answered with a refusal; `code` is the peer's own."""

    code = "peer-refused"

    def __init__(self, message: str, *, do: str, code: str = "peer-refused") -> None:
        super().__init__(message, do=do)
        self.code = code


class ProtocolViolated(DatapathError):
    """The peer sent something that the protocol does not allow at this place."""

    code = "protocol-violated"


class FrameDamaged(DatapathError):
    """A frame's header or payload does not match its checksum or its limits."""

    code = "frame-damaged"


class CycleDamaged(DatapathError):
    """A cycle file cannot be trusted; names the file and the offset."""

    code = "cycle-damaged"


class StoreFull(DatapathError):
    """A file system or a budget has no room left."""

    code = "store-full"


class DiskUnreadable(DatapathError):
    """An NBD export could not be opened, read or written."""

    code = "disk-unreadable"


class DiskSilent(DiskUnreadable):
    """An NBD export gave no answer in time: a server that is slow, which says nothing about the disk."""

    code = "disk-silent"


class ImageProblem(DatapathError):
    """qemu-img refused or failed on an image file."""

    code = "image-problem"


class SeedRefused(DatapathError):
    """A shipped copy may not be read, or cannot."""

    code = "seed-refused"


class StorageDaemonGone(DatapathError):
    """The storage daemon died or does not answer; the next use starts it again."""

    code = "storage-daemon-gone"


class CycleOutOfOrder(DatapathError):
    """A cycle does not continue what the replica has processed."""

    code = "cycle-out-of-order"


class FirmwareTooLarge(DatapathError):
    """A machine's firmware state is larger than what travels with a cycle."""

    code = "firmware-too-large"


class ReplicaClosed(DatapathError):
    """The replica takes no cycles: its machine was failed over and committed, or the replica was removed."""

    code = "replica-closed"


class ReplicaInUse(DatapathError):
    """A run or a lease still needs the files that should change."""

    code = "replica-in-use"


class PointHeld(DatapathError):
    """Somebody holds the recovery point: it is not dropped until it is released."""

    code = "point-held"


class HeadTorn(DatapathError):
    """The head is no instant of the machine: a cycle or a pass over whole disks is half applied."""

    code = "head-torn"


class PointUnknown(DatapathError):
    """The replica has no such recovery point that could be used."""

    code = "point-unknown"


class KeyMissing(DatapathError):
    """Something is encrypted, and the key is not there or its file cannot be used."""

    code = "encryption-key-missing"


class KeyWrong(DatapathError):
    """Something is encrypted with another key than the one at hand."""

    code = "encryption-key-wrong"
