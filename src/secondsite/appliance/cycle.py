"""One cycle of one machine: a frozen view, what changed since the acknowledged one, sent until it is durable there.

    dial the target > open the view > plan > note what may be touched > remember the attempt > send > ACK > remember
    > note what the target holds now > drop old checkpoints

A running machine that wrote nothing has no view opened, and keeps its checkpoint: see `idle`.
Killed at any instant, the next cycle builds on the same base under a new number and sends a superset: harmless.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ..datapath import sender
from ..datapath.channel import Connection
from ..datapath.nbd_disk import NbdDisk
from ..datapath.sender import DiskPlan
from ..domain import errors
from ..fabrics.interface import ChangeSession, Fabric, MachineSummary, PowerState, SessionRequest
from ..jobs import seams
from ..wire.machines import MachineDefinition
from ..wire.orders import CycleFact
from . import held_pages, idle, remembered, surroundings, sync_pass, take
from .config import ApplianceConfig
from .guard import Guard, Watch
from .idle import Idle
from .peers import Peers
from .source import Source
from .sync_pass import DiskFacts, DiskPart
from .take import Take, Wish

Told = Callable[[float, str], None]


def _nobody(_fraction: float, _sentence: str) -> None:
    """Nobody asked."""


log = structlog.get_logger(__name__)


class Cycles:
    """Runs cycles; the caller holds the source."""

    def __init__(self, config: ApplianceConfig, fabric: Fabric, peers: Peers, guard: Guard) -> None:
        self._config = config
        self._fabric = fabric
        self._peers = peers
        self._guard = guard

    def run(self, source: Source, wish: Wish, told: Told = _nobody) -> CycleFact | None:
        """One cycle, durable at the target; None when the wish allows idling and nothing changed.

        Raises domain or datapath errors; Interrupted when somebody needs the machine.
        """
        source.power = self._power(source)
        if wish.idle_ok and source.quiet_as is not None and self._looks(source) == source.quiet_as:
            source.quiet_at = datetime.now(UTC)
            return None
        with self.connect(source) as connection:
            found = surroundings.summary(self._fabric, source)
            request = self.request(source, wish, found)
            still = idle.look(self._fabric, source, request)
            if still is not None:
                return self._send_idle(source, connection, still, wish, found)
            view = self._fabric.tracking.open(request)
            return self.send(source, connection, view, wish, told)

    def connect(self, source: Source) -> Connection:
        """A connection to the target; raises datapath errors."""
        return self._peers.connect(source.setup.target_addresses, source.setup.target_appliance_id)

    def send(
        self, source: Source, connection: Connection, view: AbstractContextManager[ChangeSession], wish: Wish,
        told: Told = _nobody,
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
            raise surroundings.missing(source)
        return power

    def _looks(self, source: Source) -> object:
        """Times and sizes of the disk files of a machine that is off, and its firmware state; None when it runs or they
        can't be seen."""
        if source.power is not PowerState.OFF:
            return None
        found = self._fabric.inventory.get(source.setup.fabric_id)
        marks = _file_marks([disk.path for disk in found.definition.disks]) if found else None
        firmware = surroundings.firmware_state(self._fabric, source) or ()
        return None if marks is None else (marks, [file.record for file in firmware])

    def _send_idle(
        self, source: Source, connection: Connection, still: Idle, wish: Wish, found: MachineSummary
    ) -> CycleFact:
        """The instant of a machine that wrote nothing, over `connection`."""
        with ExitStack() as stack:
            watch = stack.enter_context(self._watched(source, connection, still.session))
            firmware = surroundings.firmware_state(self._fabric, source)
            taken = Take(source, still.session, still.parts, firmware, wish)
            definition = found.definition if taken.has_point else None
            fact = self._deliver(connection, taken, definition, still.plans, watch)
        source.quiet_as = None
        return fact

    def _over(
        self,
        connection: Connection,
        source: Source,
        view: AbstractContextManager[ChangeSession],
        wish: Wish,
        told: Told,
    ) -> tuple[CycleFact | None, object]:
        """What was sent, and how the disk files of a machine that is off looked inside the view."""
        if source.choice is None:
            source.meet(self._peers.choice(source.setup.target_appliance_id))
        with ExitStack() as stack:
            session = stack.enter_context(view)
            seen = self._looks(source)
            watch = stack.enter_context(self._watched(source, connection, session))
            disks = [
                stack.enter_context(NbdDisk(disk.socket, disk.export, bitmaps=disk.bitmaps))
                for disk in session.disks
            ]
            _note_consistency(source, session, wish)
            parts = self._parts(source, session, wish)
            taken = Take(source, session, parts, surroundings.firmware_state(self._fabric, source), wish)
            plans = _plans(disks, parts)
            if wish.idle_ok and taken.is_nothing(plans):
                return None, seen
            definition = surroundings.summary(self._fabric, source).definition if taken.has_point else None
            return self._deliver(connection, taken, definition, plans, watch, told), seen

    def _watched(
        self, source: Source, connection: Connection, session: ChangeSession
    ) -> AbstractContextManager[Watch]:
        config = self._config
        watch = Watch(
            connection, session, config.scratch, config.scratch_budget_bytes, config.cycle_deadline_seconds,
            source.interrupt,
        )  # fmt: skip
        return self._guard.over(watch)

    def _deliver(
        self, connection: Connection, taken: Take, definition: MachineDefinition | None,
        plans: Sequence[DiskPlan], watch: Watch, told: Told = _nobody,
    ) -> CycleFact:  # fmt: skip
        """Send what was taken; on record here, and durable there, when this returns."""
        source, parts = taken.source, taken.parts
        header = taken.header(source.progress.next_seq, definition)
        sizes = {disk.key: disk.size_bytes for disk in header.disks}
        with held_pages.over(self._config.home, source, sizes) as held:
            held.begin(header.seq, parts, {plan.key: [*plan.changed, *plan.compare] for plan in plans})
            plans = [replace(plan, known=held.of(plan.key)) for plan in plans]
            remembered.attempt(source, parts, header.seq)
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
                raise remembered.number_taken(source, taken.session)
            seams.reach("appliance.cycle.acknowledged")
            remembered.acknowledge(taken, header, result)
            held.commit()
        seams.reach("appliance.cycle.remembered")
        return take.fact(header, taken.session, result)

    def request(self, source: Source, wish: Wish, found: MachineSummary | None = None) -> SessionRequest:
        """The view that the next cycle needs; `found` is the machine, if it was looked for already."""
        setup, progress = source.setup, source.progress
        return SessionRequest(
            fabric_id=setup.fabric_id,
            disks=surroundings.present_disks(source, found or surroundings.summary(self._fabric, source)),
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


@contextmanager
def _instant(how: str) -> Iterator[None]:
    """Around the act that fixes the view: what dies here may leave the guest frozen."""
    seams.reach(f"appliance.cycle.{how}")
    yield


def _file_marks(paths: Sequence[str]) -> object:
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


def _teller(plans: Sequence[DiskPlan], told: Told) -> Callable[[int], None]:
    whole = sum(each.length for plan in plans for each in (*plan.changed, *plan.compare)) or 1
    return lambda done: told(min(1.0, done / whole), f"sent {done} of {whole} bytes")
