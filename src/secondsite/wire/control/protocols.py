"""Finds the version of a protocol that two programs of different releases both understand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProtocolVersions:
    """The versions that a program understands: all from the oldest to the newest."""

    oldest: int
    newest: int

    @classmethod
    def said(cls, newest: int, oldest: int | None) -> ProtocolVersions:
        """The versions that a peer understands. The first release names only its own version, and also
        understands the next one."""
        return cls(newest - 1 if oldest is None else min(oldest, newest), newest)

    def common(self, theirs: ProtocolVersions) -> int | None:
        """The newest version that both understand; None if there is none."""
        newest = min(self.newest, theirs.newest)
        return newest if newest >= max(self.oldest, theirs.oldest) else None

    def __str__(self) -> str:
        return f"{self.newest}" if self.oldest == self.newest else f"{self.oldest} to {self.newest}"


RELEASES_APART = 2
PROTOCOL_VERSION = 2
"""The version of the control protocol. It rises by one with every release: 1 is that of 0.1.0 (2026-11-20), 2
that of 0.2.0."""
SPOKEN = ProtocolVersions(max(1, PROTOCOL_VERSION - RELEASES_APART), PROTOCOL_VERSION)
