"""Looks whether somebody defined a machine again at this site, or starts one from its disks, while it runs at the other site
and its replica stands on those disks: a second copy, which damages each point."""

from collections.abc import Collection

import structlog

from ...domain import errors, shell
from ...fabrics.interface import Fabric, MachineSummary
from ...ground.periodic import Periodic
from ...wire.common.machines import MachineDefinition
from ...wire.control.setups import Base
from ..shared import State
from . import old_disks
from .replica import HostedReplica
from .replicas import ReplicaHost

LOOK_SECONDS = 20.0
"""Short enough to see a second copy within half a minute; all machines of the site are listed once for it."""
RUNS, DEFINED = "old-copy-runs", "old-copy-defined"

log = structlog.get_logger(__name__)


class SecondCopies(Periodic):
    """No replica is looked at while an order works with it."""

    def __init__(self, fabric: Fabric, host: ReplicaHost, state: State) -> None:
        super().__init__("second-copies", lambda error: log.error("second-copies.not-looked", exc_info=error))
        self._fabric = fabric
        self._host = host
        self._state = state

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        standing = [each for each in self._host.all() if each.setup.base is Base.EXISTING]
        try:
            found = self._fabric.inventory.list() if standing else ()
        except errors.SecondsiteError as error:
            log.debug("second-copies.not-seen", problem=error.message)
            return
        for hosted in standing:
            if self.stopping.is_set():
                return
            with hosted.try_lock("looking for a second copy") as locked:
                if locked:
                    self.compare(hosted, found)

    def _withdrawn(self, hosted: HostedReplica) -> MachineDefinition | None:
        """What the replica stands on, unless it is home again."""
        if hosted.failed_over:
            return None
        try:
            return old_disks.existing(self._state, hosted.setup)
        except errors.NotFound:
            return None

    def compare(self, hosted: HostedReplica, found: Collection[MachineSummary]) -> None:
        """Tell of those of the site's machines, `found`, that are copies. The caller has locked the replica."""
        definition = self._withdrawn(hosted)
        copies = [] if definition is None else [each for each in found if is_copy(each, definition)]
        if definition is not None:
            self._forbid(hosted, definition, copies)
        _tell(hosted, RUNS, [_runs(each) for each in copies if each.power.is_on])
        _tell(hosted, DEFINED, [_defined(each) for each in copies if not each.power.is_on])

    def _forbid(
        self, hosted: HostedReplica, definition: MachineDefinition, copies: Collection[MachineSummary]
    ) -> None:
        try:
            self._fabric.hosting.withhold(definition)
            for each in copies:
                if each.tag == hosted.machine_id:
                    self._fabric.power.forbid_start(each.fabric_id, hosted.machine_id)
        except errors.SecondsiteError as error:
            log.warning("second-copies.not-forbidden", machine=hosted.machine_id, problem=str(error))


def is_copy(found: MachineSummary, withdrawn: MachineDefinition) -> bool:
    """Whether it is the withdrawn machine, defined again, or has one of its disks."""
    if found.fabric_id == withdrawn.fabric_id:
        return True
    return not {disk.path for disk in withdrawn.disks if disk.path}.isdisjoint(
        disk.path for disk in found.definition.disks
    )


def what_to_do(name: str) -> str:
    """Of one that is off. Its disks look like left-overs, and are what the replica stands on."""
    return (
        f"Remove its definition at this site ('virsh undefine {shell.arguments(name)}'), and never its disks ('--remove-all-storage'): "
        "the replica stands on them."
    )


def _runs(found: MachineSummary) -> str:
    return (
        f"{found.name} ({found.fabric_id}) is on at this site: it writes on disks that the replica stands on, while the machine runs at the other site. "
        f"Turn it off ('virsh destroy {shell.arguments(found.name)}'; copy its disks first if you need what it wrote). {what_to_do(found.name)}"
    )


def _defined(found: MachineSummary) -> str:
    return f"{found.name} ({found.fabric_id}) is defined at this site on disks that the replica stands on. {what_to_do(found.name)}"


def _tell(hosted: HostedReplica, code: str, said: list[str]) -> None:
    if said:
        hosted.findings.add(code, " ".join(said))
    else:
        hosted.findings.clear(code)
