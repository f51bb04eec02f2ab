"""Orders that move a machine's disks from the replica that it stands on to the site's own storage."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ...datapath.disks import DiskLocation, same_files
from ...domain import errors, shell
from ...domain.amounts import rate, size, span
from ...domain.prediction.nearing import Nearing
from ...fabrics.settling import NewPlace
from ...ground import real_files, seams
from ...wire.common.base import Shape
from ...wire.control.orders import FabricMachine, Nothing, Settle
from ..shared import withdrawn_definitions
from ..target import HostedReplica, old_disks, stores
from . import machine_tags, runs
from .commit import forget_withdrawn
from .context import Context
from .runs import FAILOVER, key_of

PURPOSE = "moving its disks"
ALREADY = "the machine's disks lie in the site's own storage already"
KEY = "settling/"
DISKS_MOVING = "disks-moving"
TELL_SECONDS, STANDS_SECONDS = 2.0, 120.0
"""How often a copy is told of; and how long it may last, or come no nearer to its end, until that is told."""


class Moving(Shape):
    """A move under way: of which machine, and the number of the verb that began it."""

    fabric_id: str
    generation: int


def check(context: Context, payload: Settle) -> tuple[str, Nothing]:
    """Look whether the disks can move; changes nothing."""
    hosted = context.parts.host.find(context.machine_id)
    machine_tags.found(context, payload.fabric_id)
    left = _in_the_store(context, hosted, payload.fabric_id)
    if not left:
        return ALREADY, Nothing()
    wanted = _wanted(payload, left, hosted)
    places = _checked(context, payload, wanted)
    named = ", ".join(f"{key} to {path} as {wanted[key].shown}" for key, path in places.items())
    return f"{named}{_skipped(payload, left)}", Nothing()


def settle(context: Context, payload: Settle) -> tuple[str, Nothing]:
    """Move the disks that stand in the replica, and remove it. A replication from here pauses meanwhile, and
    gives way to no one but a later order of the machine, which ends the move."""
    hosted = context.parts.host.find(context.machine_id)
    with _alone(context, hosted):
        machine_tags.found(context, payload.fabric_id)
        left = _in_the_store(context, hosted, payload.fabric_id)
        with _noted(context, payload.fabric_id):
            moved = _moved(context, payload, _wanted(payload, left, hosted)) if left else ""
        if not left:
            context.fabric.settling.end(payload.fabric_id)  # the note of one that was cut off at its end
        seams.reach("appliance.settle.moved")
        if hosted is None:
            return ALREADY, Nothing()
        _require_out(context, hosted, payload.fabric_id)
        sentence = _without_replica(context, hosted)
    return f"{moved or ALREADY}; {sentence}", Nothing()


def end(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """Give up a move that is in progress, or that was cut off. It holds the locks, so this takes none."""
    context.require_current()
    ended = context.fabric.settling.end(payload.fabric_id)
    left = _forgotten(context, KEY + context.machine_id, payload.fabric_id)
    if ended and left:
        what = f"{', '.join(left)} could not be removed yet: a later settle of it tries again"
        return f"the machine stays on its former disks; {what}", Nothing()
    if ended:
        return "the machine stays on its former disks, and what was copied is removed", Nothing()
    return "no move of its disks was in progress", Nothing()


def end_overtaken(context: Context) -> None:
    """End a move that an earlier verb than the order's began: nobody goes on with it after a restart, and no
    view can be opened meanwhile."""
    key, number = f"{KEY}{context.order.machine_id}", context.order.generation
    text = context.state.fact(key)
    if number is None or text is None:
        return
    moving = Moving.model_validate_json(text)
    if moving.generation < number:
        context.fabric.settling.end(moving.fabric_id)
        _forgotten(context, key, moving.fabric_id)


def _forgotten(context: Context, key: str, fabric_id: str) -> tuple[str, ...]:
    """Forget a move, unless copies of it are still there: these."""
    left = context.fabric.settling.left(fabric_id)
    if not left:
        context.state.remove_fact(key)
    return left


@contextmanager
def _alone(context: Context, hosted: HostedReplica | None) -> Iterator[None]:
    """Inside, nobody else does anything to the machine here: neither a cycle nor work on its replica."""
    source = context.parts.replication.find(context.machine_id)
    with context.alone(source, PURPOSE, interrupt=True), context.alone(hosted, PURPOSE):
        yield


@contextmanager
def _noted(context: Context, fabric_id: str) -> Iterator[None]:
    """The note of a process that dies inside stays, for a later verb."""
    moving = Moving(fabric_id=fabric_id, generation=context.order.generation or 0)
    context.state.put_fact(KEY + context.machine_id, moving.model_dump_json())
    try:
        yield
    except Exception:
        _forgotten(context, KEY + context.machine_id, fabric_id)
        raise
    context.state.remove_fact(KEY + context.machine_id)


def _in_the_store(context: Context, hosted: HostedReplica | None, fabric_id: str) -> tuple[str, ...]:
    """The keys of the disks that stand in the replica. Raises NotPossibleNow for a machine that may still go
    back to another point."""
    if hosted is None:
        return ()
    if not hosted.replica.state.stands_on_its_run:
        raise errors.NotPossibleNow(
            f"The failover of {hosted.setup.machine_name} is not committed, so its disks stay.",
            do=f"Commit it first: 'secondsite machine commit {shell.arguments(hosted.setup.machine_name)}'.",
        )
    root = hosted.replica.files.root.absolute()
    holding = context.fabric.inventory.holding(fabric_id)
    return tuple(each.key for each in holding.disks if each.path and old_disks.stands_in(root, each))


def _wanted(payload: Settle, left: tuple[str, ...], hosted: HostedReplica | None) -> Mapping[str, NewPlace]:
    """Where each disk goes. One that stands in for a disk that was left out, and that nobody gave a place,
    goes along with the others."""
    found = {key: payload.disks.get(key, payload.place) for key in left}
    if hosted is not None:
        beside = next(
            (each for each in found.values() if each and not Path(each.place).is_block_device()), None
        )
        of_replica = hosted.replica.state.keys
        found = {key: place or (None if key in of_replica else beside) for key, place in found.items()}
    lacking = [key for key, place in found.items() if place is None]
    if lacking:
        raise errors.InvalidArgument(
            f"No place was given for disk {', '.join(lacking)}.",
            do="Give one for all disks with '--to', or for each with '--disk KEY=PLACE'.",
        )
    return {
        key: NewPlace(place.place, place.format, place.cache or "")
        for key, place in found.items()
        if place is not None
    }


def _checked(context: Context, payload: Settle, wanted: Mapping[str, NewPlace]) -> Mapping[str, DiskLocation]:
    """Where each disk would go. Raises NotPossibleNow for a place in a store, which is removed with what lies
    there, and for one that is somebody's."""
    given = {key: Path(new.place) for key, new in wanted.items()}
    _require_outside(context, {key: place for key, place in given.items() if place.is_block_device()})
    _require_nobodys(context, wanted)
    places = context.fabric.settling.check(payload.fabric_id, wanted, unencrypted=payload.unencrypted)
    _require_outside(context, places)
    return places


def _require_outside(context: Context, places: Mapping[str, DiskLocation]) -> None:
    for key, place in places.items():
        store = _store_of(context, place) if isinstance(place, Path) else None
        if store is not None:
            raise errors.NotPossibleNow(
                f"{place} lies in the store {store}, which disk {key} is to leave.",
                do="Give a folder or a storage pool outside of all stores.",
            )


def _require_nobodys(context: Context, wanted: Mapping[str, NewPlace]) -> None:
    """Raises NotPossibleNow for what a replica stands on, or a machine that was withdrawn here has: no
    machine that is defined need name it."""
    for path, device, whose in _stood_on(context):
        for place in {each.place for each in wanted.values()}:
            if same_files.overlap(place, path) or (device and real_files.device_name(place) == device):
                raise errors.NotPossibleNow(
                    f"{place} is {whose}, so nothing is copied to it.", do="Give another device."
                )


def _stood_on(context: Context) -> Iterator[tuple[str, str, str]]:
    """Paths, what is there by its device's name, if that was noted, and whose it is."""
    for hosted in context.parts.host.all():
        for file in (file for disk in hosted.replica.state.disks for file in disk.base_files):
            yield file.path, file.device, f"below the replica of {hosted.setup.machine_name}"
    for machine in withdrawn_definitions.all_of(context.state):
        known = withdrawn_definitions.device_names(context.state, machine)
        for disk in (each for each in machine.disks if each.path):
            whose, device = f"a disk of {machine.name}, which was withdrawn here", known.get(disk.key, "")
            yield from ((str(path), device, whose) for path in old_disks.files(disk))


def _store_of(context: Context, place: Path) -> Path | None:
    """The store that the place lies in, of this appliance or of another one."""
    return stores.around(place, {root.resolve() for root in context.parts.config.all_stores.values()})


def _require_out(context: Context, hosted: HostedReplica, fabric_id: str) -> None:
    """Raises NotPossibleNow while the machine has a disk in the replica that is to be removed."""
    still = _in_the_store(context, hosted, fabric_id)
    if still:
        raise errors.NotPossibleNow(
            f"{', '.join(still)} of {hosted.setup.machine_name} still stands in its replica, which stays.",
            do="Settle it to a place outside of the store.",
        )


def _skipped(payload: Settle, left: tuple[str, ...]) -> str:
    already = [key for key in payload.disks if key not in left]
    return f"; {', '.join(already)} does not stand in the store" if already else ""


def _moved(context: Context, payload: Settle, wanted: Mapping[str, NewPlace]) -> str:
    def going_on() -> None:
        context.require_current()
        if context.left_seconds() <= 0:
            raise errors.DeadlineExceeded(
                "The disks were not copied within the order's time; the machine stays on its former disks.",
                do="Retry the job; with a higher limit, or none.",
            )

    _checked(context, payload, wanted)
    with _told(context, payload) as progress:
        places = context.fabric.settling.settle(
            payload.fabric_id,
            wanted,
            progress,
            bytes_per_second=payload.bytes_per_second,
            going_on=going_on,
        )
    named = ", ".join(f"{path} ({key})" for key, path in places.items())
    cached = ", ".join(f"{new.cache} ({key})" for key, new in wanted.items() if new.cache)
    later = f"; from its next start on with cache {cached}" if cached else ""
    return f"the machine runs on {named}{later}"


@contextmanager
def _told(context: Context, payload: Settle) -> Iterator[Callable[[int, int], None]]:
    """What tells of a copy: to the order, and once it lasts, as a finding of the replication that pauses."""
    nearing, source = Nearing(), context.parts.replication.find(context.machine_id)
    began_at, told_at = time.monotonic(), 0.0

    def told(copied: int, whole: int) -> None:
        nonlocal told_at
        now = time.monotonic()
        nearing.look(copied, whole, now)
        if told_at and now - told_at < TELL_SECONDS:
            return
        told_at, sentence = now, _copying(nearing, now, payload.bytes_per_second)
        context.progress(nearing.share, sentence)
        if source is not None and now - began_at >= STANDS_SECONDS:
            source.findings.add(DISKS_MOVING, f"Replication pauses while its disks move: {sentence}")

    try:
        yield told
    finally:
        if source is not None:
            source.findings.clear(DISKS_MOVING)


def _copying(nearing: Nearing, now: float, limit: int | None) -> str:
    """How far a copy is, and when it ends; what to do if it comes no nearer to its end."""
    done = f"copying to the site's own storage: {int(100 * nearing.share)}%, {size(nearing.left_bytes)} left"
    stood, seconds = nearing.stood_seconds(now), nearing.seconds_left()
    if stood < STANDS_SECONDS:
        return done if seconds is None else f"{done}, about {span(round(seconds))} to go"
    way = "once the machine writes less"
    if limit is not None:
        way = f"with a '--limit' above {rate(limit)}, or none"
    return (
        f"{done}, and that has not shrunk for {span(round(stood))}: the machine writes as fast as it is "
        f"copied. Cancel the job ('secondsite job cancel JOB') and begin it again {way}"
    )


def _without_replica(context: Context, hosted: HostedReplica) -> str:
    """Remove the replica that nothing stands on any more; returns a sentence."""
    runs.end_forgotten_drills(context, hosted)
    context.state.remove_fact(key_of(context, FAILOVER))
    forget_withdrawn(context, hosted)
    return context.parts.host.remove(hosted, keep_points=False)
