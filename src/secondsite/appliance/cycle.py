"""One cycle of one machine: a frozen view, what changed since the acknowledged one, sent until it is durable there.

    dial the target > open the view > plan > note what may be touched > remember the attempt > send > ACK > remember
    > note what the target holds now > drop old checkpoints

Killed at any instant, the next cycle builds on the same base under a new number and sends a superset: harmless.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ..datapath import sender
from ..datapath.channel import Connection
from ..datapath.cycle_file import CycleDisk, CycleHeader
from ..datapath.errors import PeerRefused
from ..datapath.nbd_disk import NbdDisk
from ..datapath.sender import CycleResult, DiskPlan
from ..domain import errors, points
from ..fabrics.interface import ChangeSession, Fabric, PowerState, SessionRequest
from ..jobs import seams
from ..wire.orders import CycleFact
from . import held_pages, sync_pass
from .config import ApplianceConfig
from .guard import Guard, Watch
from .peers import Peers
from .progress import DiskPass, Progress
from .source import Source
from .sync_pass import DiskFacts, DiskPart

Told = Callable[[float, str], None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a cycle is asked for. `point`: seal one, if no pass is left open. `whole`: finish all passes.
    `pause`: the loop stays paused afterwards. `idle_ok`: send nothing if nothing changed while the machine is off.
    `set_id`: the set of common points that the point belongs to; `reason`: why it belongs to none though it was to."""

    point: bool = False
    app_consistent: bool = False
    whole: bool = False
    pause: bool = False
    idle_ok: bool = False
    set_id: str | None = None
    reason: str | None = None


class Cycles:
    """Runs cycles; the caller holds the source."""

    def __init__(self, config: ApplianceConfig, fabric: Fabric, peers: Peers, guard: Guard) -> None:
        self._config = config
        self._fabric = fabric
        self._peers = peers
        self._guard = guard

    def run(
        self, source: Source, wish: Wish, told: Told = lambda _fraction, _sentence: None
    ) -> CycleFact | None:
        """One cycle, durable at the target; None when the wish allows idling and nothing changed.

        Raises domain or datapath errors; Interrupted when somebody needs the machine.
        """
        source.power = self._power(source)
        if wish.idle_ok and source.quiet_as is not None and self._looks(source) == source.quiet_as:
            source.quiet_at = datetime.now(UTC)
            return None
        with self.connect(source) as connection:
            view = self._fabric.tracking.open(self.request(source, wish))
            return self.send(source, connection, view, wish, told)

    def connect(self, source: Source) -> Connection:
        """A connection to the target; raises datapath errors."""
        return self._peers.connect(source.setup.target_addresses, source.setup.target_appliance_id)

    def send(
        self, source: Source, connection: Connection, view: AbstractContextManager[ChangeSession], wish: Wish,
        told: Told = lambda _fraction, _sentence: None,
    ) -> CycleFact | None:  # fmt: skip
        """What `view` gives, made with `request`, over `connection`; as `run` otherwise."""
        fact, seen = self._over(connection, source, view, wish, told)
        untouched = seen is not None and seen == self._looks(source)
        self._tidy(source)
        # dropping checkpoints writes to the files, so they are looked at again after it
        source.quiet_as = self._looks(source) if untouched and not source.progress.passes else None
        source.quiet_at = datetime.now(UTC)
        return fact

    def _tidy(self, source: Source) -> None:
        """Drop the checkpoints before the acknowledged one; what fails here is done again after the next cycle."""
        try:
            self._fabric.tracking.acknowledge(source.setup.fabric_id, source.progress.base)
        except errors.SecondsiteError as error:
            log.warning("cycle.acknowledge", machine=source.machine_id, problem=error.message)

    def _power(self, source: Source) -> PowerState:
        power = self._fabric.power.state(source.setup.fabric_id)
        if power is PowerState.MISSING:
            raise errors.NotFound(
                f"The hypervisor no longer knows {source}.",
                do="Define the machine again, or disable its protection.",
            )
        return power

    def _looks(self, source: Source) -> object:
        """Times and sizes of the disk files of a machine that is off; None when it runs or they can't be seen."""
        if source.power is not PowerState.OFF:
            return None
        found = self._fabric.inventory.get(source.setup.fabric_id)
        return file_marks([disk.path for disk in found.definition.disks]) if found else None

    def _over(
        self,
        connection: Connection,
        source: Source,
        view: AbstractContextManager[ChangeSession],
        wish: Wish,
        told: Told,
    ) -> tuple[CycleFact | None, object]:
        """What was sent, and how the disk files of a machine that is off looked inside the view."""
        seq = source.progress.next_seq
        with ExitStack() as stack:
            session = stack.enter_context(view)
            seen = self._looks(source)
            watch = Watch(
                connection, session, self._config.scratch, self._config.scratch_budget_bytes,
                self._config.cycle_deadline_seconds, source.interrupt,
            )  # fmt: skip
            stack.enter_context(self._guard.over(watch))
            disks = [
                stack.enter_context(NbdDisk(disk.socket, disk.export, bitmaps=disk.bitmaps))
                for disk in session.disks
            ]
            _note_consistency(source, session, wish)
            parts = self._parts(source, session, wish)
            plans = _plans(disks, parts)
            if wish.idle_ok and _nothing(session, source.progress, plans, parts):
                return None, seen
            header = self._header(source, session, parts, seq, wish)
            sizes = {disk.key: disk.size_bytes for disk in session.disks}
            held = stack.enter_context(held_pages.over(self._config.home, source, sizes))
            held.begin(seq, parts, {plan.key: [*plan.changed, *plan.compare] for plan in plans})
            plans = [replace(plan, known=held.of(plan.key)) for plan in plans]
            self._attempt(source, parts, seq)
            result = sender.send_cycle(
                connection,
                header,
                plans,
                cancelled=watch.cancelled,
                choice=source.choice,
                delta=all(part.mode is None for part in parts),
                progress=_teller(plans, told),
            )
            if result.already:
                raise _number_taken(source, session)
            seams.reach("appliance.cycle.acknowledged")
            source.save(_acknowledged(source.progress, session, parts, header, result, wish))
            held.commit()
        seams.reach("appliance.cycle.remembered")
        return _fact(header, session, result), seen

    def request(self, source: Source, wish: Wish) -> SessionRequest:
        """The view that the next cycle needs."""
        setup, progress = source.setup, source.progress
        return SessionRequest(
            fabric_id=setup.fabric_id,
            disks=setup.disks,
            base=progress.base,
            new_checkpoint=f"secondsite-{setup.epoch}-{progress.next_seq}-{secrets.token_hex(2)}",
            scratch_dir=self._config.scratch,
            app_consistent=wish.app_consistent,
            instant=lambda: _instant("frozen" if wish.app_consistent else "still"),
        )

    def _parts(self, source: Source, session: ChangeSession, wish: Wish) -> list[DiskPart]:
        progress = source.progress
        slice_bytes = min(source.slice_bytes, self._config.slice_bytes)
        # without a checkpoint there is no next view that could go on from here, and no guest that waits for us
        whole = wish.whole or session.checkpoint is None
        parts = []
        for disk in session.disks:
            facts = DiskFacts(disk.key, disk.size_bytes, bool(disk.bitmaps))
            at = sync_pass.begin(facts, progress.passes.get(disk.key), progress.base is not None)
            parts.append(sync_pass.part(facts, at, None if whole else slice_bytes))
        return parts

    def _attempt(self, source: Source, parts: Sequence[DiskPart], seq: int) -> None:
        """Before the first byte leaves: this number is used, and so much may reach the replica."""
        known = source.progress.passes
        # a lost base makes the known positions worthless, also if this cycle never arrives
        passes = {part.key: _begun(part, known.get(part.key)) for part in parts if part.mode is not None}
        lost = [key for key in passes if key not in known or known[key].mode is not passes[key].mode]
        resynchronizing = source.progress.resynchronizing or bool(lost)
        if resynchronizing:
            what = (
                f"The change bitmap of {', '.join(lost)} is not usable"
                if lost
                else "A comparison of all blocks runs"
            )
            source.findings.add("resynchronizing", f"{what}; only blocks that differ are sent.")
        source.change(next_seq=seq + 1, passes={**known, **passes}, resynchronizing=resynchronizing)
        seams.reach("appliance.cycle.attempted")

    def _header(
        self, source: Source, session: ChangeSession, parts: Sequence[DiskPart], seq: int, wish: Wish
    ) -> CycleHeader:
        open_passes = [part for part in parts if part.after is not None]
        finishes = any(part.mode is not None for part in parts) and not open_passes
        sync = {part.key: part.after.position for part in open_passes if part.after} or None
        wanted = wish.point or session.checkpoint is None
        point = self._point(source, session, seq, wish) if finishes or (wanted and not open_passes) else None
        return CycleHeader(
            machine_id=source.machine_id,
            epoch=source.setup.epoch,
            seq=seq,
            base_seq=source.progress.last_seq,
            taken_at=session.taken_at.isoformat(),
            disks=tuple(CycleDisk(disk.key, disk.size_bytes) for disk in session.disks),
            point=point,
            sync=sync,
        )

    def _point(self, source: Source, session: ChangeSession, seq: int, wish: Wish) -> dict[str, object]:
        found = self._fabric.inventory.get(source.setup.fabric_id)
        if found is None:
            raise errors.NotFound(
                f"The hypervisor no longer knows {source}.",
                do="Define the machine again, or disable its protection.",
            )
        kept = tuple(disk for disk in found.definition.disks if disk.key in source.setup.disks)
        return {
            "point_id": points.point_id(session.taken_at, source.setup.epoch, seq),
            "consistency": session.consistency,
            "reason": " ".join(filter(None, (session.reason, wish.reason))) or None,
            "definition": found.definition.model_copy(update={"disks": kept}).model_dump(mode="json"),
            "machine_name": source.setup.machine_name,
            "set_id": wish.set_id,
        }


@contextmanager
def _instant(how: str) -> Iterator[None]:
    """Around the act that fixes the view: what dies here may leave the guest frozen."""
    seams.reach(f"appliance.cycle.{how}")
    yield


def _number_taken(source: Source, session: ChangeSession) -> PeerRefused:
    """The target has a cycle of this number. We repeat no take, so it is of a time that we have no record of: go on
    with numbers that no such time can have reached, and compare."""
    source.change(next_seq=max(source.progress.next_seq, int(session.taken_at.timestamp())))
    return PeerRefused(
        f"The target has cycles of {source} that this appliance knows nothing of.",
        do="Nothing: all blocks are compared, and those that differ are sent.",
        code="out-of-order",
    )


def _begun(part: DiskPart, known: DiskPass | None) -> DiskPass:
    assert part.mode is not None
    return DiskPass(
        mode=part.mode,
        position=min(known.position, part.slice_start) if known else part.slice_start,
        attempted=max(part.attempted, known.attempted if known else 0),
        size_bytes=part.size_bytes,
    )


def file_marks(paths: Sequence[str]) -> object:
    """What changes when one of the files is written; None if one of them can't be seen from here."""
    try:
        seen = [Path(path).stat() for path in paths if path]
    except OSError:
        return None
    return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in seen) if seen else None


def _note_consistency(source: Source, session: ChangeSession, wish: Wish) -> None:
    if wish.app_consistent and session.consistency != "app":
        source.findings.add("app-consistency-degraded", session.reason or "The guest did not freeze.")
    elif wish.app_consistent:
        source.findings.clear("app-consistency-degraded")


def _plans(disks: Sequence[NbdDisk], parts: Sequence[DiskPart]) -> list[DiskPlan]:
    plans = []
    for disk, part in zip(disks, parts, strict=True):
        changed, compare = sync_pass.to_send(part, disk.dirty, disk.allocation)
        plans.append(DiskPlan(disk, part.key, changed, compare))
    return plans


def _nothing(
    session: ChangeSession, progress: Progress, plans: Sequence[DiskPlan], parts: Sequence[DiskPart]
) -> bool:
    """Whether a machine that is off has nothing that the newest point does not have."""
    sealed = progress.point_at is not None and progress.point_at == progress.taken_at
    busy = any(plan.changed or plan.compare for plan in plans) or any(part.mode for part in parts)
    return session.checkpoint is None and sealed and not busy


def _teller(plans: Sequence[DiskPlan], told: Told) -> Callable[[int], None]:
    whole = sum(each.length for plan in plans for each in (*plan.changed, *plan.compare)) or 1
    return lambda done: told(min(1.0, done / whole), f"sent {done} of {whole} bytes")


def _acknowledged(
    progress: Progress, session: ChangeSession, parts: Sequence[DiskPart], header: CycleHeader, result: CycleResult,
    wish: Wish,
) -> Progress:  # fmt: skip
    """The progress once the target has the cycle."""
    sealed = header.point is not None
    passes = {part.key: part.after for part in parts if part.after is not None}
    changes: dict[str, object] = {
        "last_seq": header.seq,
        "base": session.checkpoint or progress.base,
        "taken_at": session.taken_at,
        "passes": passes,
        "resynchronizing": bool(passes) and progress.resynchronizing,
        "last_cycle_seconds": result.seconds,
        "last_cycle_changed_bytes": result.changed_bytes,
        "last_cycle_wire_bytes": result.wire_bytes,
        "total_wire_bytes": progress.total_wire_bytes + result.wire_bytes,
    }
    if sealed:
        changes["point_at"] = session.taken_at
    if wish.app_consistent:
        changes["app_point_at"] = session.taken_at
    if wish.pause:
        changes["paused"] = True
    return progress.model_copy(update=changes)


def _fact(header: CycleHeader, session: ChangeSession, result: CycleResult) -> CycleFact:
    return CycleFact(
        epoch=header.epoch,
        seq=header.seq,
        point_id=header.point["point_id"] if header.point else None,
        taken_at=session.taken_at,
        changed_bytes=result.changed_bytes,
        wire_bytes=result.wire_bytes,
        seconds=result.seconds,
    )
