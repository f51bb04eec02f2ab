"""Where tracking may miss a write, compares what no mark covers with what the target has, between cycles.

    ask the target what it has of some blocks > the platform compares > note how far, durably

It gives way to everything else. What differs is noted together with the order to compare all blocks, in one
transaction; whoever dies before finds it again."""

import functools
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from pydantic import TypeAdapter, ValidationError

from ...datapath import transfer
from ...datapath.channel import Connection
from ...datapath.errors import DatapathError
from ...datapath.extents import BLOCK_BYTES, Extent
from ...domain import errors
from ...domain.machines import rolling_scan
from ...domain.machines.rolling_scan import Moment, Portion, RollingScan
from ...fabrics.interface import ExpectedBlocks, Fabric, PowerState
from ...ground.plural import counted
from ...ground.units import MiB
from ..shared import ApplianceConfig, Peers, State
from . import cycle_plan
from . import progress as progresses
from .machine import Source
from .progress import MissedWrites

PREFIX = "rolling-scan/"
ASKED_BYTES = 8 * MiB
"""So much at once, so that nobody waits for long."""
AGAIN_SECONDS = 300.0
FINDING = "writes-missed"
SCAN = TypeAdapter(RollingScan)

log = structlog.get_logger(__name__)


class RollingScans:
    """Those of all machines. One of them goes on at a time."""

    def __init__(
        self, config: ApplianceConfig, fabric: Fabric, state: State, peers: Peers,
        is_wanted: Callable[[], bool],
    ) -> None:  # fmt: skip
        """`is_wanted`: whether there is anything else to do."""
        self._config = config
        self._fabric = fabric
        self._state = state
        self._peers = peers
        self._is_wanted = is_wanted
        self._last: dict[str, float] = {}
        """When each machine had a portion last, on the monotonic clock."""

    @functools.cached_property
    def _percent(self) -> float:
        """Of the disks in a day. It is asked only once machines are looked after: a platform may have to find
        out what it is."""
        return self._config.rolling_scan_percent_a_day if self._fabric.properties.may_miss_writes else 0.0

    def recall(self, source: Source) -> None:
        """Show what is known of it from before a start of this process."""
        if self._state.fact(PREFIX + source.machine_id) is not None:
            self._known(source)
        tell(source)

    def due_bytes(self, source: Source) -> int:
        """How much of a machine is to be compared now; 0 if nothing is."""
        progress, now = source.progress, time.monotonic()
        rests = not (progress.passes or progress.doubtful or progress.paused or source.fenced)
        if not self._percent or not rests or progress.base is None or source.power is not PowerState.RUNNING:
            return 0
        self._known(source)
        seconds = now - self._last.setdefault(source.machine_id, now)
        return rolling_scan.due_bytes(sum(progress.sizes_bytes.values()), self._percent, seconds)

    def serve(self, source: Source, most_bytes: int) -> None:
        """Compare so much of a machine that the caller has locked, or less if something else is to be done.
        An error only means that it is tried later: the next cycle tells of it."""
        self._last[source.machine_id] = time.monotonic()
        try:
            self._serve(source, most_bytes)
        except (DatapathError, errors.SecondsiteError) as problem:
            self._last[source.machine_id] += AGAIN_SECONDS
            log.info("rolling-scan.put-off", machine=source.machine_id, problem=str(problem))

    def _serve(self, source: Source, left_bytes: int) -> None:
        setup = source.setup
        with self._peers.connected(
            setup.target_addresses, setup.target_appliance_id, asks=False
        ) as connection:
            while connection.tells_digests and left_bytes > 0:
                done_bytes = self._go_on(source, connection, min(left_bytes, ASKED_BYTES))
                left_bytes -= done_bytes
                if not done_bytes or self._is_wanted() or source.interrupt.is_set():
                    return

    def _go_on(self, source: Source, connection: Connection, most_bytes: int) -> int:
        """How many bytes were compared, in which all is equal or marked."""
        sizes, now = source.progress.sizes_bytes, datetime.now(UTC)
        portion = rolling_scan.following(self._known(source), sizes, most_bytes)
        if portion is None:
            return 0
        header = cycle_plan.offered(source, list(sizes), now)
        extent = Extent(portion.offset, portion.length)
        held = transfer.held_digests.ask(connection, header, list(sizes).index(portion.disk), extent)
        blocks = self._compare(source, portion, held)
        done = Portion(portion.disk, portion.offset, min(blocks * BLOCK_BYTES, portion.length))
        if blocks:
            began, known = Moment(source.progress.last_seq or 0, now), self._known(source)
            self._keep(source, rolling_scan.advanced(known, sizes, done, began, datetime.now(UTC)))
        return done.length

    def _compare(self, source: Source, portion: Portion, digests: bytes) -> int:
        """How many blocks were compared, all of them equal or marked; 0: the next cycle tells."""
        assert source.progress.base is not None
        expected = ExpectedBlocks(
            source.setup.fabric_id, portion.disk, source.progress.base, portion.offset, digests
        )
        found = self._fabric.tracking.compare(expected)
        if found is not None and found.unmarked:
            self._missed(source, portion.disk, found.unmarked)
        return 0 if found is None or found.unmarked else found.blocks

    def _missed(self, source: Source, disk: str, offsets: tuple[int, ...]) -> None:
        """Compare all blocks from now on, and tell everybody: in one transaction."""
        progress = source.progress
        since = rolling_scan.equal_until(self._known(source), progress.equal_since.get(disk))
        missed = MissedWrites(
            disk=disk, offset=offsets[0], count=len(offsets), found_at=datetime.now(UTC), since=since
        )
        log.error("source.writes-missed", machine=source.machine_id, **missed.model_dump(mode="json"))
        restarted = progresses.restarted(progress, source.setup.disks)
        source.save(restarted.model_copy(update={"missed": missed}))
        tell(source)
        source.hurry()

    def _keep(self, source: Source, scan: RollingScan) -> None:
        source.rolling = scan
        self._state.put_fact(PREFIX + source.machine_id, SCAN.dump_json(source.rolling).decode())

    def _known(self, source: Source) -> RollingScan:
        """How far it is; one of another epoch begins anew."""
        if source.rolling is None:
            with suppress(ValidationError):
                source.rolling = SCAN.validate_json(self._state.fact(PREFIX + source.machine_id) or "")
        if source.rolling is None or source.rolling.epoch != source.setup.epoch:
            source.rolling = RollingScan(source.setup.epoch)
        return source.rolling

    def forget(self, source: Source) -> None:
        """The machine is not replicated from here any more."""
        self._last.pop(source.machine_id, None)
        self._state.remove_fact(PREFIX + source.machine_id)


def tell(source: Source) -> None:
    """Make a finding of what tracking missed, if that is not mended yet."""
    missed = source.progress.missed
    if missed is None:
        return
    since = f"after {missed.since.at:%Y-%m-%d %H:%MZ}" if missed.since else "at an unknown time"
    source.findings.add(
        FINDING,
        f"{counted(missed.count, 'block')} of disk {missed.disk}, the first at {missed.offset}, changed "
        f"{since}, and nothing marked it. All blocks are compared.",
    )
