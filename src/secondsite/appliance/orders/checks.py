"""The checks before a verb begins, cheap and complete: they find all obstacles at once, each with what to
do."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ...datapath import errors as datapath_errors
from ...datapath.disks import image
from ...domain import errors, power_states, shell
from ...domain.amounts import exact_size, size
from ...fabrics.interface import MachineSummary, Obstacle, PowerState
from ...ground import usage
from ...ground.plural import counted
from ...wire.common.machines import DiskDefinition, MachineDefinition
from ...wire.control.checks import (
    CheckSource,
    CheckTarget,
    CopyInstant,
    Obstacles,
    ObstacleShape,
    ReplicaRequest,
    SourceCheckFact,
    TargetCheckFact,
)
from ...wire.control.setups import Base
from ..shared import withdrawn_definitions
from ..target import FAILOVER, GIVE_ONE, old_disks, second_copies, stores
from . import group_pauses, machine_tags, runs, stand_ins
from .context import Context
from .dns import records
from .networks import network_checks, point_cards, production
from .trying import starts, views

PEER_SECONDS = 3.0
PEER_PATIENCE_SECONDS = 15.0
PEER_PAUSE_SECONDS = 0.3
NEWS_SECONDS = 5.0
"""How long a peer may be unknown here after its enrolment: the vault tells each appliance of it at once."""


def check_source(context: Context, payload: CheckSource) -> tuple[str, SourceCheckFact]:
    reached: list[float] = []
    obstacles, view = list(_of_source(context, payload, reached)), None
    if payload.view and not any(each.blocking for each in obstacles):
        view, more = views.view(context, payload)
        obstacles += more
    sentence, found = _answer(obstacles, "this machine can be replicated from here")
    return sentence, SourceCheckFact(
        peer_seconds=reached[0] if reached else None,
        obstacles=found.obstacles,
        needed_bytes=_needed_bytes(context, payload),
        written_bytes=_written_bytes(context, payload),
        sizes={disk.key: disk.size_bytes for disk in _disks_of(context, payload)},
        view=view,
    )


def check_target(context: Context, payload: CheckTarget) -> tuple[str, TargetCheckFact]:
    tried: list[float] = []
    payload = point_cards.as_of_point(context, payload)
    sentence, found = _answer(list(_of_target(context, payload, tried)), "this site can hold and run it")
    shares = context.fabric.properties.networks
    return sentence, TargetCheckFact(
        obstacles=found.obstacles,
        shares_networks=shares,
        sizes=True,
        sets_cpu_model=True,
        makes_several=shares,
        serves=shares and context.fabric.networks.cannot_serve() is None,
        stand_ins=production.known(context, payload),
        keeps=True,
        start_seconds=tried[0] if tried else None,
        copy_on=_copy_on(context) if payload.no_copy or runs.is_started_by_another(context) else None,
    )


def _of_source(context: Context, payload: CheckSource, reached: list[float]) -> Iterator[ObstacleShape]:
    """`reached` is called with the seconds that connecting to the peer took."""
    machine = machine_tags.looked_for(context, payload.fabric_id)
    if machine is None:
        yield _obstacle(
            f"The site has no machine {payload.fabric_id}.", "Discover the site again, or define the machine."
        )
    else:
        found = context.fabric.tracking.check(payload.fabric_id)
        concerned = (None, *payload.disks) if payload.disks else {each.disk for each in found}
        yield from (_shape(each) for each in found if each.disk in concerned)
        yield from _not_off(group_pauses.power(context, payload.fabric_id), machine.name)
        yield from machine_tags.obstacles(context, machine)
    if payload.peer_addresses:
        yield from _unreachable(context, payload.peer_addresses, reached)


def _not_off(power: PowerState, name: str) -> Iterator[ObstacleShape]:
    """A saved machine can be replicated, though without its saved memory; one that lives elsewhere cannot."""
    try:
        power_states.require_able(power, name)
    except errors.NotPossibleNow as problem:
        do = power_states.before_a_move(name) if power is PowerState.SAVED else problem.do
        blocking = power is PowerState.ELSEWHERE
        yield ObstacleShape(what=problem.message, do=do, blocking=blocking, about=str(power))


def _needed_bytes(context: Context, payload: CheckSource) -> int:
    """Bytes that a full copy of the disks needs."""
    return sum(_occupied_bytes(disk) for disk in _disks_of(context, payload))


def _disks_of(context: Context, payload: CheckSource) -> list[DiskDefinition]:
    machine = context.fabric.inventory.get(payload.fabric_id)
    disks = machine.definition.disks if machine is not None else ()
    return [disk for disk in disks if not payload.disks or disk.key in payload.disks]


def _written_bytes(context: Context, payload: CheckSource) -> int | None:
    """Bytes that the machine's overlays hold; None if it does not run on a replica's point."""
    hosted = context.parts.host.find(context.machine_id) if context.order.machine_id else None
    if hosted is None or not hosted.failed_over:
        return None
    overlays = [hosted.replica.files.run_overlay(FAILOVER, key) for key in payload.disks]
    there = [path for path in overlays if path.is_file()]
    return sum(map(usage.stored_bytes, there)) if there else None


def _occupied_bytes(disk: DiskDefinition) -> int:
    """Bytes that the disk's files occupy; the disk's size if they cannot be seen, as for a block device."""
    try:
        files = [link.path for link in image.chain(Path(disk.path), disk.format)]
    except errors.SecondsiteError:
        return disk.size_bytes
    if not all(path.is_file() for path in files):
        return disk.size_bytes
    return min(disk.size_bytes, sum(usage.stored_bytes(path) for path in files))


def _unreachable(
    context: Context, addresses: tuple[str, ...], reached: list[float]
) -> Iterator[ObstacleShape]:
    """Whether the peer can be reached: one data address that answers with a certificate of our CA is
    enough."""
    try:
        reached.append(_reach(context, addresses))
    except errors.SecondsiteError as problem:
        where = ", ".join(addresses)
        yield _obstacle(f"The target's data port ({where}) cannot be used: {problem.message}", problem.do)


def _no_way_back(context: Context, addresses: tuple[str, ...]) -> Iterator[ObstacleShape]:
    """Whether the source's data port can be used from here. Nothing needs that before a reprotect, which is
    the day after the disaster: too late to find a firewall."""
    if not addresses:
        return
    try:
        _dial(context, addresses)
    except errors.SecondsiteError as problem:
        where = ", ".join(addresses)
        yield ObstacleShape(
            what=(
                f"The way home is closed: from here the source's data port ({where}) cannot be used: "
                f"{problem.message}"
            ),
            do=f"Open it before it is needed, for the reprotect and the failback. {problem.do}",
            blocking=False,
        )


def _reach(context: Context, addresses: tuple[str, ...]) -> float:
    """Connect and return how many seconds that took. Try for a while: a peer that is just restarting is not
    an obstacle."""
    deadline = time.monotonic() + min(PEER_PATIENCE_SECONDS, context.left_seconds())
    while True:
        try:
            return _dial(context, addresses)
        except errors.PeerUnreachable:
            if time.monotonic() > deadline:
                raise
        time.sleep(PEER_PAUSE_SECONDS)


def _dial(context: Context, addresses: tuple[str, ...]) -> float:
    """Connect and return how many seconds that took. A peer that the vault has not named is dialled again:
    who enrols two appliances and protects a machine at once was told to find out who answers there."""
    deadline = time.monotonic() + min(NEWS_SECONDS, context.left_seconds())
    while True:
        began = time.monotonic()
        try:
            context.parts.peers.connect(addresses, None, PEER_SECONDS).close()
            return time.monotonic() - began
        except datapath_errors.PeerNotEnrolled:
            if time.monotonic() > deadline:
                raise
        time.sleep(PEER_PAUSE_SECONDS)


def _of_target(context: Context, payload: CheckTarget, tried: list[float]) -> Iterator[ObstacleShape]:
    """`tried` gets the seconds that a trial start took."""
    if payload.definition is not None:
        yield from _cannot_run(context, payload, payload.definition, tried)
        yield from _agent_stays_unheard(context, payload.definition)
    yield from _too_large(context, payload)
    yield from _too_little_memory(context, payload)
    yield from _unknown_cpu_model(context, payload)
    yield from _taken(context, payload)
    yield from network_checks.obstacles(context, payload)
    if payload.home is not None:
        yield from network_checks.at_home(context, payload.home)
        yield from network_checks.gone_parts(context, payload.home)
        yield from _made_anew(context, payload, tried)
    if payload.home_in_need is not None:
        yield from network_checks.in_need(context, payload.home_in_need)
    yield from production.warnings(context, payload, runs.of_drills(context))
    yield from records.warnings(context, payload)
    yield from _no_way_back(context, payload.way_back)
    in_the_way = stores.choosing.obstacles(
        context.parts.host.stores, context.order.machine_id, payload.keeping, payload.needed_bytes
    )
    yield from (_obstacle(what, do) for what, do in in_the_way)
    yield from _seeds(context, payload)
    if payload.encrypted and context.parts.host.custody.key is None:
        yield _obstacle(f"This site cannot encrypt: {context.parts.host.custody.why_not}.", GIVE_ONE)
    yield from _no_replica(context, payload)
    yield from _no_stand_in(context, payload)
    yield from _little_space(context, payload)
    yield from _copy(context, payload)
    if payload.replica is not None:
        try:
            context.parts.host.require_room_for(
                context.machine_id, payload.replica.epoch, payload.replica.base
            )
        except errors.NotPossibleNow as problem:
            yield _obstacle(problem.message, problem.do)
        yield from _old_disks(context, payload.replica)
        yield from _no_new_disks(context, payload.replica, payload.fabric_id)


def _no_stand_in(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """What would stand in for a disk that was left out, and cannot be made here."""
    hosted = context.parts.host.find(context.machine_id) if payload.must_hold_replica else None
    lacking = [] if hosted is None or payload.home is not None else [*stand_ins.lacking(hosted)]
    if lacking:
        yield ObstacleShape(
            what=f"No program here makes the file system that stands in for a disk that was left out: "
            f"{', '.join(lacking)}. The disk is empty there, and a guest that mounts it may not come up.",
            do="Install Debian's e2fsprogs and xfsprogs at that host.",
            blocking=False,
        )


def _no_new_disks(context: Context, wanted: ReplicaRequest, fabric_id: str | None) -> Iterator[ObstacleShape]:
    """A machine of a site without a hypervisor has its own disks, and no others."""
    if wanted.base is not Base.EMPTY or context.fabric.properties.hosts or not fabric_id:
        return
    found = context.fabric.inventory.get(fabric_id)
    if found is not None:
        yield _obstacle(
            f"{found.name} has its own disks, and no new ones can be made: this site has no hypervisor.",
            "Leave '--location alternate' out, so it comes home to its own disks; or name an appliance with "
            "a hypervisor: '--target-appliance HOST'.",
        )


def _agent_stays_unheard(context: Context, definition: MachineDefinition) -> Iterator[ObstacleShape]:
    """A machine starts without that, too."""
    has_port = context.parts.config.agents is not None or not context.fabric.properties.hosts
    if definition.agent is not None and not has_port:
        yield ObstacleShape(
            what=f"The agent in {definition.name} cannot register here after a failover: this appliance has "
            "no port for agents.",
            do='Put "agents": "0.0.0.0:9446" into its appliance.json, and restart it. The machine runs '
            "without that, too.",
            blocking=False,
        )
    elif definition.agent is not None and context.parts.ports.problem:
        yield ObstacleShape(
            what=f"The agent in {definition.name} cannot register here after a failover: "
            f"{context.parts.ports.problem}",
            do="It is tried again each half minute. The machine runs without that, too.",
            blocking=False,
        )


def _no_replica(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """No replica to start from. For one that is here and cannot be opened, the obstacle says so."""
    if not (payload.must_hold_replica or payload.memory is not None) or not context.order.machine_id:
        return
    problem = context.parts.host.unopened().get(context.machine_id)
    if problem is not None:
        yield _obstacle(problem.message, problem.do)
    elif payload.must_hold_replica and context.parts.host.find(context.machine_id) is None:
        what = f"There is no replica of {payload.name or f'machine {context.machine_id}'} here."
        yield _obstacle(what, "Enable protection first.")


def _little_space(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """Too little free space in the store of the replica that a machine is to run from: its start makes
    overlays, and it writes to them."""
    hosted = context.parts.host.find(context.machine_id) if context.order.machine_id else None
    if hosted is None or payload.memory is None or hosted.replica.state.run(FAILOVER) is not None:
        return
    store, name = context.parts.host.stores.of(hosted), hosted.setup.machine_name
    here = f"S{str(store)[1:]}"
    free = store.free_bytes() + store.reserve.held_bytes
    needs = stores.reserved_space.needed_bytes(len(hosted.replica.state.disks))
    room = (
        f"Make room in {store.root} at that site: give it more, or shorten the retention of what is kept "
        "there; 'secondsite appliance trash list' there tells what is kept of removed replicas."
    )
    if free < needs:
        yield _obstacle(f"{here} has {size(free)} left, and a start of {name} needs {size(needs)}.", room)
        return
    if store.free_bytes() < needs:
        what = (
            f"{here} is full but for what it keeps for starts ({size(store.reserve.held_bytes)}): what has "
            f"arrived of {name} since its newest recovery point may not be processed, and its last changes "
            "may not be taken."
        )
        yield ObstacleShape(what=what, do=room, blocking=payload.memory.blocking)
    if free < store.reserve.size_bytes():
        what = f"{here} has {size(free)} left: {name} starts, and stands still once that is written."
        yield ObstacleShape(what=what, do=room, blocking=False)


ALTERNATE = "Reprotect to an alternate location, which copies everything: '--location alternate'."


def _old_disks(context: Context, wanted: ReplicaRequest) -> Iterator[ObstacleShape]:
    """The old disks that a replica is to stand on must be here and readable. The old machine may still run:
    it is shut down after this."""
    if wanted.base is not Base.EXISTING or wanted.existing_fabric_id is None:
        return
    found = context.fabric.inventory.get(wanted.existing_fabric_id)
    left = (
        found.definition
        if found is not None
        else withdrawn_definitions.recall(context.state, wanted.existing_fabric_id)
    )
    if left is None:
        yield _obstacle(
            f"The old machine ({wanted.existing_fabric_id}) is not here, and was not withdrawn here.",
            ALTERNATE,
        )
        return
    if _has_turned(context, wanted):
        return
    if found is None:
        for what, do in old_disks.others(context.state, left, wanted.disks):
            yield _obstacle(what, do)
    # Without a hypervisor its disks are there only if it is ready to come home.
    away = () if context.fabric.properties.hosts else context.fabric.hosting.check(left)
    yield from map(_shape, away)
    for disk in left.disks if not any(each.blocking for each in away) else ():
        if disk.key in wanted.disks:
            yield from _old_disk(context, wanted, disk)


def _has_turned(context: Context, wanted: ReplicaRequest) -> bool:
    """Whether the old disks are in the replica already: a reprotect that was cancelled had merged them into
    its files."""
    hosted = context.parts.host.find(context.machine_id)
    return hosted is not None and hosted.is_of(wanted.epoch) and not old_disks.own(hosted)


def _old_disk(context: Context, wanted: ReplicaRequest, disk: DiskDefinition) -> Iterator[ObstacleShape]:
    if (refusal := old_disks.on_network(disk)) is not None:
        yield _obstacle(*refusal)
        return
    try:
        has = image.look(Path(disk.path), disk.format, written=True)
        image.chain(Path(disk.path), disk.format)
        misfit = old_disks.too_large(disk, has.size_bytes, wanted.sizes.get(disk.key))
        if misfit is None and not context.fabric.properties.hosts:
            misfit = old_disks.too_small(disk, has.size_bytes, wanted.sizes.get(disk.key))
        if misfit is not None:
            yield _obstacle(*misfit)
        yield from _unwritable(Path(disk.path), disk.key)
    except errors.SecondsiteError as problem:
        yield _obstacle(f"The old disk {disk.key} cannot be read: {problem.message}", ALTERNATE)


def _unwritable(path: Path, key: str) -> Iterator[ObstacleShape]:
    """An old disk must be writable: the replica's oldest point is merged into it, and so is a machine that
    has come home."""
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        yield _obstacle(
            (
                f"The old disk {key} ({path}) cannot be written by the appliance: its file system is "
                "read-only, or its rights do not let it."
            ),
            (
                "Correct that there; or reprotect to an alternate location, which copies everything: "
                "'--location alternate'."
            ),
        )


def _cannot_run(
    context: Context, payload: CheckTarget, definition: MachineDefinition, tried: list[float]
) -> Iterator[ObstacleShape]:
    """Why this host cannot run the machine; a start is tried if nothing else is in the way."""
    found = context.fabric.hosting.check(definition, payload.sizing)
    yield from map(_shape, found)
    if not any(each.blocking for each in found):
        seconds, more = starts.start(context, payload, definition)
        yield from map(_shape, more)
        tried += [] if seconds is None else [seconds]


def _made_anew(context: Context, payload: CheckTarget, tried: list[float]) -> Iterator[ObstacleShape]:
    """Why this host could not run a machine that comes home while nothing but its replica is here: this may
    be a new host."""
    hosted = context.parts.host.find(context.machine_id)
    if hosted is None or payload.home is None or payload.definition is not None:
        return
    if network_checks.left_at_home(context, payload.home) is None:
        yield from _cannot_run(context, payload, hosted.setup.definition, tried)


def _copy(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """A failed-over copy that the vault does not know of: it may be production, and the verb would remove
    it."""
    hosted = context.parts.host.find(context.machine_id) if payload.no_copy else None
    if hosted is None or not hosted.failed_over:
        return
    stands_on = _copy_on(context)
    if stands_on is None or stands_on != payload.but_on:
        name = hosted.setup.machine_name
        yield _obstacle(
            f"{name} was failed over to this site already, and its copy is here.",
            f"If that copy is the machine that you need, take it over: '{runs.take_over(context, hosted)}'.",
        )


def _copy_on(context: Context) -> CopyInstant | None:
    hosted = context.parts.host.find(context.machine_id) if context.order.machine_id else None
    run = None if hosted is None else hosted.replica.state.run(FAILOVER)
    return None if run is None else CopyInstant(point_id=run.point_id, through_seq=run.through_seq)


def _too_large(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """What was set for the machine is more than the host has. More memory would make the start fail, or take
    other machines' memory; more vCPUs only make it slow."""
    wanted, name = payload.sizing, payload.name
    if not wanted.lays_out:
        return
    has, free = context.fabric.hosting.capacity(), _free_memory(context, payload)
    less = "Set less, or take it back: 'secondsite machine set MACHINE --as-at-home memory'."
    fewer = "Set fewer, or take it back: 'secondsite machine set MACHINE --as-at-home vcpus'."
    if wanted.memory_bytes is not None and wanted.memory_bytes > has.memory_bytes:
        yield _obstacle(
            (
                f"{name} is to have {exact_size(wanted.memory_bytes)} of memory; the host here has "
                f"{size(has.memory_bytes)} in all."
            ),
            less,
        )
    elif wanted.memory_bytes is not None and wanted.memory_bytes > free:
        what = (
            f"{name} is to have {exact_size(wanted.memory_bytes)} of memory; the host here has {size(free)} "
            "free now."
        )
        yield ObstacleShape(what=what, do="Stop what is not needed there, or set less.", blocking=False)
    if wanted.vcpus is not None and wanted.vcpus > has.vcpus:
        what = (
            f"{name} is to have {counted(wanted.vcpus, 'vCPU')}; the host here has "
            f"{counted(has.vcpus, 'processor')}."
        )
        yield ObstacleShape(what=what, do=fewer, blocking=False)


def _too_little_memory(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """The host has too little memory for a machine that is to have as much as at home."""
    if payload.memory is None or payload.sizing.memory_bytes is not None:
        return
    has, needs, name = context.fabric.hosting.capacity(), payload.memory.memory_bytes, payload.name
    free = _free_memory(context, payload)
    if needs > has.memory_bytes:
        yield ObstacleShape(
            what=(
                f"{name} has {exact_size(needs)} of memory; the host here has {size(has.memory_bytes)} in "
                "all: it may not start."
            ),
            do="Set less: 'secondsite machine set MACHINE --memory 2GiB'.",
            blocking=payload.memory.blocking,
        )
    elif needs > free:
        yield ObstacleShape(
            what=f"{name} has {exact_size(needs)} of memory; the host here has {size(free)} free now.",
            do="Stop what is not needed there, or set less ('secondsite machine set MACHINE --memory 2GiB').",
            blocking=False,
        )


def _free_memory(context: Context, payload: CheckTarget) -> int:
    """Free bytes of memory, including those of the machine's own copy here, which ends before another one
    starts in its place."""
    free = context.fabric.hosting.capacity().free_bytes
    found = context.fabric.inventory.get(payload.fabric_id) if payload.fabric_id is not None else None
    if found is None or found.tag != context.order.machine_id or found.power is not PowerState.RUNNING:
        return free
    return free + (found.definition.memory_bytes or 0)


def _unknown_cpu_model(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """The CPU model that is set is unknown to this host: the start would fail."""
    wanted = payload.sizing.cpu_model
    if wanted is None:
        return
    known = context.fabric.hosting.cpu_models()
    if wanted not in known:
        yield ObstacleShape(
            what=(
                f"{payload.name or 'The machine'} is to have CPU model '{wanted}'; the host here has "
                f"{', '.join(sorted(known))}."
            ),
            do="Set one of these, or take it back: 'secondsite machine set MACHINE --as-at-home cpu-model'.",
            about="cpu_model",
        )


def _taken(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """Machines here that are in the way of one of this name and id."""
    if payload.name is None:
        return
    ours = context.order.machine_id  # None before it is protected: then nothing here is its own
    for found in context.fabric.inventory.list():
        if found.fabric_id == payload.fabric_id and (ours is None or found.tag != ours):
            on = " It is on." if found.power.is_on else ""
            yield _obstacle(
                (
                    f"Another machine at this site has the id {found.fabric_id}, which {payload.name} will "
                    f"have here.{on}"
                ),
                _stood_on(context, payload, found)
                or (
                    "If it is the machine that you need, protect it from here; else shut it down and remove "
                    "it."
                ),
            )
        elif found.fabric_id == payload.fabric_id and _is_an_old_copy(context, payload, found):
            yield _obstacle(
                f"An old copy of {payload.name}, on disks of its own, is defined at this site again.",
                (
                    "Shut it down there if it runs, and remove its definition; its disks can stay. Save "
                    "first what it may hold that you need."
                ),
            )
        elif found.fabric_id != payload.fabric_id and found.name == payload.name:
            yield _obstacle(
                (
                    f"Another machine at this site has the name '{found.name}', which {payload.name} will "
                    "have here."
                ),
                _stood_on(context, payload, found) or _rid_of(context, found),
            )


def _stood_on(context: Context, payload: CheckTarget, found: MachineSummary) -> str:
    """What to do about a machine that was withdrawn here and is defined again, or that stands on its
    disks."""
    hosted = context.parts.host.find(context.order.machine_id or "")
    left = None if hosted is None else second_copies.watch.left_for(context.state, hosted)
    if left is None:
        definition = withdrawn_definitions.recall(context.state, payload.fabric_id or "")
        left = None if definition is None else _not_stood_on(payload, definition)
    seen = None if left is None else second_copies.copies.seen(context.fabric, found)
    copy = None if left is None or seen is None else second_copies.copies.of(seen, left)
    return "" if copy is None else second_copies.advice.what_to_do(copy)


def _not_stood_on(
    payload: CheckTarget, definition: MachineDefinition
) -> second_copies.copies.WithdrawnMachine:
    disks = (payload.replica.disks if payload.replica else ()) or [each.key for each in definition.disks]
    return second_copies.copies.left(definition, disks, stood_on=False, own=None)


def _is_an_old_copy(context: Context, payload: CheckTarget, found: MachineSummary) -> bool:
    """Whether it is the machine's old copy: it would make a start fail, after the machine at the other site
    was shut down. A reprotect withdraws it."""
    hosted = context.parts.host.find(context.machine_id)
    return hosted is not None and payload.replica is None and runs.is_an_old_copy(context, hosted, found)


def _rid_of(context: Context, namesake: MachineSummary) -> str:
    """What to do about a machine that has the name which another one is to have."""
    hosted = context.parts.host.find(namesake.tag or "")
    if hosted is not None and namesake.fabric_id in runs.of_drills(context):
        verb = f"secondsite machine cleanup-test-failover {shell.arguments(hosted.setup.machine_name)}"
        return f"It is the copy of a test failover of {hosted.setup.machine_name}: '{verb}' removes it."
    return (
        "Let it have another name here ('secondsite machine set MACHINE --target-name NAME'). Or rename "
        "that machine, or remove it, if it is not needed."
    )


def _seeds(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    found = []
    for wanted in payload.seeds:
        try:
            found.append(context.parts.seeds.look(wanted))
        except errors.SeedRefused as refused:
            yield _obstacle(f"The seed of disk {wanted.key} cannot be used: {refused.message}", refused.do)
    needed = sum(seed.stored_bytes for seed in found)
    free = _free_bytes(context, payload) if found else 0
    if free < needed:
        yield _obstacle(
            f"The seeds hold up to {size(needed)}; the store has {size(free)} free.",
            "Add space to the store: a seed is copied.",
        )


def _free_bytes(context: Context, payload: CheckTarget) -> int:
    """Free bytes of the store that the replica is to be kept in. A store that cannot be used is another
    obstacle."""
    with contextlib.suppress(errors.NotPossibleNow):
        return stores.choosing.chosen(
            context.parts.host.stores, context.order.machine_id, payload.keeping
        ).free_bytes()
    return 0


def _answer(found: list[ObstacleShape], fine: str) -> tuple[str, Obstacles]:
    blocking = sum(each.blocking for each in found)
    against, warnings = counted(blocking, "reason"), counted(len(found) - blocking, "warning")
    sentence = f"{against} not to go on, {warnings}" if found else fine
    return sentence, Obstacles(obstacles=tuple(found))


def _obstacle(what: str, do: str) -> ObstacleShape:
    return ObstacleShape(what=what, do=do)


def _shape(obstacle: Obstacle) -> ObstacleShape:
    return ObstacleShape(what=obstacle.what, do=obstacle.do, blocking=obstacle.blocking)
