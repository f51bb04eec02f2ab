"""How a script is run inside a running machine, from outside."""

from dataclasses import dataclass
from typing import Protocol

MOST_OF_A_SCRIPT = 256 * 1024
"""The largest script in bytes, which an agent takes in one message."""


@dataclass(frozen=True, slots=True)
class GuestScript:
    """A script for a guest. `text` is its content, `interpreter` the words of its first line; `said` is given
    on its standard input."""

    text: bytes
    interpreter: tuple[str, ...]
    said: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """How a script ended. `status` is None if it was killed at its deadline, or did not end by then.
    `output`: the last part of what it wrote."""

    status: int | None
    output: bytes


class Scripting(Protocol):
    """Runs scripts in guests, by the guest's agent. A script is run once and never repeated from here: only
    the caller knows what it does."""

    def run(self, fabric_id: str, script: GuestScript) -> ScriptEnd:
        """Run the script and wait for its end. Raises NotFound, FabricError if the agent does not take it, or
        does not tell of its end."""
