"""What a site without a hypervisor does not have: machines that could be made here, and networks for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ...datapath.disks import DiskLocation
from ...domain import errors
from ...wire.common.cards import CardAddress
from ...wire.common.machines import MachineDefinition, NetworkInfo, NetworkService
from ...wire.common.properties import Sizing
from ..addressing import GivenAddress, RestoredFiles
from ..capacity import Capacity
from ..entering import Entrance, Opened
from ..interface import (
    AS_DEFINED,
    Description,
    HostRequest,
    LocalSpan,
    MissingPart,
    Obstacle,
    StartTrial,
)
from ..reaching import Answers, Knock
from ..scripting import GuestScript, ScriptEnd
from ..seeing import FileSystem, Sights
from ..settling import NewPlace, going_on
from .records import Records

DO = "Choose an appliance of a site with a hypervisor."


def none_here(what: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(f"This site has no hypervisor: {what}.", do=DO)


class NoHosting:
    """Machines are only protected from here. Withdrawing one takes its tag; it is not in our power whether it
    starts."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def check(self, definition: MachineDefinition, wanted: Sizing = AS_DEFINED) -> Sequence[Obstacle]:
        return [Obstacle(none_here("no machine runs here").message, DO)]

    def try_start(
        self, trial: StartTrial, meanwhile: Callable[[str], None] | None = None
    ) -> Sequence[Obstacle]:
        return self.check(trial.definition)

    def gone(self, home: MachineDefinition, replicated: Collection[str]) -> Sequence[MissingPart]:
        return ()

    def kept_out(self, folder: Path) -> Sequence[Obstacle]:
        return ()

    def capacity(self) -> Capacity:
        return Capacity(0, 0, 0)

    def cpu_model(self) -> str | None:
        return None

    def cpu_models(self) -> frozenset[str]:
        return frozenset()

    def create(self, request: HostRequest) -> Sequence[str]:
        raise none_here(f"{request.name} cannot run here")

    def describe(self, request: HostRequest) -> Description:
        return Description()

    def remove(self, fabric_id: str, tag: str, *, leave_files: bool = False) -> None:
        """Nothing was made here."""

    def withdraw(self, fabric_id: str, tag: str, disks: Collection[str] = ()) -> MachineDefinition:
        self._records.require_ours(fabric_id, tag)
        told = self._records.get(fabric_id).told
        if told is None:
            raise errors.NotFound(f"Nothing was ever told of machine {fabric_id}.")
        self._records.change(fabric_id, tag=None, checkpoints={}, base=None)
        return told

    def withhold(
        self,
        definition: MachineDefinition,
        disks: Collection[str] = (),
        above: Mapping[str, Path] | None = None,
    ) -> None:
        """No machine here can start from anything."""

    def release(self, fabric_id: str) -> None:
        """Nothing is withheld."""

    def stands_alone(self, fabric_id: str) -> bool:
        return False

    def starts_for(self, appliance_id: str) -> None:
        """No machine starts here."""

    def restore(self, definition: MachineDefinition, tag: str | None) -> None:
        self._records.change(definition.fabric_id, tag=tag)

    def consolidate(
        self, fabric_id: str, disks: Mapping[str, Path], progress: Callable[[float], None]
    ) -> None:
        """A machine stands on its own disks."""


class NoSettling:
    def check(
        self, fabric_id: str, disks: Mapping[str, NewPlace], *, unencrypted: bool = False
    ) -> Mapping[str, DiskLocation]:
        raise none_here("no disk can be moved")

    def settle(
        self,
        fabric_id: str,
        disks: Mapping[str, NewPlace],
        progress: Callable[[int, int], None],
        *,
        bytes_per_second: int | None = None,
        going_on: Callable[[], None] = going_on,
    ) -> Mapping[str, DiskLocation]:
        raise none_here("no disk can be moved")

    def end(self, fabric_id: str) -> bool:
        return False

    def left(self, fabric_id: str) -> tuple[str, ...]:
        return ()


class NoNetworks:
    def list(self) -> Sequence[NetworkInfo]:
        return ()

    def create_isolated(self, name: str, tag: str, span: LocalSpan | None = None) -> NetworkInfo:
        raise none_here("there are no networks for drills")

    def segment_mtu(self, address: str) -> int:
        raise none_here("there are no networks")

    def cannot_serve(self, subnet: str | None = None, own: Collection[str] = ()) -> Obstacle | None:
        return Obstacle(none_here("there are no networks").message, DO)

    def serve(self, name: str, tag: str, serving: NetworkService, span: LocalSpan | None = None) -> None:
        raise none_here("there are no networks")

    def remove(self, name: str, tag: str) -> None:
        """Nothing was made here."""

    def reservations(self, name: str) -> Mapping[str, str] | None:
        raise errors.NotFound.named("network", name)

    def reserve(self, name: str, mac: str, address: str, host: str) -> None:
        raise errors.NotFound.named("network", name)

    def unreserve(self, name: str, mac: str, address: str) -> None:
        raise errors.NotFound.named("network", name)


class NoSight:
    """Nobody looks at a machine from outside."""

    def sights(self, fabric_id: str) -> Sights:
        return Sights(agent=False, console=False, screen=False)

    def agent_answers(self, fabric_id: str) -> bool:
        return False

    def console(self, fabric_id: str, most_bytes: int) -> bytes:
        return b""

    def file_systems(self, fabric_id: str) -> tuple[FileSystem, ...]:
        raise errors.FabricError("The agent does not tell file systems.")

    def screen(self, fabric_id: str) -> bytes | None:
        return None


class NoReach:
    def addresses(self, fabric_id: str) -> Sequence[str]:
        return ()

    def is_inside(self, fabric_id: str, address: str, source: str | None = None) -> bool:
        return False

    def visit(
        self, fabric_id: str, knocks: Sequence[Knock], source: str | None = None
    ) -> AbstractContextManager[Answers]:
        raise none_here("its machines are not asked over a network")


class NoEntering:
    def open(self, fabric_id: str, entrance: Entrance) -> Opened:
        raise none_here("no test machine runs here")


class NoAddressing:
    def give(
        self, fabric_id: str, wanted: CardAddress, whose: str, seconds: float, *, from_home: bool = False
    ) -> GivenAddress:
        raise none_here("no card gets an address")

    def restore(self, fabric_id: str, whose: str, seconds: float) -> RestoredFiles:
        raise none_here("its own configuration is never changed")

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        raise errors.FabricError("The agent gives no addresses.")


class NoScripting:
    def run(self, fabric_id: str, script: GuestScript) -> ScriptEnd:
        raise none_here("scripts run in machines that have a guest agent")


class NoFirmware:
    def read(self, fabric_id: str) -> Mapping[str, bytes]:
        """A machine's own firmware keeps it; the other site makes a fresh one."""
        return {}
