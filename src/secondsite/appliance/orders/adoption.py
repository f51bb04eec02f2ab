"""The orders by which a vault takes over machines of a vault that is gone: what is here of each, as its
files, this appliance's own records and the hypervisor say."""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from ... import rescue
from ...domain import errors
from ...domain.points import Grade
from ...fabrics.interface import MachineSummary
from ...ground import seams
from ...ground.plural import counted
from ...ground.problem import ours
from ...wire.common.machines import MachineDefinition
from ...wire.control.adopting import (
    Adopt,
    AdoptableMachine,
    AdoptableReplica,
    AdoptableRun,
    AdoptableSite,
    AdoptableSource,
    AdoptionFact,
    ListAdoptable,
)
from ..shared import order_numbers
from ..source import Source
from ..target import FAILOVER, HostedReplica
from . import runs
from .context import Context
from .proof import booting
from .rescue_manifest import former_vault, records

PROVEN = frozenset({Grade.BOOTED, Grade.APPLICATION})


# A replica that lies in a store, but not among this appliance's records: the home of its appliance was lost,
# and another appliance has its store.

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


class OrphanedReplica:
    """A replica that no appliance works with, as its files describe it. Raises ReplicaError if they cannot be
    read."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self._store = folder, store
        try:
            self._replica = rescue.read(folder)
            self.epoch = int(self._replica.record["epoch"])
            self.disks = tuple(str(disk["key"]) for disk in self._replica.record["disks"])
        except UNREADABLE as problem:
            raise errors.ReplicaError(
                f"The record of the replica in {folder} cannot be read: {problem}.",
                do=f"A machine may still boot from the files of its points: see {folder / 'points'}.",
            ) from problem

    @property
    def name(self) -> str:
        return self._replica.name

    def definition(self) -> MachineDefinition | None:
        """The machine's definition at the newest point that has one; None if no point has one."""
        for point in reversed(self._replica.points):
            if point.definition:
                try:
                    return MachineDefinition.model_validate(point.definition)
                except ValidationError:
                    continue
        return None

    def found(self) -> AdoptableReplica:
        """What the vault is told of it, without anything that a hypervisor would have to be asked for."""
        record, points = self._replica.record, [each for each in self._replica.points if not each.problem]
        runs = [str(run["name"]) for run in record["runs"]]
        return AdoptableReplica(
            epoch=self.epoch,
            opened=False,
            points=len(points),
            newest_at=points[-1].taken_at if points else None,
            held=len(record.get("holds") or ()),
            verified=sum(point.grade in rescue.PROVEN for point in points),
            committed_point_id=record.get("committed_point_id") if self._replica.is_committed else None,
            run=self._run(),
            drills=sum(name not in (rescue.RUN, booting.RUN) for name in runs),
            key_id=self._replica.key_id,
            store=self._store,
        )

    def _run(self) -> AdoptableRun | None:
        run = self._replica.run
        return None if run is None else AdoptableRun(point_id=str(run["point_id"]))


@dataclass(frozen=True, slots=True)
class AdoptionSurvey:
    """What is looked up once for many machines. `defined`: the machines that the hypervisor has."""

    context: Context
    defined: Sequence[MachineSummary]


def found(here: AdoptionSurvey, machine_id: str) -> AdoptableMachine:
    """What is here of one machine. What cannot be read of it becomes its problem, and spoils no other
    machine's answer."""
    try:
        return _found(here, machine_id)
    except Exception as problem:
        said = ours(problem)
        return AdoptableMachine(id=machine_id, name=machine_id, problem=f"{said.message} {said.do}".strip())


def _found(here: AdoptionSurvey, machine_id: str) -> AdoptableMachine:
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
        return AdoptableMachine(
            **both, name=setup.machine_name, definition=setup.definition, disks=setup.disks,
            policy=setup.policy,
            source_appliance_id=setup.source_appliance_id, replica=_replica(here, hosted),
        )  # fmt: skip
    lying = _lying(context, machine_id)
    if lying is not None:
        run = lying.found().run
        replica = lying.found().model_copy(
            update={"run": run and _run(here, machine_id, lying.folder, run.point_id)}
        )
        return AdoptableMachine(
            **both, name=lying.name, definition=lying.definition(), disks=lying.disks, replica=replica
        )
    return _of_source(here, machine_id, both)


def _of_source(here: AdoptionSurvey, machine_id: str, both: Mapping[str, object]) -> AdoptableMachine:
    source = here.context.parts.replication.get(machine_id)
    summary = next((each for each in here.defined if each.fabric_id == source.setup.fabric_id), None)
    return AdoptableMachine.model_validate(
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


def _replica(here: AdoptionSurvey, hosted: HostedReplica) -> AdoptableReplica:
    state, points = hosted.replica.state, hosted.points
    run = state.run(FAILOVER)
    return AdoptableReplica(
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


def _run(here: AdoptionSurvey, machine_id: str, folder: Path, point_id: str) -> AdoptableRun:
    about = here.context.about(machine_id)
    fact, machine = runs.machine_of(about, FAILOVER), machine_on(here, machine_id, folder)
    return AdoptableRun(
        point_id=point_id,
        fabric_id=machine.fabric_id if machine else fact and fact.fabric_id,
        name=machine.name if machine else fact and fact.name,
        forward=fact.forward if fact and fact.point_id == point_id else None,
        defined=machine is not None,
        by=rescue.last_start(folder.parent.parent, machine_id),
    )


def machine_on(here: AdoptionSurvey, machine_id: str, folder: Path) -> MachineSummary | None:
    """The hypervisor's machine with our tag that runs on the replica's failover; None if there is none."""
    run, drills = folder / "runs" / FAILOVER, runs.of_drills(here.context)
    ours = [each for each in here.defined if each.tag == machine_id and each.fabric_id not in drills]
    inside = [
        each for each in ours if any(Path(disk.path).is_relative_to(run) for disk in each.definition.disks)
    ]
    fact = runs.machine_of(here.context.about(machine_id), FAILOVER)
    known = [each for each in ours if fact is not None and each.fabric_id == fact.fabric_id]
    return next(iter([*inside, *known]), None)


def _source(source: Source | None) -> AdoptableSource | None:
    if source is None:
        return None
    status = source.status()
    return AdoptableSource(
        epoch=source.setup.epoch,
        fabric_id=source.setup.fabric_id,
        target_appliance_id=source.setup.target_appliance_id,
        power=status.power,
        paused=not status.running,
        fenced=status.fenced,
    )


# The orders: show what is here of a vault that is gone; adopt one machine for the vault that asks.


def show(context: Context, payload: ListAdoptable) -> tuple[str, AdoptableSite]:
    """All machines that could be adopted here. Changes nothing."""
    following = [each for each in records.here(context) if each > payload.after]
    here = AdoptionSurvey(context, context.fabric.inventory.list())
    machines = tuple(found(here, each) for each in islice(following, payload.most))
    return f"{counted(len(machines), 'machine')} found", AdoptableSite(
        **_said(context), machines=machines, more=len(following) > len(machines)
    )


def _said(context: Context) -> dict[str, object]:
    """What the former vault wrote about the site: from the first store here that has it."""
    for store in context.parts.host.stores.usable():
        with contextlib.suppress(*former_vault.UNREADABLE):
            return former_vault.understood(rescue.trusted(store.root / rescue.CONFIGURATION))
    return {}


def adopt(context: Context, payload: Adopt) -> tuple[str, AdoptionFact]:
    """Take one machine over for the vault that asks. The order's generation is the highest from now on, so
    orders of the former vault are refused. Harmless when repeated."""
    host, machine_id = context.parts.host, context.machine_id
    with host.arrival(machine_id, "taking the replica in", context.left_seconds()):
        if payload.setup is not None and host.find(machine_id) is None:
            context.require_current()
            host.take_in(payload.setup)
            seams.reach("appliance.adopt.taken-in")
    here = AdoptionSurvey(context, context.fabric.inventory.list())
    hosted = host.find(machine_id)
    with context.alone(hosted, "being adopted by a new vault"):
        if hosted is not None:
            _settle(here, hosted)
    machine = found(here, machine_id)
    if machine.problem is not None:
        raise errors.ReplicaError(machine.problem)
    return _sentence(machine), AdoptionFact(machine=machine)


def _settle(here: AdoptionSurvey, hosted: HostedReplica) -> None:
    """End drills of the former vault, and record a machine that was started from a point, and is defined
    here, as failed over."""
    context = here.context
    runs.end_forgotten_drills(context, hosted)
    run = hosted.replica.state.run(FAILOVER)
    machine = None if run is None else machine_on(here, hosted.machine_id, hosted.replica.files.root)
    if run is not None and machine is not None:
        if runs.machine_of(context, FAILOVER) is None:
            runs.remember(
                context,
                FAILOVER,
                runs.RunFact(
                    fabric_id=machine.fabric_id, name=machine.name, point_id=run.point_id, made=True,
                    mark=uuid.uuid4().hex,
                ),
            )  # fmt: skip
            seams.reach("appliance.adopt.remembered")
        hosted.save(accepting=False)


def _sentence(machine: AdoptableMachine) -> str:
    if machine.replica is None:
        return f"{machine.name} is replicated from here"
    points = counted(machine.replica.points, "recovery point")
    return f"the replica of {machine.name} has {points}"
