"""The cheap, complete checks before a verb begins: every reason at once, each with what to do."""

import time
from collections.abc import Iterator

from ...datapath import errors as datapath_errors
from ...domain import errors
from ...domain.units import GiB
from ...fabrics.interface import Obstacle
from ...wire.checks import CheckSource, CheckTarget, Obstacles, ObstacleShape
from ..custody import GIVE_ONE
from .context import Context

PEER_SECONDS = 3.0
PEER_PATIENCE_SECONDS = 15.0
PEER_PAUSE_SECONDS = 0.3


def check_source(context: Context, payload: CheckSource) -> tuple[str, Obstacles]:
    return _answer(list(_of_source(context, payload)), "this machine can be replicated from here")


def check_target(context: Context, payload: CheckTarget) -> tuple[str, Obstacles]:
    return _answer(list(_of_target(context, payload)), "this site can hold and run it")


def _of_source(context: Context, payload: CheckSource) -> Iterator[ObstacleShape]:
    if context.fabric.inventory.get(payload.fabric_id) is None:
        yield _obstacle(
            f"The site has no machine {payload.fabric_id}.", "Discover the site again, or define the machine."
        )
    else:
        found = context.fabric.tracking.check(payload.fabric_id)
        concerned = (None, *payload.disks) if payload.disks else {each.disk for each in found}
        yield from (_shape(each) for each in found if each.disk in concerned)
    if payload.peer_addresses:
        yield from _unreachable(context, payload.peer_addresses)


def _unreachable(context: Context, addresses: tuple[str, ...]) -> Iterator[ObstacleShape]:
    """One data address that answers with a certificate of our CA is enough."""
    try:
        _reach(context, addresses)
    except (datapath_errors.DatapathError, errors.SecondsiteError) as problem:
        where = ", ".join(addresses)
        yield _obstacle(f"The target's data port ({where}) cannot be used: {problem.message}", problem.do)


def _reach(context: Context, addresses: tuple[str, ...]) -> None:
    """A peer that is being started again at this moment is no reason not to go on: it gets a while."""
    deadline = time.monotonic() + min(PEER_PATIENCE_SECONDS, context.left_seconds())
    while True:
        try:
            context.parts.peers.connect(addresses, None, PEER_SECONDS).close()
            return
        except datapath_errors.PeerUnreachable:
            if time.monotonic() > deadline:
                raise
        time.sleep(PEER_PAUSE_SECONDS)


def _of_target(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    if payload.definition is not None:
        yield from map(_shape, context.fabric.hosting.check(payload.definition))
    known = {network.name for network in context.fabric.networks.list()} if payload.networks else set()
    for name in payload.networks:
        if name not in known:
            yield _obstacle(f"There is no network '{name}' here.", "Create it, or map to one that exists.")
    free = context.parts.host.free_bytes()
    if free < payload.needed_bytes:
        yield _obstacle(
            f"The store has {free / GiB:.1f} GiB free, {payload.needed_bytes / GiB:.1f} GiB may be needed.",
            "Add space to the store, or shorten the retention of other machines.",
        )
    yield from _seeds(context, payload)
    if payload.encrypted and context.parts.host.custody.key is None:
        yield _obstacle(f"This site cannot encrypt: {context.parts.host.custody.why_not}.", GIVE_ONE)
    if payload.must_hold_replica and context.parts.host.find(context.machine_id) is None:
        yield _obstacle(
            f"There is no replica of machine {context.machine_id} here.", "Enable protection first."
        )


def _seeds(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    found = []
    for wanted in payload.seeds:
        try:
            found.append(context.parts.seeds.look(wanted))
        except errors.SeedRefused as refused:
            yield _obstacle(f"The seed of disk {wanted.key} cannot be used: {refused.message}", refused.do)
    needed, free = sum(seed.stored_bytes for seed in found), context.parts.host.free_bytes()
    if free < needed:
        yield _obstacle(
            f"The store has {free / GiB:.1f} GiB free, the seeds hold up to {needed / GiB:.1f} GiB.",
            "Add space to the store: a seed is copied.",
        )


def _answer(found: list[ObstacleShape], fine: str) -> tuple[str, Obstacles]:
    blocking = sum(each.blocking for each in found)
    sentence = f"{blocking} reasons not to go on, {len(found) - blocking} warnings" if found else fine
    return sentence, Obstacles(obstacles=tuple(found))


def _obstacle(what: str, do: str) -> ObstacleShape:
    return ObstacleShape(what=what, do=do)


def _shape(obstacle: Obstacle) -> ObstacleShape:
    return ObstacleShape(what=obstacle.what, do=obstacle.do, blocking=obstacle.blocking)
