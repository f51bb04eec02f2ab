"""Pools of addresses, and who has which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...wire.common.cards import PoolSettings


@dataclass(frozen=True, slots=True)
class PoolRecord:
    name: str
    settings: PoolSettings


@dataclass(frozen=True, slots=True)
class TakenRecord:
    """An address of a pool that a machine has, by its card's MAC address at home. It outlives the machine's protection, if the machine
    runs on with it."""

    pool: str
    address: str
    machine_id: str
    machine_name: str
    mac: str
    taken_at: datetime


class AddressPools(Protocol):
    def put(self, pool: PoolRecord) -> None:
        """A new one, or in place of the one of that name."""

    def find(self, name: str) -> PoolRecord | None: ...
    def list(self) -> Sequence[PoolRecord]:
        """By name."""

    def remove(self, name: str) -> None: ...
    def take(self, taken: TakenRecord) -> None:
        """Raises Conflict for an address that somebody has."""

    def taken(self, pool: str) -> Sequence[TakenRecord]: ...
    def held(self, machine_id: str) -> Sequence[TakenRecord]:
        """By the machine, of all pools."""

    def give_back(self, machine_id: str) -> None:
        """All that the machine has."""

    def release(self, pool: str, address: str) -> None:
        """One, whoever has it."""
