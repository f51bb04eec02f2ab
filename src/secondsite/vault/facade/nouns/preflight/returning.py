"""What a reprotect would send, and how long it would take, before it begins (S-052)."""

from collections.abc import Iterator, Sequence

from .....domain import errors, lifecycle, shell
from .....domain.lifecycle import Verb
from .....domain.prediction import data_sync
from .....domain.prediction.predicting import Return, expect
from .....ground.job_states import JobState
from .....jobs.model.views import JobView
from .....jobs.storage import read, search
from .....wire import rest
from .....wire.common.base import Problem
from .....wire.common.machines import PowerState
from .....wire.control.checks import CheckSource, SourceCheckFact
from .....wire.rest.predictions import ReprotectPreview
from .....wire.rest.verbs import Location
from ....steps.reversal import alternate_location
from ....steps.reversal.alternate_location import ReprotectArguments
from ....steps.synchronization import SyncResult
from ....store import ApplianceRecord, MachineRecord, StatusRecord, Transaction
from ...parts import Parts
from .. import machines
from . import appliance_checks, candidates

LAST = 50
"""How many former reprotects are looked at."""
SUCCEEDED = frozenset({JobState.SUCCEEDED})


class Returns:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def preview(
        self, machine: str, location: Location, target_appliance: str | None = None
    ) -> ReprotectPreview:
        """The preview; both sites are asked. Raises NotFound, and NotPossibleNow for a machine that cannot be
        reprotected now."""
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
            lifecycle.require(Verb.REPROTECT, record.name, record.state, record.drill_state)
            running = tx.appliances.find(record.target_appliance_id)
            gone = _is_gone(tx.statuses.get(record.id))
            wanted = _wanted(tx, record, location, target_appliance)
            site = wanted.site or record.source_site
            known = tuple(_known(tx, frozenset({record.target_site, site}), location))
            appliance = tx.appliances.find(str(wanted.appliance_id))
        size = _size(record)
        shown = ReprotectPreview(machine=record.name, location=location, disk_bytes=size, site=site)
        if running is None:
            raise errors.NotFound(f"The appliance of {record.name} is no longer enrolled.")
        shown = shown.model_copy(update=self._in_the_way(record, running, appliance, wanted))
        try:
            found = appliance_checks.source(self._parts, running, _question(record), record.id)
        except errors.SecondsiteError as problem:
            return shown.model_copy(update={"problem": Problem.of(problem)})
        sends = None if _is_older(record, wanted) else _sends(found, location)
        expected = expect(record.id, size, sends or 0, known)
        seconds = None if expected.seconds is None else round(expected.seconds, 1)
        best = data_sync.recommend(found.written_bytes, found.needed_bytes, old_is_gone=gone)
        return shown.model_copy(
            update={
                "send_bytes": sends,
                "seconds": seconds,
                "runs": expected.returns,
                "own": expected.own,
                "data_sync": best.sync,
                "data_sync_because": best.because,
            }
        )

    def _in_the_way(
        self,
        record: MachineRecord,
        running: ApplianceRecord,
        appliance: ApplianceRecord | None,
        wanted: ReprotectArguments,
    ) -> dict[str, object]:
        if appliance is None:
            site = record.source_site
            what = f"The appliance that had {record.name} is no longer enrolled."
            do = (
                f"Choose another one of {site}: 'secondsite machine appliances "
                f"{shell.arguments(record.name)}'."
            )
            return {"ready": False, "obstacles": (appliance_checks.obstacle(site, what, do),)}
        looked = candidates.look(self._parts, record, running, appliance, wanted)
        return {"appliance": appliance.name, "ready": looked.blocking is None, "obstacles": looked.obstacles}


def _wanted(
    tx: Transaction, record: MachineRecord, location: Location, named: str | None
) -> ReprotectArguments:
    request = rest.Reprotect(machines=(record.name,), location=location, target_appliance=named)
    wanted = alternate_location.asked(tx, request, record)
    return wanted.model_copy(update={"appliance_id": wanted.appliance_id or record.source_appliance_id})


def _is_older(record: MachineRecord, wanted: ReprotectArguments) -> bool:
    """Whether the disks there are from before its last failover, so more than what was written since
    differs."""
    return wanted.goes_on(record) and wanted.to_original


def _is_gone(status: StatusRecord) -> bool:
    """Whether the old machine was reported as undefined at its site."""
    seen = [side.power for side in (status.old_copy, status.source) if side is not None]
    return PowerState.MISSING in seen[:1]


def _question(machine: MachineRecord) -> CheckSource:
    """The question about the machine where it runs now, which will be its source."""
    return CheckSource(fabric_id=machine.target_fabric_id, disks=machine.disks)


def _sends(found: SourceCheckFact, location: Location) -> int | None:
    return found.written_bytes if location is Location.ORIGINAL else found.needed_bytes


def _size(machine: MachineRecord) -> int:
    return sum(disk.size_bytes for disk in machine.definition.disks if disk.key in machine.disks)


def _known(tx: Transaction, sites: frozenset[str], location: Location) -> Iterator[Return]:
    """Former reprotects between these two sites."""
    jobs = search.find(tx.session, search.JobQuery(SUCCEEDED, verb=Verb.REPROTECT.value), LAST)
    same = [each for each in jobs if each.arguments.get("location") == location.value and each.subject]
    records = {each.id: each for each in tx.machines.several(sorted({str(each.subject) for each in same}))}
    for job in same:
        record = records.get(str(job.subject))
        if record is not None and _sites(record) == sites:
            yield from _return(tx, job, record)


def _sites(machine: MachineRecord) -> frozenset[str]:
    """The two sites as a set: a link is assumed to be equally fast both ways."""
    return frozenset({machine.source_site, machine.target_site})


def _return(tx: Transaction, job: JobView, machine: MachineRecord) -> Sequence[Return]:
    done = read.facts_of(tx.session, job.id, "synchronize", SyncResult)
    if done is None or job.started_at is None or job.ended_at is None:
        return ()
    seconds = (job.ended_at - job.started_at).total_seconds()
    return (Return(machine.id, _size(machine), done.wire_bytes, seconds),)
