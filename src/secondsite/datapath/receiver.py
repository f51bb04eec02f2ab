"""The target's half of a cycle: take it in as one durable file, or refuse it with a reason.

Frames are verified before they are written, and written as they came. The file appears under its name only
when it is complete, fsynced, and its digest is the sender's; then the sender gets its ACK. A broken
connection leaves nothing.

Where there is no instant to protect, as in a pass over whole disks, the door may take the frames straight into the
replica: they are written once, and the ACK says that they are durable there. What a broken connection leaves of such
a cycle is sent again.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from . import cycle_file, inbox, memory, room
from .channel import Connection
from .cycle_file import CycleHeader, CycleWriter
from .errors import DatapathError, PeerSilent, PeerUnreachable
from .receiver_door import Accept, Refused, ReplicaDoor
from .receiver_reception import Reception

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 10


def serve(connection: Connection, door: ReplicaDoor, between_seconds: float = 300) -> None:
    """Take cycles from one peer until it goes away, or sends none for `between_seconds`: a Listener's handler."""
    memory.keep_for_reuse()
    try:
        while True:
            begin = connection.receive_message("BEGIN", within_seconds=between_seconds)
            receive_cycle(connection, CycleHeader.from_json(begin.fields.get("header", {})), door)
    except (PeerUnreachable, PeerSilent) as gone:
        log.debug("peer %s ended: %s", connection.peer_name, gone.message)


def receive_cycle(connection: Connection, header: CycleHeader, door: ReplicaDoor) -> Path | None:
    """Receive the cycle that BEGIN announced; gives its durable file, or None if it was refused, given up by
    the sender, held already, or written straight to the replica. Raises DatapathError if the connection can serve no further."""
    try:
        accept = door.accept(connection.peer_name, header)
        already = accept.already or _held(accept, header, door)
    except DatapathError as refused:
        _refuse(connection, refused)
        return None
    connection.send_message("ACCEPT", already=already)
    if already:
        return None
    try:
        return _receive(connection, header, accept, door)
    except (PeerUnreachable, PeerSilent):
        raise
    except DatapathError as problem:
        log.warning("cycle %s-%s of %s: %s", header.epoch, header.seq, header.machine_id, problem)
        _refuse(connection, problem)
        connection.drain(DRAIN_SECONDS)
        raise


def _held(accept: Accept, header: CycleHeader, door: ReplicaDoor) -> bool:
    """Whether this very cycle is in the inbox; the door hears of it again, in case it missed it. Raises Refused
    if another take has its number."""
    path = inbox.path_of(accept.inbox_dir, header.epoch, header.seq)
    if not path.exists():
        return False
    held, _content = cycle_file.read(path, accept.key)
    if held.taken_at != header.taken_at:
        raise Refused(
            "cycle-conflict",
            f"cycle {header.epoch}-{header.seq} was received as taken at {held.taken_at}, not {header.taken_at}",
            do="give the new take the next seq",
        )
    door.arrived(header, path)
    return True


def _refuse(connection: Connection, problem: DatapathError) -> None:
    connection.send_message("REFUSE", code=problem.code, message=problem.message, do=problem.do)


def _receive(connection: Connection, header: CycleHeader, accept: Accept, door: ReplicaDoor) -> Path | None:
    reception = Reception(connection, header, door)
    path = (
        _straight(reception, header, accept, door)
        if accept.straight
        else _to_inbox(reception, header, accept)
    )
    if not reception.whole:
        connection.send_message("ABORTED")
        return None
    if path is not None:
        door.arrived(header, path)
    connection.send_message("ACK", epoch=header.epoch, seq=header.seq)
    return path


def _straight(reception: Reception, header: CycleHeader, accept: Accept, door: ReplicaDoor) -> Path | None:
    """None, unless the cycle took the way through the inbox after all."""
    reception.answer_questions()
    with door.straight(header, reception.cut) as write:
        if write is None:
            return _to_inbox(reception, header, accept)
        reception.write(write)
    return None


def _to_inbox(reception: Reception, header: CycleHeader, accept: Accept) -> Path | None:
    """The cycle's durable file; None if the sender gave it up."""
    try:
        writer = CycleWriter(accept.inbox_dir, header, accept.make_room, accept.key)
        try:
            reception.keep(writer, _room(accept))
            return writer.commit() if reception.whole else None
        finally:
            writer.discard()
    except OSError as problem:
        raise _store_problem(accept.inbox_dir, problem) from None


def _room(accept: Accept) -> int | None:
    """None: without a limit. A cycle that waits for no other may be larger than the budget: later it would be larger yet."""
    if accept.budget_bytes is None or not inbox.scan(accept.inbox_dir):
        return None
    return accept.budget_bytes - inbox.held_bytes(accept.inbox_dir)


def _store_problem(inbox_dir: Path, problem: OSError) -> Refused:
    if problem.errno in room.NO_ROOM:
        return Refused(
            "target-disk-full",
            f"the store of {inbox_dir} is full",
            do="add space at the target or keep fewer points",
        )
    return Refused(
        "store-unwritable", f"{inbox_dir} cannot be written: {problem}", do="check the target's store"
    )
