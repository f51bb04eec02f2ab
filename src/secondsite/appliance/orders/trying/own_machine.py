"""A tiny machine of the appliance's own that is started, viewed and removed: a host on which nothing would
start says so before any machine is protected. It is tried once after the enrolment, again while it fails, and
whenever somebody asks."""

import contextlib
import time
import uuid
from collections.abc import Callable

import structlog

from ....domain import errors
from ....fabrics.interface import Obstacle, StartTrial
from ....ground.periodic import Periodic
from ....ground.units import MiB
from ....wire.common.machines import DiskDefinition, MachineDefinition
from ....wire.control.checks import HostCheckFact, ObstacleShape
from ....wire.control.orders import Nothing
from ..context import ApplianceParts, Context

AGAIN_SECONDS = 300.0
FACT = "host-trial"
DISK = "vda"
TINY = MachineDefinition(
    fabric_id=str(uuid.uuid5(uuid.NAMESPACE_OID, FACT)),
    name="secondsite-trial",
    fabric_kind="",
    vcpus=1,
    memory_bytes=64 * MiB,
    disks=(DiskDefinition(key=DISK, size_bytes=MiB),),
)
NO_VETO = ObstacleShape(
    what=(
        "Nothing here keeps a machine that was failed over from being started, by its owner or by libvirt: a "
        "machine on trial started although its start was forbidden."
    ),
    do=(
        "Put the start hook into /etc/libvirt/hooks/qemu.d on this host, and let libvirt read it: 'apt "
        "install --reinstall -o DPkg::Options::=--force-confmiss secondsite-appliance && systemctl "
        "try-restart libvirtd virtqemud'; or 'deploy/install appliance', if it came from a checkout."
    ),
    blocking=False,
)
log = structlog.get_logger(__name__)


def check_host(context: Context, _: Nothing) -> tuple[str, HostCheckFact]:
    """Try it now; what a failure says stays in the appliance's notes until a later try succeeds."""
    if not context.fabric.properties.hosts:
        return "no machine runs at this host: nothing was tried", HostCheckFact()
    found = _keep(context.parts, _tried(context.parts))
    return notes(found)[0] if found.obstacles else "a machine starts here, and can be viewed", found


def notes(found: HostCheckFact) -> tuple[str, ...]:
    """What a trial found, as sentences for people."""
    return tuple(f"{each.what} {each.do}" for each in found.obstacles)


def _blocking(found: HostCheckFact) -> bool:
    return any(each.blocking for each in found.obstacles)


class HostTrial(Periodic):
    """Tries it until it has succeeded once, with a pause; what is only a warning, at the next start."""

    def __init__(self, parts: ApplianceParts, changed: Callable[[], None]) -> None:
        """`changed` is called when the notes are others than before."""
        super().__init__("host-trial", lambda error: log.error("host.not-tried", exc_info=error))
        self._parts, self._changed = parts, changed
        self._pause_seconds = 0.0
        self._told = self.notes
        self._is_first = True

    @property
    def notes(self) -> tuple[str, ...]:
        known = _known(self._parts)
        return notes(known) if known is not None else ()

    def pause_seconds(self) -> float:
        return self._pause_seconds

    def look(self) -> None:
        self._pause_seconds = AGAIN_SECONDS
        known = _known(self._parts)
        if known is None or (known.obstacles if self._is_first else _blocking(known)):
            found = _keep(self._parts, _tried(self._parts))
            log.info("host.tried", notes=notes(found), start=found.start_seconds, view=found.view_seconds)
        self._is_first = False
        if self.notes != self._told:
            self._told = self.notes
            self._changed()


def _known(parts: ApplianceParts) -> HostCheckFact | None:
    kept = parts.state.fact(FACT)
    return None if kept is None else HostCheckFact.model_validate_json(kept)


def _keep(parts: ApplianceParts, found: HostCheckFact) -> HostCheckFact:
    parts.state.put_fact(FACT, found.model_dump_json())
    return found


def _tried(parts: ApplianceParts) -> HostCheckFact:
    """What came of one try."""
    store, began = parts.host.stores.default, time.monotonic()
    viewed: list[float] = []
    unseen: list[Obstacle] = []
    trial = StartTrial(TINY, folder=store.trial if store.folder.is_dir() else None)

    def meanwhile(fabric_id: str) -> None:
        try:
            viewed.append(parts.replication.view_trials.run(fabric_id, (DISK,)))
        except errors.SecondsiteError as problem:
            late = isinstance(problem, errors.DeadlineExceeded | errors.NotPossibleNow)
            what = f"No view of it could be opened: {problem.message}"
            unseen.append(Obstacle(what, problem.do, blocking=not late))

    try:
        found = [*parts.fabric.hosting.check(TINY)]
        found += parts.fabric.hosting.try_start(trial, meanwhile) if trial.folder else ()
    except errors.SecondsiteError as problem:
        found = [Obstacle(f"It could not be started: {problem.message}", problem.do)]
    seconds = time.monotonic() - began - sum(viewed)
    in_the_way = tuple(
        ObstacleShape(what=f"A machine on trial: {each.what}", do=each.do)
        for each in (*found, *unseen)
        if each.blocking
    )
    return HostCheckFact(
        obstacles=in_the_way or _without_veto(parts),
        start_seconds=None if in_the_way else seconds,
        view_seconds=viewed[0] if viewed else None,
    )


def _without_veto(parts: ApplianceParts) -> tuple[ObstacleShape, ...]:
    """A warning if a machine starts here that nobody may start: seen by starting one, since a hook's
    file that is there may be one that libvirt has not read."""
    with contextlib.suppress(errors.SecondsiteError):  # it started a moment ago; what that says is no veto's
        if not parts.fabric.hosting.try_start(StartTrial(TINY, start_forbidden=True)):
            return (NO_VETO,)
    return ()
