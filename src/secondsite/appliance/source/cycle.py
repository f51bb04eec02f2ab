"""One cycle of one machine: send what changed since the acknowledged one, from a frozen view, until it is
durable at the target.

    end what is left over > dial the target > offer > open the view > plan > note what may be touched >
    remember the attempt > send > ACK > remember > note what the target has now > drop old checkpoints

A running machine that wrote nothing has no view opened, and keeps its checkpoint: see `idle`. After a crash
the next cycle builds on the same base under a new number. It sends a superset, which is harmless; what the
lost one may have brought and the bitmap no longer marks, because an older image was put back, is compared.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ...datapath import extents, transfer
from ...datapath.channel import Connection, TokenBucket
from ...datapath.disks import same_files
from ...datapath.errors import PeerRefused
from ...datapath.transfer import DiskPlan
from ...fabrics import file_looks
from ...fabrics.interface import ChangeSession, Fabric, MachineSummary, PowerState, SessionRequest
from ...ground import seams
from ...wire.common.machines import DiskDefinition, MachineDefinition
from ...wire.common.sync_mode import SyncMode
from ...wire.control.orders import CycleFact
from ..shared import ApplianceConfig, HomeFull, Peers
from . import (
    acknowledge,
    cycle_plan,
    digest_cache,
    disks_and_firmware,
    idle,
    left_out_disks,
    leftover_views,
    slices,
)
from .cycle_guard import FULL, Guard, GuardedCycle
from .cycle_plan import CyclePlan, CycleRequest
from .idle import Idle
from .leftover_views import ViewedDisk
from .machine import Source
from .slices import DiskFacts, DiskPart

Told = Callable[[float, str], None]
ASKED_AGAIN_SECONDS = 60.0
COMPARE_BURST_SECONDS = 10.0
"""What is read in this time may be compared at full speed, so that small disks have their point at once."""
VIEW_MARGIN_SECONDS = 30.0
"""How long a view may outlast the deadline of its cycle before another process ends it."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The state of a machine that is off: times and sizes of its disk files, its firmware state, its
    definition."""

    files: object
    firmware: object
    definition: MachineDefinition


def _nobody(_fraction: float, _sentence: str) -> None:
    """For callers that want no progress."""


class Cycles:
    """Runs cycles; the caller has locked the source."""

    def __init__(self, config: ApplianceConfig, fabric: Fabric, peers: Peers, guard: Guard) -> None:
        self._config = config
        self._fabric = fabric
        self._peers = peers
        self._guard = guard
        self._compare_limit = TokenBucket(config.compare_rate, COMPARE_BURST_SECONDS)

    def run(self, source: Source, request: CycleRequest, told: Told = _nobody) -> CycleFact | None:
        """Run one cycle; it is durable at the target when this returns. None if the request allows idling and
        nothing changed.

        Raises domain or datapath errors; CycleInterrupted if an order needs the machine.
        """
        # Before anything is dialled: what a dead process left open costs the guest more with every write.
        leftover_views.settle(self._fabric, source)
        self._look_at_power(source)
        if (
            request.idle_ok
            and not source.fenced  # only the target's own word takes the fence down
            and not source.progress.doubtful
            and not source.progress.passes  # a refusal outside the loop began them
            and source.unchanged_fingerprint is not None
            and self._fingerprint(source) == source.unchanged_fingerprint
        ):
            self._ask_again(source, request)
            source.unchanged_at = datetime.now(UTC)
            return None
        with self.connect(source) as connection:
            found = disks_and_firmware.summary(self._fabric, source)
            view_request = self.view_request(source, request, found)
            still = idle.look(self._fabric, source, view_request)
            source.looked = time.monotonic()
            if still is not None:
                may_rest = request.idle_ok and not request.point
                if may_rest and idle.is_noted(self._fabric, source, connection, still):
                    return None
                try:
                    return self._send_idle(source, connection, still, request, found)
                except HomeFull:  # the target's word that the machine was failed over is heard all the same
                    self.offer(source, connection, view_request.disks)
                    raise
            self.offer(source, connection, view_request.disks)
            with leftover_views.attempt(self._fabric, source):
                return self.send(source, connection, self._fabric.tracking.open(view_request), request, told)

    def _ask_again(self, source: Source, request: CycleRequest) -> None:
        """Ask the target of a machine that is off, of which it has everything, once a minute whether that is
        still so: its store may have been put back, or be lost. Raises PeerRefused, and what `connect`
        raises."""
        if time.monotonic() - source.looked < ASKED_AGAIN_SECONDS:
            return
        found = disks_and_firmware.summary(self._fabric, source)
        with self.connect(source) as connection:
            try:
                self.offer(source, connection, self.view_request(source, request, found).disks)
            except PeerRefused:
                source.unchanged_fingerprint = None
                raise
        source.looked = time.monotonic()

    def connect(self, source: Source) -> AbstractContextManager[Connection]:
        """A connection to the target; raises datapath errors."""
        return self._peers.connected(source.setup.target_addresses, source.setup.target_appliance_id)

    def offer(self, source: Source, connection: Connection, disks: Sequence[str]) -> None:
        """Ask the target whether it would take the next cycle, before a view costs the guest anything. Raises
        PeerRefused."""
        now = datetime.now(UTC)
        header = cycle_plan.offered(source, disks, now)
        if transfer.offer(connection, header, parts=bool(source.progress.passes)):
            raise acknowledge.number_taken(source, now)

    def send(
        self, source: Source, connection: Connection, view: AbstractContextManager[ChangeSession],
        request: CycleRequest,
        told: Told = _nobody,
    ) -> CycleFact | None:  # fmt: skip
        """Send `view`, which was opened with `view_request`, over `connection`; otherwise as `run`."""
        fact, seen = self._over(connection, source, view, request, told)
        leftover_views.tidy_up(self._fabric, source)
        source.unchanged_fingerprint = self._left_at(source, seen)
        source.unchanged_at = datetime.now(UTC)
        if not source.progress.passes:
            source.compared()
        return fact

    def _left_at(self, source: Source, seen: Fingerprint | None) -> "Fingerprint | None":
        """The fingerprint of a machine that is off, if it is what the target has. Dropping checkpoints writes
        to the files, so it is taken afterwards; the bitmaps show whether the owner wrote anything meanwhile.
        `seen` is the fingerprint inside the view."""
        now = self._fingerprint(source)
        if seen is None or now is None or source.progress.passes:
            return None
        if (seen.firmware, seen.definition) != (now.firmware, now.definition):
            return None
        return now if idle.is_unwritten(self._fabric, source) else None

    def _look_at_power(self, source: Source) -> None:
        source.saw(self._fabric.power.state(source.setup.fabric_id))
        if source.power is PowerState.MISSING:
            raise disks_and_firmware.missing(source)
        if source.power is PowerState.ELSEWHERE:
            raise disks_and_firmware.elsewhere(source)

    def _fingerprint(self, source: Source) -> Fingerprint | None:
        """The machine's fingerprint; None if it runs or its files cannot be seen."""
        if source.power is not PowerState.OFF:
            return None
        found = self._fabric.inventory.get(source.setup.fabric_id)
        marks = _file_marks(found.definition.disks) if found else None
        firmware = disks_and_firmware.firmware_state(self._fabric, source) or ()
        if found is None or marks is None:
            return None
        return Fingerprint(marks, tuple(file.record for file in firmware), found.definition)

    def _send_idle(
        self,
        source: Source,
        connection: Connection,
        still: Idle,
        request: CycleRequest,
        found: MachineSummary,
    ) -> CycleFact:
        """Send the instant of a machine that wrote nothing over `connection`."""
        with ExitStack() as stack:
            guarded = stack.enter_context(self._guarded(source, connection, still.session))
            firmware = disks_and_firmware.firmware_state(self._fabric, source)
            plan = CyclePlan(source, still.session, still.parts, firmware, request)
            definition = self._described(source, plan, found)
            fact = self._deliver(connection, plan, definition, still.plans, guarded)
        source.unchanged_fingerprint = None
        return fact

    def _over(
        self,
        connection: Connection,
        source: Source,
        view: AbstractContextManager[ChangeSession],
        request: CycleRequest,
        told: Told,
    ) -> tuple[CycleFact | None, Fingerprint | None]:
        """Send the view; returns the cycle, and the fingerprint that a machine that is off had inside the
        view."""
        if source.choice is None:
            source.meet(self._peers.choice(source.setup.target_appliance_id))
        with ExitStack() as stack:
            session = stack.enter_context(view)
            source.view = session.how or source.view
            source.stood_still(session.pause_seconds)
            seen = self._fingerprint(source)
            guarded = stack.enter_context(self._guarded(source, connection, session))
            disks = stack.enter_context(leftover_views.read(session))
            _note_consistency(source, session, request)
            parts = self._parts(source, session, disks, zeros_cost=not connection.tells_what_it_holds)
            plan = CyclePlan(
                source, session, parts, disks_and_firmware.firmware_state(self._fabric, source), request
            )
            disk_plans = _plans(source, session, disks, parts)
            definition = self._described(source, plan)
            if request.idle_ok and plan.is_nothing(disk_plans, definition):
                return None, seen
            return self._deliver(connection, plan, definition, disk_plans, guarded, told), seen

    def _described(
        self, source: Source, plan: CyclePlan, found: MachineSummary | None = None
    ) -> MachineDefinition | None:
        """The machine as its next point describes it; None if there is to be none."""
        if not plan.has_point:
            return None
        known = found or disks_and_firmware.summary(self._fabric, source)
        return left_out_disks.described(self._fabric, source, known.definition)

    def _guarded(
        self, source: Source, connection: Connection, session: ChangeSession
    ) -> AbstractContextManager[GuardedCycle]:
        config = self._config
        guarded = GuardedCycle(
            connection, session, config.scratch, config.scratch_budget_bytes, config.cycle_deadline_seconds,
            source.interrupt,
        )  # fmt: skip
        return self._guard.over(guarded)

    def _deliver(
        self, connection: Connection, plan: CyclePlan, definition: MachineDefinition | None,
        disk_plans: Sequence[DiskPlan], guarded: GuardedCycle, told: Told = _nobody,
    ) -> CycleFact:  # fmt: skip
        """Send the plan's cycle; when this returns it is durable at the target and recorded here."""
        source, parts = plan.source, plan.parts
        header = plan.header(source.progress.next_seq, definition)
        sizes = {disk.key: disk.size_bytes for disk in header.disks}
        with digest_cache.over(self._config.home, source, sizes) as digests:
            digests.begin(
                header.seq, parts, {each.key: [*each.changed, *each.compare] for each in disk_plans}
            )
            disk_plans = [replace(each, known=digests.of(each.key)) for each in disk_plans]
            acknowledge.attempt(plan, disk_plans, header.seq)
            result = transfer.send_cycle(
                connection,
                header,
                disk_plans,
                cancelled=guarded.cancelled,
                choice=source.choice,
                delta=all(part.mode is None for part in parts),
                progress=_teller(source, parts, disk_plans, told),
                holds=guarded.holds,
                limit=TokenBucket() if plan.session.at_rest else self._compare_limit,
            )
            if result.already:
                raise acknowledge.number_taken(source, plan.session.taken_at)
            seams.reach("appliance.cycle.acknowledged")
            acknowledge.acknowledge(plan, header, result)
            digests.commit()
        seams.reach("appliance.cycle.remembered")
        return cycle_plan.fact(header, plan.session, result)

    def view_request(
        self, source: Source, request: CycleRequest, found: MachineSummary | None = None
    ) -> SessionRequest:
        """The request for the view of the next cycle; `found` is the machine, if it is known already."""
        setup, progress = source.setup, source.progress
        return SessionRequest(
            fabric_id=setup.fabric_id,
            disks=disks_and_firmware.present_disks(
                source, found or disks_and_firmware.summary(self._fabric, source)
            ),
            base=progress.base,
            new_checkpoint=f"secondsite-{setup.epoch}-{progress.next_seq}-{secrets.token_hex(2)}",
            scratch_dir=self._config.scratch,
            scratch_bytes=int(FULL * self._config.scratch_budget_bytes),
            app_consistent=request.app_consistent,
            beyond_changes=progress.base is None or bool(progress.passes or progress.doubtful),
            longest_seconds=self._config.cycle_deadline_seconds + VIEW_MARGIN_SECONDS,
            instant=lambda: _instant("frozen" if request.app_consistent else "still"),
        )

    def _parts(
        self, source: Source, session: ChangeSession, disks: Sequence[ViewedDisk], *, zeros_cost: bool
    ) -> list[DiskPart]:
        progress = source.progress
        slice_bytes = min(source.slice_bytes, self._config.slice_bytes)
        parts = []
        for disk, view in zip(session.disks, disks, strict=True):
            is_compared = disk.key in progress.passes
            if disk.while_comparing and not is_compared:
                source.compares_at_rest()
            tracked = bool(disk.bitmaps) and (is_compared or not disk.while_comparing)
            facts = DiskFacts(disk.key, disk.size_bytes, tracked)
            at = slices.begin(facts, progress.passes.get(disk.key), progress.base is not None)
            compares = at is not None and at.mode is SyncMode.COMPARE
            parts.append(
                slices.part(facts, at, slice_bytes, view.allocation, zeros_cost=zeros_cost and compares)
            )
        return parts


@contextmanager
def _instant(how: str) -> Iterator[None]:
    """Around the act that fixes the view; a crash here may leave the guest frozen."""
    seams.reach(f"appliance.cycle.{how}")
    yield


def _file_marks(disks: Sequence[DiskDefinition]) -> object:
    """Sizes and times of these disks' files and of those below; None if that cannot tell whether one was
    written."""
    looks = [file_looks.seen(same_files.files(disk.path, disk.format)) for disk in disks if disk.path]
    return looks if looks and all(map(file_looks.are_of_files, looks)) else None


def _note_consistency(source: Source, session: ChangeSession, request: CycleRequest) -> None:
    if request.app_consistent and session.consistency != "app":
        source.findings.add("app-consistency-degraded", session.reason or "The guest did not freeze.")
    elif request.app_consistent:
        source.findings.clear("app-consistency-degraded")


def _plans(
    source: Source, session: ChangeSession, disks: Sequence[ViewedDisk], parts: Sequence[DiskPart]
) -> list[DiskPlan]:
    disk_plans = []
    for told, disk, part in zip(session.disks, disks, parts, strict=True):
        changed, compare = slices.to_send(part, disk.dirty, disk.allocation)
        doubtful = slices.unmarked(part, acknowledge.doubtful(source, part.key), changed)
        compare = extents.union(compare, doubtful)
        disk_plans.append(DiskPlan(disk, part.key, changed, compare, digests=told.digests))
    return disk_plans


def _teller(
    source: Source, parts: Sequence[DiskPart], disk_plans: Sequence[DiskPlan], told: Told
) -> Callable[[int], None]:
    whole = sum(each.length for plan in disk_plans for each in (*plan.changed, *plan.compare)) or 1
    slices_bytes = sum(part.slice_end - part.slice_start for part in parts)

    def tell(done: int) -> None:
        fraction = min(1.0, done / whole)
        source.passed(int(fraction * slices_bytes))
        told(fraction, f"sent {done} of {whole} bytes")

    return tell
