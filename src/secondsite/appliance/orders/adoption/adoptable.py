"""All that is here of one machine, as its files, this appliance's own records and the hypervisor say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .... import rescue
from ....domain.points import Grade
from ....fabrics.interface import MachineSummary
from ....ground.problem import ours
from ....wire.control.adopting import FoundMachine, FoundReplica, FoundRun, FoundSource
from ...shared import order_numbers
from ...source import Source
from ...target import FAILOVER, HostedReplica
from .. import runs
from ..context import Context
from ..proof import booting
from ..rescue_manifest import records
from .orphaned_replicas import OrphanedReplica

PROVEN = frozenset({Grade.BOOTED, Grade.APPLICATION})


@dataclass(frozen=True, slots=True)
class AdoptionLook:
    """What is asked once for many machines. `defined`: what the hypervisor has."""

    context: Context
    defined: Sequence[MachineSummary]


def found(here: AdoptionLook, machine_id: str) -> FoundMachine:
    """What cannot be read is said of that machine alone."""
    try:
        return _found(here, machine_id)
    except Exception as problem:
        said = ours(problem)
        return FoundMachine(id=machine_id, name=machine_id, problem=f"{said.message} {said.do}".strip())


def _found(here: AdoptionLook, machine_id: str) -> FoundMachine:
    context = here.context
    kept = records.kept(context, machine_id)
    generation, drill_generation = order_numbers.seen(context.state, machine_id)
    both = {
        "id": machine_id, "kept": kept, "generation": generation, "drill_generation": drill_generation,
        "source": _source(context.parts.replication.find(machine_id)),
    }  # fmt: skip
    hosted = context.parts.host.find(machine_id)
    if hosted is not None:
        setup = hosted.setup
        return FoundMachine(
            **both, name=setup.machine_name, definition=setup.definition, disks=setup.disks, policy=setup.policy,
            source_appliance_id=setup.source_appliance_id, replica=_replica(here, hosted),
        )  # fmt: skip
    lying = _lying(context, machine_id)
    if lying is not None:
        run = lying.found().run
        replica = lying.found().model_copy(
            update={"run": run and _run(here, machine_id, lying.folder, run.point_id)}
        )
        return FoundMachine(
            **both, name=lying.name, definition=lying.definition(), disks=lying.disks, replica=replica
        )
    return _of_source(here, machine_id, both)


def _of_source(here: AdoptionLook, machine_id: str, both: Mapping[str, object]) -> FoundMachine:
    source = here.context.parts.replication.get(machine_id)
    summary = next((each for each in here.defined if each.fabric_id == source.setup.fabric_id), None)
    return FoundMachine.model_validate(
        {
            **both, "name": source.setup.machine_name, "definition": summary and summary.definition,
            "disks": source.setup.disks, "policy": source.setup.policy,
        }
    )  # fmt: skip


def _lying(context: Context, machine_id: str) -> OrphanedReplica | None:
    host = context.parts.host
    host.require_opened(machine_id)
    store = host.stores.holding(machine_id)
    return None if store is None else OrphanedReplica(store.folder / machine_id, store.name)


def _replica(here: AdoptionLook, hosted: HostedReplica) -> FoundReplica:
    state, points = hosted.replica.state, hosted.points
    run = state.run(FAILOVER)
    return FoundReplica(
        epoch=hosted.setup.epoch,
        opened=True,
        points=len(points),
        newest_at=points[-1].taken_at if points else None,
        held=len(state.holds),
        verified=sum(point.proof in PROVEN for point in points),
        committed_point_id=state.committed_point_id if state.stands_on_its_run else None,
        run=run and _run(here, hosted.machine_id, hosted.replica.files.root, run.point_id),
        drills=sum(each.name not in (FAILOVER, booting.RUN) for each in state.runs),
        key_id=state.key_id,
        store=hosted.setup.keeping.store,
    )


def _run(here: AdoptionLook, machine_id: str, folder: Path, point_id: str) -> FoundRun:
    about = here.context.about(machine_id)
    fact, machine = runs.machine_of(about, FAILOVER), machine_on(here, machine_id, folder)
    return FoundRun(
        point_id=point_id,
        fabric_id=machine.fabric_id if machine else fact and fact.fabric_id,
        name=machine.name if machine else fact and fact.name,
        forward=fact.forward if fact and fact.point_id == point_id else None,
        defined=machine is not None,
        by=rescue.last_start(folder.parent.parent, machine_id),
    )


def machine_on(here: AdoptionLook, machine_id: str, folder: Path) -> MachineSummary | None:
    """The hypervisor's machine of ours that stands on the failover's run."""
    run, drills = folder / "runs" / FAILOVER, runs.of_drills(here.context)
    ours = [each for each in here.defined if each.tag == machine_id and each.fabric_id not in drills]
    inside = [
        each for each in ours if any(Path(disk.path).is_relative_to(run) for disk in each.definition.disks)
    ]
    fact = runs.machine_of(here.context.about(machine_id), FAILOVER)
    known = [each for each in ours if fact is not None and each.fabric_id == fact.fabric_id]
    return next(iter([*inside, *known]), None)


def _source(source: Source | None) -> FoundSource | None:
    if source is None:
        return None
    status = source.status()
    return FoundSource(
        epoch=source.setup.epoch,
        fabric_id=source.setup.fabric_id,
        target_appliance_id=source.setup.target_appliance_id,
        power=status.power,
        paused=not status.running,
        fenced=status.fenced,
    )
