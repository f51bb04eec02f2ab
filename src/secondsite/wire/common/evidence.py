"""What was seen of a machine after its start, as proof that it runs."""

from enum import StrEnum

from .base import Shape


class GuestAgent(StrEnum):
    """What the guest agent said: it answered, it did not, or the machine has no channel for one."""

    ANSWERED = "answered"
    SILENT = "silent"
    NONE = "none"


class Evidence(Shape):
    """What was seen of a machine after its start."""

    proven: bool
    """Whether something inside the guest answered: that it has power proves nothing."""
    power: str
    """Whether the machine ran at the end: 'running', 'off', ..."""
    agent: GuestAgent
    """What its guest agent said."""
    agent_seconds: float | None = None
    """When the agent answered, counted from when one began to look."""
    console: str | None = None
    """The end of what it has written to its console since its start; empty: nothing yet; null: no console of it is kept."""
    seconds: float
    """How long one looked."""
