"""Orders that run machines on recovery points, for drills and failovers, and that end them."""

import shlex
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ...datapath import errors as datapath_errors
from ...domain import errors, journal, shell
from ...fabrics.interface import HostRequest, MachineSummary, MissingPart, PowerState
from ...ground import seams
from ...wire.common.base import Shape
from ...wire.common.machines import MachineDefinition
from ...wire.common.points import RollForward, started_from
from ...wire.common.properties import Sizing
from ...wire.control.orders import Nothing, StartFact, StartReplica, StopReplica
from .. import agents
from ..shared import run_key
from ..target import FAILOVER as FAILOVER
from ..target import HostedReplica, coming_home, old_disks
from . import machine_tags, stand_ins
from .context import Context
from .networks import drill_networks, network_checks, point_cards, reserving

DISK_AWAY_SECONDS, DISK_LOOK_SECONDS = 40.0, 0.5

DRILL = "drill"
NOT_RUNNING = (PowerState.OFF, PowerState.MISSING)
NEVER_RAN = (*NOT_RUNNING, PowerState.PAUSED)
"""What a machine can be after a failed start: letting the guest run is a start's last act."""


class RunFact(Shape):
    """What is remembered of a machine that runs on a point. `made`: it was defined, and may have been
    started. `begun`: its start was given, so its guest may have run; None if a former release recorded it.
    `found`: the run was there before, without a machine that was remembered: somebody else started it.
    `mark` differs for each machine: all drills of a protected machine have the same fabric id."""

    fabric_id: str
    name: str
    point_id: str
    forward: RollForward | None = None
    made: bool = False
    begun: bool | None = None
    found: bool = False
    mark: str = ""

    @property
    def may_have_run(self) -> bool:
        return self.found or (self.made if self.begun is None else self.begun)

    @property
    def is_anothers(self) -> bool:
        """Whether it was started without a vault, and no order has completed its start since."""
        return self.found and not self.begun


def key_of(context: Context, run: str) -> str:
    """The key of a run's machine in the state."""
    return run_key(context.machine_id, run)


def machine_of(context: Context, run: str) -> RunFact | None:
    """The machine of a run, or None."""
    found = context.state.fact(key_of(context, run))
    return RunFact.model_validate_json(found) if found else None


def tagged(context: Context) -> list[MachineSummary]:
    """The machines here that carry the machine's tag, except those of its drills, which end by their own
    orders."""
    runs = context.state.facts(key_of(context, ""))
    drills = {
        RunFact.model_validate_json(fact).fabric_id
        for key, fact in runs.items()
        if key != key_of(context, FAILOVER)
    }
    found = context.fabric.inventory.list()
    return [each for each in found if each.tag == context.machine_id and each.fabric_id not in drills]


def of_drills(context: Context) -> frozenset[str]:
    """The machines of all drills here, by their fabric ids."""
    known = context.state.facts("run/").items()
    return frozenset(
        RunFact.model_validate_json(fact).fabric_id for key, fact in known if not key.endswith(f"/{FAILOVER}")
    )


def stands_on(context: Context, hosted: HostedReplica, found: MachineSummary) -> bool:
    """Whether a machine of this site is the one that the failover started. The record of the run may be from
    an old backup, and the machine's owner may have put a snapshot above the run's overlay."""
    fact = machine_of(context, FAILOVER)
    is_known = fact is not None and found.fabric_id == fact.fabric_id
    return is_known or _lies_in(hosted.replica.files.run(FAILOVER), found)


def start_replica(context: Context, payload: StartReplica) -> tuple[str, StartFact]:
    """Make overlays on the point, define a machine with the mapped networks, and start it: seconds,
    whatever the disk's size."""
    if payload.run in (FAILOVER, DRILL):
        context.parts.giving_way.make_way(payload.name)
    began, hosted = time.monotonic(), context.hosted()
    with context.alone(hosted, "starting a machine"):
        _require_closed(hosted, payload)
        machine_tags.found(context, payload.fabric_id)
        _end_forgotten_drill(context, hosted, payload)
        _end_never_begun(context, hosted, payload)
        _require_no_other_copy(context, hosted, payload)
        _require_old_disks(context, hosted)
        with _nothing_left(context, hosted, payload):
            return _start(context, hosted, payload, began)


def _require_old_disks(context: Context, hosted: HostedReplica) -> None:
    """As `old_disks.require_unchanged`. One that a rescued machine lends is away for some seconds after this
    process was started, and a start that it broke off is to go on."""
    until = time.monotonic() + min(DISK_AWAY_SECONDS, context.left_seconds())
    while True:
        try:
            old_disks.require_unchanged(hosted)
            return
        except errors.OldDiskAway:
            if time.monotonic() >= until:
                raise
        time.sleep(DISK_LOOK_SECONDS)


def _start(
    context: Context, hosted: HostedReplica, payload: StartReplica, began: float
) -> tuple[str, StartFact]:
    record, known = hosted.record(payload.point_id), machine_of(context, payload.run)
    fact = RunFact(
        fabric_id=payload.fabric_id,
        name=payload.name,
        point_id=payload.point_id,
        forward=payload.forward,
        begun=False,
        found=_is_anothers(hosted, payload.run, known),
        mark=uuid.uuid4().hex,
    )
    was_made = known is not None and known.made and _is_same(known, fact)
    if known is not None and was_made:
        fact = known
    remember(context, payload.run, fact)
    paths = _disks(context, hosted, payload)
    seams.reach("appliance.run.opened")
    home = coming_home.as_withdrawn(context.state, hosted, payload)
    definition = coming_home.definition(context.state, hosted, payload, hosted.definition(record))
    standing = _standing(hosted, payload, definition)
    networks = {nic.key: point_cards.network(payload, nic) for nic in definition.nics}
    unconnected = {} if home is not None else {
        **network_checks.left_out(context, payload, networks),
        **network_checks.unmapped_then(payload, definition.nics, networks),
    }  # fmt: skip
    wanted = Sizing() if payload.home else payload.sizing
    firmware = hosted.replica.firmware(payload.point_id, payload.run)
    request = HostRequest(
        fabric_id=payload.fabric_id,
        name=payload.name,
        definition=definition,
        disks=paths,
        networks={**networks, **dict.fromkeys(unconnected)},
        macs=_new_macs(payload, definition),
        tag=context.machine_id,
        firmware={name: data for name, data in firmware.items() if data is not None},
        home=home,
        sizing=wanted,
        goes_back="" if payload.goes_on else fact.mark,
    )
    request = standing.in_request(request)
    ran = payload.start and context.fabric.power.state(payload.fabric_id) is PowerState.RUNNING
    unfit = context.fabric.hosting.create(request)
    fact = fact.model_copy(update={"made": True})
    remember(context, payload.run, fact)
    if payload.run == FAILOVER and not payload.home:
        agents.note(context.state, context.machine_id, definition, payload.fabric_id, payload.name)
    seams.reach("appliance.run.created")
    shows = _shows(context, payload.fabric_id)
    got = reserving.reserved(context, payload)
    with _beginning(context, payload, fact):
        lacks = _started(context, payload, request) if payload.start else _Without()
    unconnected |= lacks.cards
    media = _media(context, request)
    hosted.findings.clear("started-without-vault")
    is_drill = payload.run != FAILOVER
    if payload.start:
        with_host = definition.starts_with_host and not is_drill
        context.fabric.power.allow_start(payload.fabric_id, context.machine_id, with_host=with_host)
    asked = {**networks, **dict.fromkeys(unconnected)}
    told = drill_networks.said(context, payload.fabric_id, asked) if is_drill else ""
    seconds = time.monotonic() - began
    taken_at = datetime.fromisoformat(record.manifest.taken_at)
    if payload.forward is not None:
        taken_at = payload.forward.taken_at
    begin = started_from(payload.point_id, payload.forward) + ("," if payload.forward else "")
    return _did(payload, begin, seconds, ran=ran) + _sized(wanted, unfit) + network_checks.said(
        unconnected
    ) + _lacking(lacks, media) + standing.sentence + got + told + _without(firmware), StartFact(
        fabric_id=payload.fabric_id,
        name=payload.name,
        point_id=payload.point_id,
        taken_at=taken_at,
        seconds=seconds,
        shows=shows,
        sized=wanted == payload.sizing,
        cpu_model=wanted.cpu_model,
        definition=definition.model_copy(update={"native": ""}) if payload.run == DRILL else None,
    )


def _did(payload: StartReplica, begin: str, seconds: float, *, ran: bool) -> str:
    """What a start did, as a part of a sentence. A machine that ran already was taken over, as by a vault
    that has forgotten its start."""
    if ran:
        return f"{payload.name} was running already, from {begin.rstrip(',')}: it is taken over as it is"
    return f"{'started' if payload.start else 'defined'} {payload.name} from {begin} in {seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class _Without:
    """What a machine was started without: why cards are left unconnected, by their keys, and what is gone
    at home."""

    cards: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[MissingPart] = ()


def _is_anothers(hosted: HostedReplica, run: str, known: RunFact | None) -> bool:
    """Whether the machine of the run, if there is one, was started without a vault."""
    return hosted.replica.state.run(run) is not None if known is None else known.is_anothers


def may_be_rescued(hosted: HostedReplica, known: RunFact | None) -> bool:
    """Whether the failover's overlays were made without a vault, as `secondsite-rescue` does: plain QEMU may
    have written to them. `known` is its machine here, if there is one. A copy that was committed is none: if
    nothing is known of its machine, that went home."""
    state = hosted.replica.state
    run = None if state.stands_on_its_run else state.run(FAILOVER)
    return run is not None and run.made and _is_anothers(hosted, FAILOVER, known)


def is_started_by_another(context: Context) -> bool:
    """Whether a copy of the machine was started here without a vault, and no order has taken it over."""
    hosted = context.parts.host.find(context.machine_id) if context.order.machine_id else None
    return hosted is not None and _is_anothers(hosted, FAILOVER, machine_of(context, FAILOVER))


def _is_same(one: RunFact, other: RunFact) -> bool:
    return (one.fabric_id, one.name, one.point_id, one.forward) == (
        other.fabric_id,
        other.name,
        other.point_id,
        other.forward,
    )


@contextmanager
def _nothing_left(context: Context, hosted: HostedReplica, payload: StartReplica) -> Iterator[None]:
    """If the start inside fails before the guest ran, its run is closed, so that another point can be
    started. A run that may hold anything that a guest wrote stays."""
    wrote = _may_hold_writes(context, hosted, payload.run)
    try:
        yield
    except Exception:
        with suppress(errors.SecondsiteError):
            if not wrote and context.fabric.power.state(payload.fabric_id) in NEVER_RAN:
                _give_back(context, hosted, payload.run)
        raise


def _give_back(context: Context, hosted: HostedReplica, run: str) -> None:
    """Close the run, and remove its machine. A machine that this start had not defined yet is not its own;
    one on its overlays is, even if that could not be recorded."""
    fact = machine_of(context, run)
    found = None if fact is None else context.fabric.inventory.get(fact.fabric_id)
    was_made = found is not None and _lies_in(hosted.replica.files.run(run), found)
    if fact is not None and (fact.made or was_made):
        end(context, hosted, run)
    else:
        hosted.replica.close_run(run)
        context.state.remove_fact(key_of(context, run))
        hosted.refresh()


def _lies_in(folder: Path, found: MachineSummary) -> bool:
    """Whether disks of a machine lie in the folder of a run."""
    return any(Path(disk.path).is_relative_to(folder) for disk in found.definition.disks)


def _may_hold_writes(context: Context, hosted: HostedReplica, run: str) -> bool:
    """Whether a guest may have run on the run's overlays. If no record of the run exists, `secondsite-rescue`
    may have started the machine."""
    fact = machine_of(context, run)
    return hosted.replica.state.run(run) is not None and (fact is None or fact.may_have_run)


def _end_never_begun(context: Context, hosted: HostedReplica, payload: StartReplica) -> None:
    """Close a run whose start was interrupted when the appliance ended; another point has been chosen
    since."""
    run, fact = hosted.replica.state.run(payload.run), machine_of(context, payload.run)
    wanted = (payload.point_id, payload.forward and payload.forward.seq)
    if run is None or fact is None or (run.point_id, run.through_seq) == wanted:
        return
    if not fact.may_have_run and context.fabric.power.state(fact.fabric_id) in NOT_RUNNING:
        _give_back(context, hosted, payload.run)


def _require_no_other_copy(context: Context, hosted: HostedReplica, payload: StartReplica) -> None:
    """Raises NotPossibleNow for a machine that was failed over onto another instant: what it wrote since is
    the newest that there is. Before a fact of this start is kept, by which that copy could be removed."""
    run = hosted.replica.state.run(payload.run) if payload.run == FAILOVER else None
    wanted = (payload.point_id, payload.forward and payload.forward.seq)
    if run is None or (run.point_id, run.through_seq) == wanted:
        return
    if hosted.replica.files.run(run.name).exists():
        raise errors.NotPossibleNow(
            f"A copy of {hosted.setup.machine_name} was started here from point {run.point_id} already, so "
            f"it is not started from {started_from(payload.point_id, payload.forward)}.",
            do=f"If that copy is the machine that you need, take it over: '{take_over(context, hosted)}'.",
        )


def take_over(context: Context, hosted: HostedReplica) -> str:
    """The command that takes over the copy that was failed over onto the replica."""
    run, fact = hosted.replica.state.run(FAILOVER), machine_of(context, FAILOVER)
    name = hosted.setup.machine_name
    forward = fact.forward if fact is not None else None
    if run is not None and run.through_seq is not None and forward is not None:
        at = f"--at {forward.taken_at.isoformat()}"
        return f"secondsite machine failover {shell.arguments(name, options=at)}"
    point = "" if run is None else f"--point {shlex.quote(run.point_id)}"
    return f"secondsite machine failover {shell.arguments(name, options=point)}"


@contextmanager
def _beginning(context: Context, payload: StartReplica, fact: RunFact) -> Iterator[None]:
    """Inside, the guest begins to run, which is recorded before it does: a start that its appliance did not
    survive left a machine that nobody watched, and whose writes another start deleted. What failed before the
    guest ran is recorded as before. A copy that was started without a vault counts as such until it runs."""
    begun = fact.model_copy(update={"begun": True})
    if not fact.found:
        remember(context, payload.run, begun)
    seams.reach("appliance.run.beginning")
    try:
        yield
    except Exception:
        with suppress(errors.SecondsiteError):
            if context.fabric.power.state(payload.fabric_id) in NEVER_RAN:
                remember(context, payload.run, fact)
        raise
    if fact.found:
        remember(context, payload.run, begun)
    seams.reach("appliance.run.begun")


def _started(context: Context, payload: StartReplica, request: HostRequest) -> _Without:
    """Start the machine; returns what it was started without. One that comes home is started as it was,
    perhaps on kinds of networks that no list has. Only if that fails, and the start must not fail, it is
    started without the cards whose networks are gone, and without what else is gone. A card whose portgroup
    is gone is left out before: no start fails by it."""
    elsewhere = network_checks.in_no_portgroup(context, payload, request.home)
    if elsewhere:
        context.fabric.hosting.create(replace(request, not_connected=frozenset(elsewhere)))
    try:
        context.fabric.power.start(request.fabric_id, context.progress)
        return _Without(elsewhere)
    except errors.FabricError as refused:
        cards = network_checks.gone_at_home(context, payload, request.home)
        parts = _gone(context, payload, request)
        if not cards and not parts:
            raise
        return _started_without(context, request, _Without(cards, parts), refused)


def _gone(context: Context, payload: StartReplica, request: HostRequest) -> tuple[MissingPart, ...]:
    """What is gone at home and the machine can start without, if its start must not fail."""
    if request.home is None or not payload.without_missing_networks:
        return ()
    found = context.fabric.hosting.gone(request.home, request.disks)
    return tuple(each for each in found if not each.needed)


def _started_without(
    context: Context, request: HostRequest, lacks: _Without, refused: errors.FabricError
) -> _Without:
    parts = frozenset(each.key for each in lacks.parts)
    context.fabric.hosting.create(replace(request, not_connected=frozenset(lacks.cards), without=parts))
    try:
        context.fabric.power.start(request.fabric_id, context.progress)
    except errors.SecondsiteError:
        context.fabric.hosting.create(request)  # it was not for what is gone
        raise refused from None
    return lacks


def _media(context: Context, request: HostRequest) -> Sequence[MissingPart]:
    """What lay in the machine's drives at home and is gone: the drives are empty."""
    if request.home is None:
        return ()
    return [each for each in context.fabric.hosting.gone(request.home, request.disks) if each.medium]


def _lacking(lacks: _Without, media: Sequence[MissingPart]) -> str:
    """What the machine lacks, as a part of a sentence."""
    found = dict.fromkeys(each.what for each in (*lacks.parts, *media))
    return f"; it runs without what is gone at home: {', '.join(found)}" if found else ""


def _shows(context: Context, fabric_id: str) -> bool | None:
    """Whether anything can be seen of the machine from outside; None if that cannot be told, which is no
    reason not to start it."""
    try:
        return context.fabric.seeing.sights(fabric_id).any
    except errors.SecondsiteError:
        return None


def remember(context: Context, run: str, fact: RunFact) -> None:
    """Record the machine of a run; durable when it returns."""
    context.state.put_fact(key_of(context, run), fact.model_dump_json())


def _require_closed(hosted: HostedReplica, payload: StartReplica) -> None:
    """Raises NotPossibleNow unless the replica is closed: a source that may send cycles may also be running.
    A failover closes the replica first."""
    if payload.run == FAILOVER and hosted.accepting:
        raise errors.NotPossibleNow(
            f"The replica of {hosted.setup.machine_name} takes cycles from its source, so no failed-over "
            "machine is started on it.",
            do="Start the failover again: it closes the replica first. A drill may run beside replication.",
        )


def _end_forgotten_drill(context: Context, hosted: HostedReplica, payload: StartReplica) -> None:
    """End a drill that the vault has forgotten, as one restored from an older backup: the machine of the next
    drill has the same fabric id."""
    run = hosted.replica.state.run(payload.run)
    if payload.run != FAILOVER and run is not None and run.point_id != payload.point_id:
        end(context, hosted, payload.run)


def _new_macs(payload: StartReplica, definition: MachineDefinition) -> dict[str, str]:
    found = {nic.key: payload.new_macs.get(nic.mac.lower()) for nic in definition.nics}
    return {key: mac for key, mac in found.items() if mac is not None}


def _disks(context: Context, hosted: HostedReplica, payload: StartReplica) -> dict[str, Path]:
    """The run's overlays by disk key, made on the point, and rolled forward if the payload asks for it.
    Raises NotFound, PointDamaged."""
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
    except datapath_errors.ImageProblem as error:
        raise errors.PointDamaged(error.message, do=error.do) from error


def _standing(
    hosted: HostedReplica, payload: StartReplica, definition: MachineDefinition
) -> stand_ins.Standing:
    try:
        return stand_ins.made(hosted, payload, definition)
    except datapath_errors.ImageProblem as error:
        raise errors.FabricError(error.message, do=error.do) from error


def _sized(wanted: Sizing, unfit: Sequence[str]) -> str:
    """What the machine has differently from home, and which parts of its definition do not fit that, as a
    part of a sentence."""
    without = f", without {', '.join(unfit)} of its definition" if unfit else ""
    return (f" with {' and '.join(wanted.words)}" if wanted.any else "") + without


def _without(firmware: Mapping[str, bytes | None]) -> str:
    """The firmware state that was reset because it is damaged, as a part of a sentence."""
    rotten = ", ".join(name for name, data in firmware.items() if data is None)
    return f"; its firmware state is reset, because {rotten} of the point is damaged" if rotten else ""


def stop_replica(context: Context, payload: StopReplica) -> tuple[str, Nothing]:
    hosted = context.parts.host.find(context.machine_id)
    context.parts.ways.close_all_into(payload.fabric_id)
    with context.alone(hosted, "ending a run"):
        found = machine_tags.found(context, payload.fabric_id)
        if payload.run == FAILOVER:
            if _failed_on_an_old_copy(context, hosted, payload.fabric_id):
                return (
                    (
                        "nothing was started from the replica; the old copy that is defined here is left as "
                        "it is, off"
                    ),
                    Nothing(),
                )
            _require_a_copy(context, hosted, payload.fabric_id)
            _require_begun(context, hosted, payload)
        _require_not_elsewhere(context, hosted, payload.run, payload.fabric_id)
        context.fabric.hosting.remove(payload.fabric_id, context.machine_id)
        if hosted is None:
            back = reserving.released(context) if payload.run == FAILOVER else ""
            return f"the machine is removed; there is no replica any more{back}", Nothing()
        return end(context, hosted, payload.run, removed=found), Nothing()


def _require_not_elsewhere(context: Context, hosted: HostedReplica | None, run: str, fabric_id: str) -> None:
    """Raises NotPossibleNow, before anything of the machine is removed, if it does not run here and another
    program has its disks open."""
    if hosted is not None and context.fabric.power.state(fabric_id) is PowerState.ELSEWHERE:
        with _unused():
            hosted.replica.require_unused(run)


@contextmanager
def _unused() -> Iterator[None]:
    try:
        yield
    except datapath_errors.ReplicaInUse as problem:
        raise errors.NotPossibleNow(problem.message, do=problem.do) from problem


def is_an_old_copy(context: Context, hosted: HostedReplica, found: MachineSummary) -> bool:
    """Whether it is an old copy of the machine, on other disks than the replica's: its owner defined it anew
    beside a replica that nothing stands on."""
    if hosted.replica.state.stands_on_its_run or found.tag != context.machine_id:
        return False
    return found.fabric_id not in of_drills(context) and not stands_on(context, hosted, found)


def _failed_on_an_old_copy(context: Context, hosted: HostedReplica | None, fabric_id: str) -> bool:
    """Whether nothing was failed over onto the replica, and the machine in the way is off."""
    found = None if hosted is None else context.fabric.inventory.get(fabric_id)
    if hosted is None or found is None or hosted.replica.state.run(FAILOVER) is not None:
        return False
    was_begun = machine_of(context, FAILOVER) is not None
    return not was_begun and found.power is PowerState.OFF and is_an_old_copy(context, hosted, found)


def _require_begun(context: Context, hosted: HostedReplica | None, payload: StopReplica) -> None:
    """Raises NotPossibleNow for a copy that was started without a vault, where only one may be removed that
    a vault began."""
    run = None if hosted is None else hosted.replica.state.run(FAILOVER)
    if hosted is None or run is None or not payload.begun_only:
        return
    if not _is_anothers(hosted, FAILOVER, machine_of(context, FAILOVER)):
        return
    name = hosted.setup.machine_name
    raise errors.NotPossibleNow(
        f"The copy of {name} here was started without the vault, from point {run.point_id}: what it wrote "
        "since would be lost, so it is not removed.",
        do=f"Take it over: '{take_over(context, hosted)}'. If it is not needed, cancel that failover then.",
    )


def _require_a_copy(context: Context, hosted: HostedReplica | None, fabric_id: str) -> None:
    """Raises NotPossibleNow for a machine that was committed or came home: it is production, even if a vault
    restored from an old backup says otherwise. The replica's files say that a machine was failed over onto
    it, also if its database is lost."""
    state = None if hosted is None else hosted.replica.state
    committed = state is not None and state.stands_on_its_run
    known = machine_of(context, FAILOVER) is not None or (
        state is not None and state.run(FAILOVER) is not None
    )
    found = context.fabric.inventory.get(fabric_id)
    ours = found is not None and found.tag == context.machine_id
    name = found.name if found is not None else context.machine_id
    if committed:
        raise errors.NotPossibleNow(
            (
                f"{name} is no longer a failover copy: its failover was committed, and there is no other "
                "copy of it."
            ),
            do="Commit again, or disable protection: the machine runs on.",
        )
    if found is not None and ours and not known and not _lost_its_disks(hosted, found):
        raise errors.NotPossibleNow(
            f"{name} is {_how(found.power)} here, and nothing here knows of its failover, so it may be no "
            "longer a failover copy: it was committed, or it came home; or the replica's store was put "
            "back from before the failover.",
            do=(
                "Look where the machine is in use. If this copy is not needed, shut it down here and remove "
                "its definition; then try again."
            ),
        )


def _lost_its_disks(hosted: HostedReplica | None, found: MachineSummary) -> bool:
    """Whether the machine is off and the files of its run are gone, as after the store was put back: it can
    neither start nor lose anything."""
    if hosted is None or found.power is not PowerState.OFF:
        return False
    folder = hosted.replica.files.run(FAILOVER)
    lying = [path for disk in found.definition.disks if (path := Path(disk.path)).is_relative_to(folder)]
    return bool(lying) and not any(path.exists() for path in lying)


def _how(power: PowerState) -> str:
    return {PowerState.RUNNING: "on"}.get(power, str(power))


def end_forgotten_drills(context: Context, hosted: HostedReplica) -> None:
    """End the drills that are left here, with their networks: the vault has ended those that it knows, so it
    has forgotten these, or could not reach this site to end them. The caller has locked the replica."""
    forgotten = [run.name for run in hosted.replica.state.runs if run.name != FAILOVER]
    for run in forgotten:
        end(context, hosted, run)
    if forgotten and context.fabric.properties.networks:
        for found in context.fabric.networks.list():
            if found.tag == context.machine_id:
                context.fabric.networks.remove(found.name, context.machine_id)
    drill_networks.leave_all(context.state, context.fabric, context.machine_id)


def end(context: Context, hosted: HostedReplica, run: str, removed: MachineSummary | None = None) -> str:
    """Remove the machine of a run, its overlays and its lease; returns a sentence. The caller has locked the
    replica, and passes as `removed` a machine that it has removed itself."""
    fact, begun = machine_of(context, run), hosted.replica.state.run(run)
    if fact is not None:
        machine_tags.found(context, fact.fabric_id)
        _require_not_elsewhere(context, hosted, run, fact.fabric_id)
        context.fabric.hosting.remove(fact.fabric_id, context.machine_id)
        seams.reach("appliance.run.removed")
    back = reserving.released(context) if run == FAILOVER else ""
    with suppress(datapath_errors.ImageProblem, errors.OldDiskAway):
        old_disks.look(hosted)  # what was noted of the files below goes with the run
    with _unused():
        hosted.replica.close_run(run)
    context.state.remove_fact(key_of(context, run))
    if run == FAILOVER:
        hosted.findings.clear("started-without-vault")
    hosted.refresh()
    hosted.wants_trim = True
    context.parts.work.wanted(hosted)
    if fact is None and removed is not None:
        was = "" if begun is None else f", which stood on {begun.point_id}"
        return f"removed {removed.name}{was}, and was {_how(removed.power)}{back}"
    if fact is None:
        return f"nothing of {hosted.setup.machine_name} was left to remove{back}"
    return f"removed {fact.name}, which ran from {started_from(fact.point_id, fact.forward)}{back}"
