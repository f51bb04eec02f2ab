"""The target's half of a cycle: receive it as one durable file, or refuse it with a reason.

Frames are verified, then written as they arrived. The file appears under its name only
when it is complete, fsynced, and its digest is the sender's; then the sender gets its ACK. A broken
connection leaves nothing.

If there is no instant to protect, as in a pass over whole disks, the frames may be written directly to the
replica: they are then written only once, and the ACK means that they are durable there. After a broken
connection such a cycle is sent again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from ...ground import full_disk, usage
from ...ground.processes import malloc
from ...ground.units import MiB
from ..channel import Connection, Message
from ..cycles import CycleHeader, CycleWriter, cycle_file, inbox
from ..errors import CycleRefused, DatapathError, PeerSilent, PeerUnreachable, ProtocolViolated
from . import held_digests, unchanged_machines
from .admission import Accept, CycleAdmission
from .incoming_cycle import IncomingCycle, inbox_full

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 10
EXPECTED: Final = ("BEGIN", "OFFER", "THERE", "UNCHANGED", "DIGESTS")
"""Messages that may come between cycles."""
Answer = Callable[[Connection, Message], None]
"""Holds a conversation that begins with this message."""
LEAST_FREE_BYTES: Final = 1 * MiB
"""With fewer free bytes a file system takes no cycle, whatever its size."""
FULL: Final = "Free space at the target, or keep fewer points."
LOOK: Final = (
    "Look at the mounts and the kernel's log of the target's host. Once the store's file system is there "
    "and can be written, start its appliance again; nothing is lost at the source meanwhile."
)


def serve(
    connection: Connection,
    admission: CycleAdmission,
    between_seconds: float = 300,
    more: Mapping[str, Answer] = MappingProxyType({}),
) -> None:
    """Receive cycles from one peer until it leaves or sends none for `between_seconds`; a handler for
    Listener. `more`: by name, what else may come between cycles."""
    malloc.keep_for_reuse()
    try:
        while True:
            message = connection.receive_message(*EXPECTED, *more, within_seconds=between_seconds)
            if message.name == "THERE":
                connection.send_message("HERE")
            elif message.name == "UNCHANGED":
                unchanged_machines.answer(connection, message, admission)
            elif message.name in more:
                more[message.name](connection, message)
            else:
                _of_a_cycle(connection, message, admission)
    except (PeerUnreachable, PeerSilent) as gone:
        log.debug("peer.left", peer=connection.peer_name, problem=gone.message)


def _of_a_cycle(connection: Connection, begin: Message, admission: CycleAdmission) -> None:
    header = _header_of(connection, begin, admission)
    if header is not None and begin.name == "OFFER":
        answer_offer(connection, header, admission, parts=bool(begin.fields.get("parts")))
    elif header is not None and begin.name == "DIGESTS":
        _tell_digests(connection, begin, header, admission)
    elif header is not None:
        receive_cycle(connection, header, admission)


def _header_of(connection: Connection, begin: Message, admission: CycleAdmission) -> CycleHeader | None:
    """The header that the peer announced; None if it was refused because it is invalid: nothing of it is kept
    then."""
    said = begin.fields.get("header")
    try:
        return CycleHeader.from_json(said if isinstance(said, dict) else {})
    except ProtocolViolated as problem:
        admission.not_understood(connection.peer_name, said, problem)
        _refuse(connection, problem)
        return None


def answer_offer(
    connection: Connection, header: CycleHeader, admission: CycleAdmission, *, parts: bool
) -> None:
    """Say whether a cycle like this one would be taken now; nothing is received."""
    try:
        with _store_asked():
            accept = admission.accept(connection.peer_name, header)
            _require_space(accept, parts)
    except DatapathError as refused:
        _refuse(connection, refused)
    else:
        connection.send_message("ACCEPT", already=accept.already)


def _tell_digests(
    connection: Connection, question: Message, header: CycleHeader, admission: CycleAdmission
) -> None:
    """Answer what is asked outside of a cycle."""
    try:
        with _store_asked():
            held_digests.answer(connection, question, header, admission)
    except (PeerUnreachable, PeerSilent):
        raise
    except DatapathError as refused:
        _refuse(connection, refused)


def _require_space(accept: Accept, parts: bool) -> None:
    left_bytes = None if parts else _left_bytes(accept)
    if left_bytes is not None and left_bytes <= 0:
        raise inbox_full()
    if _free_bytes(accept.inbox_dir) < LEAST_FREE_BYTES:
        accept.free_space()
        if _free_bytes(accept.inbox_dir) < LEAST_FREE_BYTES:
            raise _store_full(accept.inbox_dir)


def _free_bytes(folder: Path) -> int:
    """Free bytes of the file system of a folder that may not be there yet."""
    return usage.free_bytes(next(each for each in (folder, *folder.parents) if each.exists()))


def receive_cycle(connection: Connection, header: CycleHeader, admission: CycleAdmission) -> Path | None:
    """Receive the cycle that BEGIN announced. Returns its durable file; None if it was refused, given up by
    the sender, received before, or written directly to the replica. Raises DatapathError if the connection is
    unusable."""
    try:
        with _store_asked():
            accept = admission.accept(connection.peer_name, header)
            already = accept.already or _received_before(accept, header, admission)
    except DatapathError as refused:
        _refuse(connection, refused)
        return None
    connection.send_message("ACCEPT", already=already)
    if already:
        return None
    try:
        return _receive(connection, header, accept, admission)
    except (PeerUnreachable, PeerSilent):
        raise
    except DatapathError as problem:
        log.warning(
            "cycle.failed",
            machine=header.machine_id,
            epoch=header.epoch,
            seq=header.seq,
            problem=str(problem),
        )
        _refuse(connection, problem)
        connection.drain(DRAIN_SECONDS)
        raise


@contextlib.contextmanager
def _store_asked() -> Iterator[None]:
    """Raises CycleRefused for an error of the store inside, which would otherwise count as a broken
    connection."""
    try:
        yield
    except OSError as problem:
        raise CycleRefused(
            "store-unreadable", f"the target's store cannot be read: {problem}", do=LOOK
        ) from problem


def _received_before(accept: Accept, header: CycleHeader, admission: CycleAdmission) -> bool:
    """Whether this very cycle is in the inbox; if so, reports it to the admission again. Raises
    CycleRefused if another cycle has its number."""
    path = inbox.path_of(accept.inbox_dir, header.epoch, header.seq)
    if not path.exists():
        return False
    received, _content = cycle_file.read(path, accept.key)
    if received.taken_at != header.taken_at:
        raise CycleRefused(
            "cycle-conflict",
            (
                f"cycle {header.epoch}-{header.seq} was received as taken at {received.taken_at}, not "
                f"{header.taken_at}"
            ),
            do="give the new cycle the next seq",
        )
    admission.arrived(header, path)
    return True


def _refuse(connection: Connection, problem: DatapathError) -> None:
    connection.send_message("REFUSE", code=problem.code, message=problem.message, do=problem.do)


def _receive(
    connection: Connection, header: CycleHeader, accept: Accept, admission: CycleAdmission
) -> Path | None:
    reception = IncomingCycle(connection, header, admission)
    path = (
        _write_directly(reception, header, accept, admission)
        if accept.direct
        else _to_inbox(reception, header, accept)
    )
    if not reception.whole:
        connection.send_message("ABORTED")
        return None
    if path is not None:
        admission.arrived(header, path)
    connection.send_message("ACK", epoch=header.epoch, seq=header.seq)
    return path


def _write_directly(
    reception: IncomingCycle, header: CycleHeader, accept: Accept, admission: CycleAdmission
) -> Path | None:
    """Write the cycle to the replica; returns a path only if it went through the inbox after all."""
    reception.answer_questions()
    with admission.direct_write(header, reception.cut) as write:
        if write is None:
            return _to_inbox(reception, header, accept)
        reception.write(write)
    return None


def _to_inbox(reception: IncomingCycle, header: CycleHeader, accept: Accept) -> Path | None:
    """The cycle's durable file; None if the sender gave it up."""
    try:
        writer = CycleWriter(accept.inbox_dir, header, accept.free_space, accept.key)
        try:
            reception.keep(writer, _left_bytes(accept))
            if not reception.whole:
                return None
            with accept.committing():
                return writer.commit()
        finally:
            writer.discard()
    except OSError as problem:
        raise _store_problem(accept.inbox_dir, problem) from None


def _left_bytes(accept: Accept) -> int | None:
    """Bytes that the cycle may take; None for no limit. A lone cycle may exceed the budget: deferring it
    would only enlarge it."""
    if accept.budget_bytes is None or not inbox.scan(accept.inbox_dir):
        return None
    return accept.budget_bytes - inbox.stored_bytes(accept.inbox_dir)


def _store_problem(inbox_dir: Path, problem: OSError) -> CycleRefused:
    if full_disk.takes_no_more(problem):
        return _store_full(inbox_dir)
    return CycleRefused("store-unwritable", f"{inbox_dir} cannot be written: {problem}", do=LOOK)


def _store_full(inbox_dir: Path) -> CycleRefused:
    return CycleRefused(
        "target-disk-full",
        f"the store of {inbox_dir} at the target is full",
        do=FULL,
    )
