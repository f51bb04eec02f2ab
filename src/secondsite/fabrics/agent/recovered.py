"""Agents of machines that were moved to this site from one of machines with agents, beside whatever platform
they run on here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...domain import errors
from ..calling import ExpectedAgent
from .link import Agents


class RecoveredAgents:
    """The port of an appliance for them. They are only heard: their disks are read by the platform."""

    def __init__(self, folder: Path, listen: tuple[str, int]) -> None:
        """Raises FabricError if the address is taken."""
        self._agents = Agents(folder, listen)
        self._agents.start()

    @property
    def port(self) -> int:
        return self._agents.port

    @property
    def authority(self) -> str:
        return self._agents.authority.fingerprint

    def expect(self, expected: Sequence[ExpectedAgent]) -> None:
        self._agents.expect(expected)

    def connected(self) -> frozenset[str]:
        return frozenset(each.agent_id for each in self._agents.known() if each.connected and each.is_guest)

    def close(self) -> None:
        """Agents call again."""
        self._agents.close()


def listening(at: str) -> tuple[str, int]:
    """The host and port in HOST:PORT. Raises InvalidArgument."""
    host, colon, port = at.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise errors.InvalidArgument(
            f"'{at}' is no address for agents to call at.", do="Give HOST:PORT, as in 0.0.0.0:9446."
        )
    return host.strip("[]"), int(port)
