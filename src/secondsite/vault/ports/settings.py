"""What is set for single machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...wire.common.cards import CardSettings
from ...wire.common.hooks import MachineHook
from ...wire.common.machine_checks import MachineCheck
from ...wire.common.properties import TargetProperties


@dataclass(frozen=True, slots=True)
class MachineSettingsRecord:
    """`cards` are those of which anything is set."""

    machine_id: str
    cards: tuple[CardSettings, ...] = ()


class MachineSettings(Protocol):
    def cards(self, machine_id: str) -> Sequence[CardSettings]:
        """What is set for the machine's cards; nothing for one of which nothing is set."""

    def list(self) -> Sequence[MachineSettingsRecord]:
        """Of all machines of which anything was ever set."""

    def put(self, settings: MachineSettingsRecord) -> None:
        """In place of what was set before."""


@dataclass(frozen=True, slots=True)
class MachineChecksRecord:
    """What is checked of the machine after each start."""

    machine_id: str
    checks: tuple[MachineCheck, ...] = ()


class MachineChecks(Protocol):
    def find(self, machine_id: str) -> Sequence[MachineCheck]:
        """In the order in which they were given."""

    def put(self, checks: MachineChecksRecord) -> None:
        """In place of what was set before."""


@dataclass(frozen=True, slots=True)
class MachinePropertiesRecord:
    """What the machine is to be like at its second site."""

    machine_id: str
    properties: TargetProperties


class MachineProperties(Protocol):
    def find(self, machine_id: str) -> TargetProperties:
        """Without anything if nothing is set."""

    def list(self) -> Sequence[MachinePropertiesRecord]:
        """Of all machines for which anything was ever set."""

    def put(self, properties: MachinePropertiesRecord) -> None:
        """In place of what was set before."""


@dataclass(frozen=True, slots=True)
class MachineHooksRecord:
    """The scripts that run when the machine is moved."""

    machine_id: str
    hooks: tuple[MachineHook, ...] = ()


class MachineHooks(Protocol):
    def find(self, machine_id: str) -> Sequence[MachineHook]:
        """In the order in which they were given, which is that in which they run."""

    def all(self) -> Mapping[str, Sequence[MachineHook]]:
        """Of all machines that have some, by their ids."""

    def put(self, hooks: MachineHooksRecord) -> None:
        """In place of what was set before."""
