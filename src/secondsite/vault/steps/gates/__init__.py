"""Machines that move together wait for each other.

turn  a machine's job waits until the run of its plan has come to the step that lets it go on
"""

from .turn import InTurn, Stopped, Turn, await_turn, gate_signal, turn_to

__all__ = ["InTurn", "Stopped", "Turn", "await_turn", "gate_signal", "turn_to"]
