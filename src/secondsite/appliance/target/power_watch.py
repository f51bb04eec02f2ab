"""Looks whether the machines run that were failed over to this site, or are drilled: one that should and is off is a finding, whoever or
whatever turned it off. Its vault knows whether it should."""

import json

import structlog

from ...domain import errors
from ...fabrics.interface import Fabric, PowerState
from ...ground.periodic import Periodic
from ..shared import State, run_key
from .replica import FAILOVER, HostedReplica
from .replicas import ReplicaHost

LOOK_SECONDS = 6.0
NOT_RUNNING = {
    PowerState.OFF: "is off",
    PowerState.SAVED: "is off, with its memory saved",
    PowerState.MISSING: "is not known to its hypervisor",
}
OFF, MISSING = "failed-over-machine-off", "failed-over-machine-missing"
DRILL = "drill"
TOLD = {
    FAILOVER: (OFF, "{name} was failed over to this site, and {is_off}."),
    DRILL: ("drill-machine-off", "The test machine {name} {is_off}."),
}
"""By run: the finding, and its words."""

log = structlog.get_logger(__name__)


class PowerWatch(Periodic):
    """No machine is looked at while an order works with its replica."""

    def __init__(self, fabric: Fabric, host: ReplicaHost, state: State) -> None:
        super().__init__("target-power", lambda error: log.error("power.not-looked", exc_info=error))
        self._fabric = fabric
        self._host = host
        self._state = state

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        for hosted in self._host.all():
            if self.stopping.is_set():
                return
            with hosted.try_lock("looking whether its machine runs") as locked:
                if locked:
                    self._look_at(hosted)

    def _look_at(self, hosted: HostedReplica) -> None:
        for run, (code, words) in TOLD.items():
            found = self._state.fact(run_key(hosted.machine_id, run))
            made = json.loads(found) if found and (run != FAILOVER or hosted.failed_over) else {}
            try:
                power = self._fabric.power.state(made["fabric_id"]) if made.get("begun") else None
            except errors.SecondsiteError as error:
                log.debug("power.not-seen", machine=hosted.machine_id, problem=error.message)
                continue
            told = _code(code, power)
            for other in {code, _code(code, PowerState.MISSING)} - {told}:
                hosted.findings.clear(other)
            if power in NOT_RUNNING:
                hosted.findings.add(told, words.format(name=made["name"], is_off=NOT_RUNNING[power]))
            else:
                hosted.findings.clear(told)


def _code(code: str, power: PowerState | None) -> str:
    """Another one for a failed-over machine that has no definition: it is brought up in another way."""
    return MISSING if code == OFF and power is PowerState.MISSING else code
