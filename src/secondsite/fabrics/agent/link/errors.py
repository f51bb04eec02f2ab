"""Why an agent's answer does not come, or is no."""

from __future__ import annotations

from typing import Any

from ....domain.errors import FabricError, MachineAway

LOOK = (
    "Look at 'systemctl status secondsite-agent' in the machine, and whether it reaches this appliance's "
    "port for agents; it dials again by itself."
)


class AgentAway(MachineAway):
    """The agent is not connected, or it does not answer."""

    default_do = LOOK


class AgentRefused(FabricError):
    """The agent answered that it did not do it."""

    default_do = "Look at the log of the agent in the machine: 'journalctl --unit secondsite-agent'."

    def __init__(self, message: str, code: str, told: Any = None) -> None:
        """`code` is what a program decides by, and `told` what the answer held beside it."""
        super().__init__(message)
        self.code = code
        self.told = told


class Refused(Exception):
    """What an agent asks for is refused, in words for its log."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
