"""The message about machines that wrote nothing: the source tells of many at once, and the target notes it
before it answers.

    UNCHANGED > NOTED

Nothing is sent, numbered or applied: what the target has of a machine is just as new as a later instant, too.
A machine that the target does not name in its answer needs a cycle, which shows why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ..channel import Connection, Message
from ..cycles import header_checks
from ..errors import ProtocolViolated

MOST: Final = 256
"""Machines in one message."""
NOTED_SECONDS: Final = 10.0
"""How long the answer is waited for: a target takes milliseconds to note it. The target is not asked before
whether it is there, so this is how long a dead link is waited for."""


@dataclass(frozen=True, slots=True)
class UnchangedState:
    """At `taken_at` the disks and the firmware state of a machine were those of its acknowledged cycle
    (epoch, seq)."""

    machine_id: str
    epoch: int
    seq: int
    taken_at: str


class NotesUnchanged(Protocol):
    """What the owner of the replicas provides for this message."""

    def unchanged(self, peer_name: str, said: Sequence[UnchangedState]) -> Collection[str]:
        """Note, durably, what this peer says of its machines; returns the ids of those for which it is true
        here."""
        ...


def tell(connection: Connection, said: Sequence[UnchangedState]) -> frozenset[str]:
    """Send the message to a target that takes it; returns the ids of the machines for which the target has
    noted it. Raises PeerRefused, PeerSilent, PeerUnreachable."""
    connection.between_cycles = False
    connection.send_message("UNCHANGED", machines=[_fields(each) for each in said])
    noted = connection.receive_message("NOTED", within_seconds=NOTED_SECONDS).fields.get("machines")
    connection.between_cycles = True
    if not isinstance(noted, list):
        raise _not_understood("the answer names no machines")
    return frozenset(each.machine_id for each in said if each.machine_id in noted)


def answer(connection: Connection, message: Message, owner: NotesUnchanged) -> None:
    """Note what the peer says. Raises ProtocolViolated."""
    try:
        said = [_of(each) for each in header_checks.sequence(message.fields.get("machines"), MOST)]
    except (KeyError, TypeError, ValueError) as problem:
        raise _not_understood(repr(problem)[:200]) from None
    connection.send_message("NOTED", machines=sorted(owner.unchanged(connection.peer_name, said)))


def _fields(said: UnchangedState) -> dict[str, str | int]:
    return {
        "machine_id": said.machine_id, "epoch": said.epoch, "seq": said.seq, "taken_at": said.taken_at,
    }  # fmt: skip


def _of(value: Any) -> UnchangedState:
    fields = header_checks.mapping(value)
    return UnchangedState(
        machine_id=header_checks.name(fields["machine_id"]),
        epoch=header_checks.natural(fields["epoch"]),
        seq=header_checks.natural(fields["seq"]),
        taken_at=header_checks.instant(fields["taken_at"]),
    )


def _not_understood(why: str) -> ProtocolViolated:
    return ProtocolViolated(
        f"what is said of unchanged machines is not understood: {why}", do="run the same release"
    )
