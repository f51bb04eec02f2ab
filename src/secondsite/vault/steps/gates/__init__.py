"""Machines that move together wait for each other.

turn       a machine's job waits until the run of its plan has come to the step that lets it go on
delay      a machine starts later than others of its group
still_off  who has waited to start is asked for at its source once more
"""

from .still_off import require_still_off
from .turn import (
    Gate,
    InTurn,
    StartTurn,
    Stopped,
    await_turn,
    begins_if_going_on,
    gate_signal,
    require_going_on,
    turn_to,
)

__all__ = [
    "Gate",
    "InTurn",
    "StartTurn",
    "Stopped",
    "await_turn",
    "begins_if_going_on",
    "gate_signal",
    "require_going_on",
    "require_still_off",
    "turn_to",
]
