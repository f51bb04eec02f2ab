"""Orders that run machines on recovery points: drills and failovers, and what becomes of them."""

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ...datapath import errors as datapath_errors
from ...domain import errors, journal
from ...fabrics.interface import HostRequest, PowerState
from ...jobs import seams
from ...wire.base import Shape
from ...wire.orders import CommitPoint, FabricMachine, Nothing, StartFact, StartReplica, StopReplica
from ...wire.replication import Forward, started_from
from .. import withdrawn
from ..hosted import Hosted
from .context import Context

FAILOVER = "failover"


class RunFact(Shape):
    """What we remember of a machine that we run on a point."""

    fabric_id: str
    name: str
    point_id: str
    forward: Forward | None = None


def _key(context: Context, run: str) -> str:
    return f"run/{context.machine_id}/{run}"


def machine_of(context: Context, run: str) -> RunFact | None:
    """The machine of a run, or None."""
    found = context.state.fact(_key(context, run))
    return RunFact.model_validate_json(found) if found else None


def start_replica(context: Context, payload: StartReplica) -> tuple[str, StartFact]:
    """Overlays on the point, a machine defined with the mapped networks, power on: seconds, however large the disk."""
    began, hosted = time.monotonic(), context.hosted()
    with hosted.hold("starting a machine", context.left_seconds()):
        record = hosted.record(payload.point_id)
        paths = _disks(context, hosted, payload)
        fact = RunFact(
            fabric_id=payload.fabric_id,
            name=payload.name,
            point_id=payload.point_id,
            forward=payload.forward,
        )
        context.state.put_fact(_key(context, payload.run), fact.model_dump_json())
        seams.reach("appliance.run.opened")
        definition = hosted.definition(record)
        firmware = hosted.replica.firmware(payload.point_id, payload.run)
        context.fabric.hosting.create(
            HostRequest(
                fabric_id=payload.fabric_id,
                name=payload.name,
                definition=definition,
                disks=paths,
                networks={nic.key: payload.networks.get(nic.key) for nic in definition.nics},
                tag=context.machine_id,
                firmware={name: data for name, data in firmware.items() if data is not None},
            )
        )
        seams.reach("appliance.run.created")
        if payload.start:
            context.fabric.power.start(payload.fabric_id)
    seconds = time.monotonic() - began
    did = "started" if payload.start else "defined"
    taken_at = datetime.fromisoformat(record.manifest.taken_at)
    if payload.forward is not None:
        taken_at = payload.forward.taken_at
    begin = started_from(payload.point_id, payload.forward) + ("," if payload.forward else "")
    sentence = f"{did} {payload.name} from {begin} in {seconds:.1f} s"
    return sentence + _without(firmware), StartFact(
        fabric_id=payload.fabric_id,
        name=payload.name,
        point_id=payload.point_id,
        taken_at=taken_at,
        seconds=seconds,
    )


def _disks(context: Context, hosted: Hosted, payload: StartReplica) -> dict[str, Path]:
    """Overlays on the point; those that are rolled forward get the cycles of the journal first."""
    through_seq = payload.forward.seq if payload.forward else None
    try:
        return hosted.replica.open_run(
            payload.run,
            payload.point_id,
            through_seq=through_seq,
            cancelled=lambda: context.left_seconds() <= 0,
        )
    except (datapath_errors.CycleDamaged, datapath_errors.CycleOutOfOrder) as error:
        raise errors.NotFound(
            f"{error.message} Now {journal.possible(hosted.cycles.stretches(hosted.points))}.",
            do="Give another time, or choose a recovery point.",
        ) from error


def _without(firmware: Mapping[str, bytes | None]) -> str:
    """What the machine had to begin anew."""
    rotten = ", ".join(name for name, data in firmware.items() if data is None)
    return f"; its firmware begins anew, for {rotten} of the point is damaged" if rotten else ""


def stop_replica(context: Context, payload: StopReplica) -> tuple[str, Nothing]:
    context.fabric.hosting.remove(payload.fabric_id, context.machine_id)
    hosted = context.parts.host.find(context.machine_id)
    if hosted is None:
        return "the machine is removed; there is no replica any more", Nothing()
    with hosted.hold("ending a run", context.left_seconds()):
        sentence = end(context, hosted, payload.run)
    return sentence, Nothing()


def end(context: Context, hosted: Hosted, run: str) -> str:
    """Remove the machine of a run, its overlays and its lease; the caller holds the replica."""
    fact = machine_of(context, run)
    if fact is not None:
        context.fabric.hosting.remove(fact.fabric_id, context.machine_id)
        seams.reach("appliance.run.removed")
    hosted.replica.close_run(run)
    context.state.remove_fact(_key(context, run))
    hosted.refresh()
    hosted.wants_trim = True
    context.parts.work.wanted(hosted)
    if fact is None:
        return f"nothing of {hosted.setup.machine_name} was left to remove"
    return f"removed {fact.name}, which ran from {started_from(fact.point_id, fact.forward)}"


def commit_point(context: Context, payload: CommitPoint) -> tuple[str, Nothing]:
    """The failover's point is fixed, all others go. The replica takes no more cycles."""
    hosted = context.hosted()
    with hosted.hold("committing", context.left_seconds()):
        run = hosted.replica.state.run(FAILOVER)
        if run is None or run.point_id != payload.point_id:
            raise errors.NotPossibleNow(
                f"The failed-over machine stands on {run.point_id if run else 'no point'}, not on {payload.point_id}.",
                do="Fail over or change the recovery point first, then commit.",
            )
        hosted.save(accepting=False)
        sentence = hosted.replica.settle(FAILOVER)
        hosted.refresh()
    return sentence, Nothing()


def consolidate(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """A machine that came home goes on on its own old files, and the replica is no longer needed."""
    hosted = context.parts.host.find(context.machine_id)
    if hosted is None:
        return "the machine was already on its own disks", Nothing()
    with hosted.hold("consolidating", context.left_seconds()):
        own = {
            disk.key: Path(disk.base) for disk in hosted.replica.state.disks if Path(disk.base).is_absolute()
        }
        if len(own) != len(hosted.replica.state.disks):
            return "the machine's disks lie in the replica and stay there", Nothing()
        # qemu must not find the images below in use by our storage daemon, nor read by a scrub that is to end
        hosted.replica.let_go(context.left_seconds())
        context.fabric.hosting.consolidate(
            payload.fabric_id,
            own,
            lambda fraction: context.progress(fraction, "merging into the original disks"),
        )
        seams.reach("appliance.run.consolidated")
        context.state.remove_fact(_key(context, FAILOVER))
        if hosted.setup.existing_fabric_id:
            withdrawn.forget(context.state, hosted.setup.existing_fabric_id)
        sentence = context.parts.host.remove(hosted)
    return f"the machine runs on its own disks again; {sentence}", Nothing()


def remove_machine(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """The machine at the site that was left goes; its definition and disks stay for the way back."""
    source = context.parts.replication.find(context.machine_id)
    if source is not None and source.setup.fabric_id == payload.fabric_id:
        with source.hold("removing the machine", context.left_seconds(), interrupt=True):
            context.parts.replication.remove(source)
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is None:
        return "the machine was already removed", Nothing()
    if found.tag == context.machine_id:
        if found.power is not PowerState.OFF:
            context.fabric.power.stop(payload.fabric_id)
        context.fabric.tracking.acknowledge(payload.fabric_id, None)
        withdrawn.remember(context.state, found.definition)
        seams.reach("appliance.machine.remembered")
        context.fabric.hosting.withdraw(payload.fabric_id, context.machine_id)
    else:
        context.fabric.hosting.remove(payload.fabric_id, context.machine_id)
    context.state.remove_fact(_key(context, FAILOVER))
    return f"removed {found.name}; its disks stay for the way back", Nothing()
