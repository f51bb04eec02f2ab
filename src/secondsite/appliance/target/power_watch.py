"""Watches the machines that were failed over to this site, or are in a drill: one that is off although it
should run is a finding, whatever turned it off. The vault knows whether it should run."""

import json
from pathlib import Path

import structlog

from ...domain import errors
from ...fabrics.interface import Fabric, PowerState
from ...ground.periodic import Periodic
from ..shared import State, merging_key, run_key
from . import old_disks
from .replica import FAILOVER, HostedReplica
from .replicas import ReplicaHost

LOOK_SECONDS = 6.0
NOT_RUNNING = {
    PowerState.OFF: "is off",
    PowerState.SAVED: "is off, with its memory saved",
    PowerState.MISSING: "is not known to its hypervisor",
    PowerState.ELSEWHERE: "is off here, while another program, or another host, has its disks open",
}
OFF, MISSING = "failed-over-machine-off", "failed-over-machine-missing"
ELSEWHERE = "failed-over-machine-elsewhere"
REDEFINED, WRITTEN = "failed-over-machine-redefined", "old-disks-written"
OF_THEIR_OWN = {PowerState.MISSING: MISSING, PowerState.ELSEWHERE: ELSEWHERE}
DRILL = "drill"
TOLD = {
    FAILOVER: (OFF, "{name} was failed over to this site, and {is_off}."),
    DRILL: ("drill-machine-off", "The test machine {name} {is_off}."),
}
"""By the name of the run: the code of the finding, and its sentence."""

log = structlog.get_logger(__name__)


class PowerWatch(Periodic):
    """The thread that looks at their power. It skips a machine while an order works with its replica."""

    def __init__(self, fabric: Fabric, host: ReplicaHost, state: State) -> None:
        super().__init__("target-power", lambda error: log.error("power.not-looked", exc_info=error))
        self._fabric = fabric
        self._host = host
        self._state = state
        self._went: set[str] = set()
        """Failed-over machines that the last look saw elsewhere."""

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        for hosted in self._host.all():
            if self.stopping.is_set():
                return
            self._host.tell_whose(hosted)
            with hosted.try_lock("looking whether its machine runs") as locked:
                if locked:
                    self._look_at_disks(hosted)
                if locked or hosted.why_lost() is not None:  # then no order works with it
                    self._look_at(hosted)

    def _look_at(self, hosted: HostedReplica) -> None:
        for run, (code, words) in TOLD.items():
            try:
                name, power = self._seen(hosted, run)
            except errors.SecondsiteError as error:
                log.debug("power.not-seen", machine=hosted.machine_id, problem=error.message)
                continue
            if run == FAILOVER:
                hosted.power = power
            is_told = power in NOT_RUNNING and self._stays(hosted, run, power)
            told = _code(code, power) if is_told else ""
            hosted.findings.clear(*({code, *(_code(code, each) for each in OF_THEIR_OWN)} - {told}))
            if told and power is not None:
                hosted.findings.add(told, words.format(name=name, is_off=NOT_RUNNING[power]))

    def _stays(self, hosted: HostedReplica, run: str, power: PowerState | None) -> bool:
        """Whether it is to be told: one that was just migrated is told by the host that it went to. Where a
        drill goes is its owner's business."""
        if power is not PowerState.ELSEWHERE:
            self._went.discard(hosted.machine_id)
            return True
        if run != FAILOVER:
            return False
        was_there = hosted.machine_id in self._went
        self._went.add(hosted.machine_id)
        return was_there

    def _look_at_disks(self, hosted: HostedReplica) -> None:
        """Add a finding for a machine that came home and has other disks than it came home with, and one if
        somebody wrote below these."""
        try:
            strayed = self._strayed(hosted)
        except errors.SecondsiteError as error:
            log.debug("power.disks-not-seen", machine=hosted.machine_id, problem=error.message)
            hosted.stands_alone = bool(hosted.stands_alone)
            return
        redefined = strayed is not None and strayed.of_machine
        _tell(hosted, REDEFINED, _redefined(hosted, strayed) if strayed and redefined else "")
        written = () if strayed is None else hosted.replica.written_below(FAILOVER)
        _tell(hosted, WRITTEN, old_disks.written_said(hosted, written) if written else "")

    def _strayed(self, hosted: HostedReplica) -> old_disks.StrayedDisks | None:
        """The machine's other disks; None unless it came home, and its disks are its run's until they are
        merged, at the latest by the commit."""
        if not hosted.failed_over or not old_disks.own(hosted):
            hosted.stands_alone = False
            return None
        noted = self._state.fact(run_key(hosted.machine_id, FAILOVER))
        fabric_id = json.loads(noted)["fabric_id"] if noted else hosted.setup.existing_fabric_id
        hosted.stands_alone = fabric_id is not None and self._fabric.hosting.stands_alone(fabric_id)
        if fabric_id is None or self._state.fact(merging_key(hosted.machine_id)):
            return None
        if hosted.stands_alone:
            return None
        try:
            return old_disks.strayed(hosted, self._fabric.inventory.holding(fabric_id))
        except errors.NotFound:
            return None

    def _seen(self, hosted: HostedReplica, run: str) -> tuple[str, PowerState | None]:
        """The name of a run's machine, and its power; None if nothing is to be reported of it."""
        noted = self._state.fact(run_key(hosted.machine_id, run))
        name = hosted.setup.machine_name
        if run == FAILOVER and not hosted.failed_over:
            return name, None
        if noted is None:
            return name, self._unnoted(hosted) if run == FAILOVER else None
        made = json.loads(noted)
        power = self._fabric.power.state(made["fabric_id"]) if made.get("begun") else None
        if run == FAILOVER and power is PowerState.MISSING and hosted.runs_unseen:
            power = PowerState.ELSEWHERE
        return self._called_now(made) if power in NOT_RUNNING else made["name"], power

    def _called_now(self, made: dict[str, str]) -> str:
        """The machine's present name: its owner may have renamed it."""
        found = self._fabric.inventory.get(made["fabric_id"])
        return made["name"] if found is None else found.name

    def _unnoted(self, hosted: HostedReplica) -> PowerState | None:
        """The power of a machine that was failed over according to the replica's files, but of which there is
        no record: its start failed, the database was restored, or it was started without the vault."""
        folder = hosted.replica.files.run(FAILOVER)
        committed = hosted.replica.state.stands_on_its_run
        for each in self._fabric.inventory.list():
            lies_there = any(Path(disk.path).is_relative_to(folder) for disk in each.definition.disks)
            if lies_there or (committed and each.tag == hosted.machine_id):
                return self._fabric.power.state(each.fabric_id)
        return None if hosted.runs_unseen else PowerState.MISSING


def _redefined(hosted: HostedReplica, strayed: old_disks.StrayedDisks) -> str:
    return (
        f"{strayed.what(hosted.setup.machine_name)} What it wrote since it came home is on other files, "
        f"which its definition must have again: {strayed.right}."
    )


def _tell(hosted: HostedReplica, code: str, said: str) -> None:
    if said:
        hosted.findings.add(code, said)
    else:
        hosted.findings.clear(code)


def _code(code: str, power: PowerState | None) -> str:
    """The finding's code. A failed-over machine without a definition has another one, because other steps
    start it again; and so has one that must not be started here."""
    return OF_THEIR_OWN.get(power, code) if code == OFF and power is not None else code
