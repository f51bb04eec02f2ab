"""Watches for second copies: somebody defined a machine again at this site, or starts one from its disks,
while it runs at the other site. If the replica stands on those disks, that damages every point."""

from collections.abc import Collection, Sequence
from pathlib import Path

import structlog

from ....domain import errors
from ....fabrics.interface import Fabric
from ....ground.periodic import Periodic
from ....wire.control.setups import Base
from ...shared import State, merging_key, withdrawn_definitions
from ..replica import FAILOVER, HostedReplica
from ..replicas import ReplicaHost
from . import advice, copies

LOOK_SECONDS = 20.0
"""How often it looks: often enough to see a second copy within half a minute. Each look lists all machines of
the site once."""
RUNS, DEFINED, DOUBLED = "old-copy-runs", "old-copy-defined", "machine-doubled"

log = structlog.get_logger(__name__)


class SecondCopies(Periodic):
    """The thread that looks. It skips a replica while an order works with it, but tells who else came with
    its machine's identity: an order may wait for a quarter of an hour for the machine to start."""

    def __init__(self, fabric: Fabric, host: ReplicaHost, state: State) -> None:
        super().__init__("second-copies", lambda error: log.error("second-copies.not-looked", exc_info=error))
        self._fabric = fabric
        self._host = host
        self._state = state

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        back = [each for each in self._host.all() if each.setup.existing_fabric_id]
        try:
            found = self._seen() if back else ()
        except errors.SecondsiteError as error:
            log.debug("second-copies.not-seen", problem=error.message)
            return
        for hosted in back:
            if self.stopping.is_set():
                return
            with hosted.try_lock("looking for a second copy") as locked:
                if locked:
                    self.compare(hosted, found)
            self._tell_doubles(hosted)

    def _seen(self) -> Sequence[copies.MachineFiles]:
        """All machines of the site with their files; one that cannot be looked at is left out."""
        found = []
        for each in self._fabric.inventory.list():
            try:
                found.append(copies.seen(self._fabric, each))
            except errors.SecondsiteError as error:
                log.debug("second-copies.not-seen", machine=each.fabric_id, problem=error.message)
        return [each for each in found if each is not None]

    def compare(self, hosted: HostedReplica, found: Collection[copies.MachineFiles]) -> None:
        """Add a finding for those of the site's machines, `found`, that are copies. The caller has locked the
        replica."""
        left = left_for(self._state, hosted)
        if left is not None and hosted.failed_over:
            self._forbid_below(hosted, left)
            left = None
        there = [] if left is None else [copies.of(each, left) for each in found]
        those = [each for each in there if each is not None]
        if left is not None:
            self._forbid(hosted, left, those)
        _tell(hosted, RUNS, [advice.whole(each) for each in those if each.runs])
        _tell(hosted, DEFINED, [advice.whole(each) for each in those if not each.runs])

    def _tell_doubles(self, hosted: HostedReplica) -> None:
        """Of a machine that comes home nobody else asks who came with its identity: it is no source here."""
        try:
            found = self._fabric.inventory.concerns(hosted.setup.existing_fabric_id or "")
        except errors.SecondsiteError as error:
            log.debug("second-copies.not-seen", machine=hosted.machine_id, problem=error.message)
            return
        _tell(hosted, DOUBLED, [each.what for each in found if each.code == DOUBLED])

    def _forbid(
        self, hosted: HostedReplica, left: copies.WithdrawnMachine, those: Collection[copies.Copy]
    ) -> None:
        try:
            if disks := _apart(hosted, left):
                self._fabric.hosting.withhold(left.definition, disks)
            else:
                self._fabric.hosting.release(left.definition.fabric_id)
            for each in those:
                if each.machine.tag == hosted.machine_id:
                    self._fabric.power.forbid_start(each.machine.fabric_id, hosted.machine_id)
        except errors.SecondsiteError as error:
            log.warning("second-copies.not-forbidden", machine=hosted.machine_id, problem=str(error))

    def _forbid_below(self, hosted: HostedReplica, left: copies.WithdrawnMachine) -> None:
        """For a machine that came home: nobody writes to what lies below its disks, until these are merged
        into it."""
        overlays = sorted(hosted.replica.files.run(FAILOVER).glob("*.qcow2"))
        if not overlays or self._state.fact(merging_key(hosted.machine_id)):
            return
        try:
            above = {path.stem: path for path in overlays}
            self._fabric.hosting.withhold(left.definition, _apart(hosted, left) or {""}, above)
        except errors.SecondsiteError as error:
            log.warning("second-copies.not-forbidden", machine=hosted.machine_id, problem=str(error))


def _apart(hosted: HostedReplica, left: copies.WithdrawnMachine) -> frozenset[str]:
    """The disks, by their keys, that lie apart from the replica. One that was withdrawn from a run of the
    replica left no file there, since the run was merged down; and its next disks have the same paths: with
    these forbidden it did not start after its host's reboot, nor for rescue."""
    runs = hosted.replica.files.run(FAILOVER).absolute().parent
    inside = {disk.key for disk in left.definition.disks if Path(disk.path).is_relative_to(runs)}
    return left.disks - inside


def left_for(state: State, hosted: HostedReplica) -> copies.WithdrawnMachine | None:
    """The machine that was withdrawn here for this replica, whether the replica stands on its disks or not;
    None if there is none."""
    definition = withdrawn_definitions.recall(state, hosted.setup.existing_fabric_id or "")
    if definition is None:
        return None
    stood_on = hosted.setup.base is Base.EXISTING
    disks = frozenset(hosted.setup.disks) - withdrawn_definitions.led_elsewhere(state, definition)
    if not stood_on:
        disks &= withdrawn_definitions.there(state, definition)
    return copies.left(definition, disks, stood_on, hosted.replica.files.root)


def _tell(hosted: HostedReplica, code: str, said: list[str]) -> None:
    if said:
        more = [f"There are {len(said) - advice.SHOWN} more."] if len(said) > advice.SHOWN else []
        hosted.findings.add(code, " ".join([*said[: advice.SHOWN], *more]))
    else:
        hosted.findings.clear(code)
