"""Agents that call appliances: that of their own site, and that of the site to which their machine was
moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AgentPort:
    """Where an appliance listens for agents: `addresses` as HOST:PORT, best first. `authority`: the SHA-256
    of the authority by whose certificate it is known."""

    addresses: tuple[str, ...]
    authority: str


@dataclass(frozen=True, slots=True)
class ExpectedAgent:
    """An agent that was enrolled at another site, and is in a machine that was started here. `authority`: the
    certificate (PEM) that signed its own; those that ended before `until` were revoked. `hardware`: the
    machine's UUID here, by which it is told from the one at home."""

    agent_id: str
    name: str
    authority: str
    hardware: str
    until: datetime | None = None


class Calling(Protocol):
    """Tells agents of a site where else they may call."""

    def tell(self, fabric_id: str, port: AgentPort) -> None:
        """Have the machine's agent know it; harmless when repeated, and cheap if it knows. Raises FabricError
        for one that does not answer."""


class AgentCalls(Protocol):
    """The port for agents of machines that were moved to this site."""

    @property
    def port(self) -> int: ...

    @property
    def authority(self) -> str:
        """The SHA-256 of its authority's certificate."""

    def expect(self, expected: Sequence[ExpectedAgent]) -> None:
        """From now on these are let in, and no others that were enrolled elsewhere."""

    def connected(self) -> frozenset[str]:
        """The ids of the agents that are here."""

    def close(self) -> None: ...
