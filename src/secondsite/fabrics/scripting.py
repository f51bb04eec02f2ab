"""How a script is run inside a running machine, from outside."""

from dataclasses import dataclass
from typing import Protocol

MOST_OF_A_SCRIPT = 256 * 1024
"""Bytes: what an agent takes in one message."""


@dataclass(frozen=True, slots=True)
class GuestScript:
    """`text` is what a file with it would hold, `interpreter` the words of its first line; `said` comes
    from its standard input."""

    text: bytes
    interpreter: tuple[str, ...]
    said: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """`status` is None if it was killed at its deadline, or did not end by then. `output`: what it wrote,
    the last part of it."""

    status: int | None
    output: bytes


class Scripting(Protocol):
    """By the guest's agent. What a script does in the guest is the caller's business: it is run once, and
    never repeated from here."""

    def run(self, fabric_id: str, script: GuestScript) -> ScriptEnd:
        """Raises NotFound, FabricError if the agent does not take it, or tells of its end no more."""
