"""One replica at this site: the vault's setup, the files, and the lock."""

import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import ValidationError

from ...datapath import errors as datapath_errors
from ...datapath.cycles import CycleHeader, FirmwareFile, cycle_file, inbox
from ...datapath.disks import image_locks
from ...datapath.encryption import DataKey
from ...datapath.errors import KeyMissing, KeyWrong
from ...datapath.replica import PointRecord, Replica
from ...domain import errors, shell
from ...ground import host
from ...ground.backoff import pause_seconds
from ...ground.plural import counted
from ...ground.units import DAY
from ...ground.uptime import Uptime
from ...wire.common.findings import FindingShape
from ...wire.common.machines import MachineDefinition, PowerState
from ...wire.common.points import PointShape
from ...wire.control.setups import ReplicaSetup
from ...wire.control.statuses import ReplicaStatus
from ..shared import Findings, MachineLock, State
from . import point_shapes
from .delayed_deletions import DelayedDeletions, Rules
from .kept_cycles import KeptCycles, processed_at
from .key_change import FINDINGS
from .point_shapes import GradesFile, PointShapes
from .rescue_program import StartDescription
from .verdicts import Verdicts

log = structlog.get_logger(__name__)

IN_USE = "replica-in-use"
FAILOVER = "failover"
"""The name of the run that a failed-over machine runs on."""
IN_USE_WHAT = "another program at the target has a file open that the replica needs"
STORE_COUNTED_EVERY_SECONDS = 30.0
NAMED_POINTS = 3
USELESS_AFTER_SECONDS = DAY
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 1.0, 30.0


class HostedReplica:
    """One replica at this site. Invariant: only the thread that has the lock applies cycles, seals or drops
    points, and opens or closes runs."""

    def __init__(
        self, setup: ReplicaSetup, accepting: bool, replica: Replica, state: State, rules: Rules
    ) -> None:
        self.setup = setup
        self.accepting = accepting
        self.replica = replica
        self.findings = Findings()
        self.power: PowerState | None = None
        """That of the machine that was failed over onto it, as last seen; None: none was, or it was not
        seen."""
        self.unreadable = Findings()
        self.troubles = Findings()
        """What keeps it from being worked on; cleared by work that succeeds."""
        self.verdicts = Verdicts(state, setup.machine_id)
        if self.verdicts.is_new:
            point_shapes.recall(replica.files.root, self.verdicts, replica.point_ids)
        self.unchanged = state.unchanged(setup.machine_id)
        """Until when the source is known to have written nothing; None if nothing was noted."""
        self.cycles = KeptCycles(replica)
        self.delayed = DelayedDeletions(replica.files.root, rules, setup.policy.retention_seconds)
        self.points: tuple[PointShape, ...] = ()
        self.wants_work = True
        self.only_looked_at = False  # by a worker of the inbox, because it was not for a while
        self.wants_trim = True
        self.wants_digests = True
        self.not_before = 0.0
        self.served_at = 0.0
        """When a worker of the inbox served it last, in seconds of the monotonic clock."""
        self.removed = False
        self.left_alone = False
        """Whether nothing is to be read of it in the background: another appliance is about to get it."""
        self.why_lost: Callable[[], str | None] = lambda: None
        """Why it may be another appliance's, as its store says now; None while it is surely this one's."""
        self._failures = 0
        self._worthless: tuple[str, Uptime] | None = None
        """The oldest point while its manifest is damaged, and since when; begins anew with the appliance."""
        self._shapes = PointShapes(replica, self.verdicts)
        self._grades = GradesFile(replica.files.root)
        self.described = StartDescription()
        self._refreshing = threading.Lock()
        self._state = state
        self._lock = MachineLock(lambda: str(self), lambda: self.removed)
        self._committing = threading.Lock()
        self._stored_bytes = 0
        self._counted_at = 0.0
        self.stands_alone: bool | None = None
        """Whether its machine is on its own disks, into which its points went: none needs to be whole. None:
        nobody has looked yet."""
        self.disks_away_since: float | None = None
        """Since when old disks that a rescued machine lends are away (monotonic); None: they are there."""
        self.read_fraction: float | None = None
        """How far its disks are read to make their digests, with its lock; None: they are not."""

    @property
    def machine_id(self) -> str:
        return self.setup.machine_id

    def __str__(self) -> str:
        return f"the replica of {self.setup.machine_name} ({self.machine_id})"

    # -- what is durable -------------------------------------------------------------------------------

    def save(self, *, setup: ReplicaSetup | None = None, accepting: bool | None = None) -> None:
        """Save setup and state; durable when it returns."""
        setup = setup or self.setup
        accepting = self.accepting if accepting is None else accepting
        self.delayed.follow(setup.policy.retention_seconds)
        self._state.put_replica(setup.machine_id, setup.model_dump_json(), accepting)
        self.setup, self.accepting = setup, accepting

    @property
    def failed_over(self) -> bool:
        """Whether a machine was failed over onto it, as its files say: the database may be from an old
        backup."""
        return self.replica.state.stands_on_its_run or self.replica.state.run(FAILOVER) is not None

    @property
    def runs_unseen(self) -> bool:
        """Whether a program, here or at another host, writes to the disks that a machine was failed over
        onto, by the locks of their files."""
        overlays = self.replica.files.run(FAILOVER).glob("*.qcow2")
        return self.failed_over and any(map(image_locks.is_written, overlays))

    def is_of(self, epoch: int) -> bool:
        """Whether cycles of this epoch are for it, open or closed."""
        state = self.replica.state
        return state.epoch == epoch and state.committed_point_id is None

    def never_began(self, epoch: int) -> bool:
        """Whether it is left of an epoch before this one in which nothing was kept: no point, and no
        machine ever ran on it."""
        state = self.replica.state
        kept = state.runs or state.committed_point_id or any(layer.point_id for layer in state.layers)
        return state.epoch < epoch and not kept

    def require_no_copy(self) -> None:
        """Raises NotPossibleNow if a machine was failed over onto it: the source would go on replicating
        beside a copy that may run."""
        if self.failed_over:
            raise errors.NotPossibleNow(
                f"A machine was failed over onto {self}, so it takes no cycles.",
                do="Cancel the failover, or commit and reprotect it. If the vault does not know of it, as "
                "after it was restored from a backup, 'secondsite machine show MACHINE' says how the copy "
                "is taken over. Do not end its protection before that.",
            )

    @contextmanager
    def reading(self) -> Iterator[Callable[[int, int], None]]:
        """Inside, its disks are read to make their digests; yields what is told of it: bytes that are done,
        and those that were read."""
        total, done = max(1, sum(disk.size_bytes for disk in self.replica.state.disks)), 0

        def tell(through: int, _read: int) -> None:
            nonlocal done
            done += through
            self.read_fraction = min(1.0, done / total)

        self.read_fraction = 0.0
        try:
            yield tell
        finally:
            self.read_fraction = None

    def was_started_without_us(self) -> None:
        """Add a finding if the files have a failover of which nobody told this appliance: the machine was
        started without the vault."""
        run, name = self.replica.state.run(FAILOVER), self.setup.machine_name
        if run is not None:
            self.findings.add(
                "started-without-vault",
                f"{name} was started here from {run.point_id} without the vault. Stop it if plain QEMU runs "
                f"it ('secondsite-rescue stop {shell.arguments(name)}'), then 'secondsite machine failover "
                f"{shell.arguments(name, options=f'--point {shlex.quote(run.point_id)}')}' takes it over as "
                "it is.",
            )

    def look_for_key(self) -> None:
        """Add findings at once for a missing key, and for an unfinished change of the key."""
        state = self.replica.state
        if other := state.former_key_id or state.next_key_id:
            self.findings.add(
                "encryption-key-change-unfinished",
                f"Key {other} opens {self}, beside key {state.key_id}: a change of the key was broken off.",
            )
        try:
            _ = self.replica.key
        except (KeyMissing, KeyWrong) as problem:
            self.lacks_key(problem)

    def lacks_key(self, problem: KeyMissing | KeyWrong) -> None:
        self.findings.add(FINDINGS[type(problem)], f"{problem.message} {problem.do}")

    # -- its lock ----------------------------------------------------------------------------------

    @contextmanager
    def lock(
        self, purpose: str, within_seconds: float, end_soon: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Lock the replica; raises DeadlineExceeded, and NotFound if it was removed, or another appliance has
        taken it over. A waiter calls `end_soon`."""
        with self._lock.acquire(purpose, within_seconds, end_soon):
            self.require_ours()
            yield

    @contextmanager
    def try_lock(self, purpose: str) -> Iterator[bool]:
        """Lock the replica if nobody has it or waits for it; yields whether it is locked."""
        with self._lock.try_acquire(purpose) as is_locked:
            yield is_locked and self.why_lost() is None

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Inside, a received cycle may become visible: no other appliance gets the replica meanwhile. Raises
        CycleRefused if one has it."""
        with self._committing:
            try:
                self.require_ours()
            except errors.NotFound as lost:
                raise datapath_errors.CycleRefused("no-replica", lost.message, do=lost.do) from lost
            yield

    @contextmanager
    def handing_over(self) -> Iterator[None]:
        """Inside, no received cycle becomes visible: the replica becomes another appliance's."""
        with self._committing:
            yield

    @contextmanager
    def let_go_of(self, within_seconds: float) -> Iterator[None]:
        """Inside, its files are closed, and nothing of it is read in the background. Raises NotPossibleNow if
        a point is read for somebody for that long."""
        self.left_alone = True
        try:
            self.replica.let_go(within_seconds)
            yield
        except datapath_errors.ReplicaInUse as problem:
            name = self.setup.machine_name
            raise errors.NotPossibleNow(
                f"A recovery point of {name} is being read for a verification that somebody asked for.",
                do="Wait until that job has ended ('secondsite job list --machine "
                f"{shell.arguments(name)}'), then retry.",
            ) from problem
        finally:
            self.left_alone = False

    def require_ours(self) -> None:
        """Raises NotFound if another appliance has taken it over, or may have."""
        if (why := self.why_lost()) is not None:
            raise errors.NotFound(
                f"{self} is not used from here: {why.rstrip('.')}.",
                do=f"See which appliance has it: 'secondsite machine show "
                f"{shell.arguments(self.setup.machine_name)}'.",
            )

    # -- what arrived ----------------------------------------------------------------------------------

    def waiting(self) -> list[tuple[int, int, Path]]:
        """(epoch, seq, path) of received cycles, oldest first."""
        return inbox.scan(self.replica.files.inbox)

    def received_seq(self) -> int:
        """The newest cycle of this epoch that is durable here; 0 before the first."""
        # First those that wait: the other way round, one that was applied meanwhile was in neither list, and
        # its source compared all blocks.
        waiting = [seq for epoch, seq, _ in self.waiting() if epoch == self.setup.epoch]
        state = self.replica.state
        return max([state.processed_seq if state.epoch == self.setup.epoch else 0, *waiting])

    def lacks_firmware(self, header: CycleHeader) -> bool:
        """Whether the cycle names firmware state that it does not carry and that is not here."""
        named = [file for file in header.firmware or () if file.packed is None]
        if not self.replica.lacks_firmware(named):
            return False
        key = self.replica.file_key
        carried = {file.sha256 for _, _, path in self.waiting() for file in _carried(path, key)}
        # Checked again: a waiting cycle may have been applied meanwhile.
        return bool(self.replica.lacks_firmware(named) - carried)

    @property
    def processed_at(self) -> datetime | None:
        """Until which instant the head is what the machine held; None before the first cycle."""
        return processed_at(self.replica.state, self.unchanged)

    def wants_work_now(self, now: float) -> bool:
        """Whether its turn may come; `now` is monotonic. Nothing is done for a machine that stands on its own
        disks: they are no old ones any more, and the points that stood on them go with the commit."""
        rests = self.stands_alone or (self.stands_alone is None and self.failed_over)
        return self.wants_work and now >= self.not_before and not rests

    def failed(self) -> float:
        """Back off; returns the seconds to wait."""
        self._failures += 1
        pause = pause_seconds(self._failures, FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)
        self.not_before = time.monotonic() + pause
        return pause

    def succeeded(self) -> None:
        self._failures, self.not_before = 0, 0.0

    # -- points and status -----------------------------------------------------------------------------

    def refresh(self, only_new: bool = False) -> tuple[PointShape, ...]:
        """Read the points again and return them; call it after they changed. With `only_new` the known ones
        are not read again, until the next look at all of them (when the replica is trimmed)."""
        with self._refreshing:
            self.points = self._shapes.listed(only_new)
            self._look_for_unreadable({point.id for point in self.points})
            self._keep_grades()
            return self.points

    def _keep_grades(self) -> None:
        """Write the grades beside the points. They are only a help: an error stops nothing."""
        try:
            self._grades.put(self.points)
        except OSError as problem:
            log.warning("replica.grades-not-written", machine=self.machine_id, problem=str(problem))

    def _look_for_unreadable(self, known: set[str]) -> None:
        """Add a finding for points whose manifests are damaged: no list contains them."""
        lost = [each for each in self.replica.point_ids if each not in known]
        if lost:
            self.unreadable.add(
                "replica-damaged",
                f"The manifests of {counted(len(lost), 'recovery point')} of {self.setup.machine_name} "
                f"cannot be read, so they are not listed: {', '.join(lost[-NAMED_POINTS:])}. One "
                "that stays damaged for a day is dropped when it is the oldest; one that can be read again "
                "is listed again.",
            )
        else:
            self.unreadable.clear("replica-damaged")

    def in_use(self, said: str) -> None:
        """Add a finding that another program has one of its files open, as QEMU reported: that is no
        damage."""
        self.findings.add(IN_USE, f"{IN_USE_WHAT[0].upper()}{IN_USE_WHAT[1:]}: {said}")

    def spared(self) -> set[str]:
        """Ids of points that are in use, or held."""
        state = self.replica.state
        return {run.point_id for run in state.runs} | {point_id for point_id, _ in state.holds}

    def useless(self) -> str | None:
        """The id of the oldest point, if nothing needs it and its manifest was found damaged at every look
        for a day; else None. The caller has locked the replica and looks every minute or so."""
        # A read error that passed (of NFS, or of too many open files) once deleted whole points for good.
        ids, known = self.replica.point_ids, {point.id for point in self.points}
        kept = known | self.spared() | self.delayed.spared
        if not known or ids[0] in kept or not self.replica.is_worthless(ids[0]):
            self._worthless = None
            return None
        now = host.uptime()
        point_id, since = self._worthless or (ids[0], now)
        if point_id != ids[0]:
            since = now
        self._worthless = ids[0], since
        return ids[0] if now.since(since) >= USELESS_AFTER_SECONDS else None

    def record(self, point_id: str) -> PointRecord:
        """A point by its id, read now; raises NotFound, PointDamaged."""
        try:
            return self.replica.point(point_id)
        except datapath_errors.ImageProblem as problem:
            raise errors.PointDamaged(
                f"Recovery point {point_id} of {self} cannot be read: {problem.message}",
                do="Choose another point.",
            ) from problem
        except datapath_errors.PointUnknown as problem:
            raise errors.NotFound(
                f"{self} has no recovery point '{point_id}'.",
                do="List them with 'secondsite point list MACHINE'.",
            ) from problem

    def definition(self, record: PointRecord) -> MachineDefinition:
        """The definition at the point, with the point's disks; the setup's, if the point has none. Raises
        PointDamaged."""
        found = self._described(record) if record.manifest.definition else self.setup.definition
        kept = {disk.key for disk in record.manifest.disks}
        return found.model_copy(update={"disks": tuple(disk for disk in found.disks if disk.key in kept)})

    def _described(self, record: PointRecord) -> MachineDefinition:
        try:
            return MachineDefinition.model_validate(dict(record.manifest.definition))
        except ValidationError as problem:
            raise errors.PointDamaged(
                (
                    f"The definition of the machine at point {record.point_id} is invalid: "
                    f"{counted(problem.error_count(), 'error')}."
                ),
                do="Choose another point.",
            ) from problem

    def status(self) -> ReplicaStatus:
        """The status for the vault; reads only memory and the names in the inbox. An error becomes a problem
        of this replica, so that the others are still reported."""
        try:
            return self._status()
        except Exception as problem:
            log.warning("replica.not-described", machine=self.machine_id, problem=str(problem))
            self.findings.add("replica-damaged", f"{self} cannot be described: {problem}")
            return ReplicaStatus(
                machine_id=self.machine_id, epoch=self.setup.epoch, accepting=self.accepting,
                synchronized=self._synchronized, points=self.points, findings=self.findings.all(),
            )  # fmt: skip

    @property
    def _synchronized(self) -> bool:
        return any(point.epoch == self.setup.epoch for point in self.points)

    def _status(self) -> ReplicaStatus:
        state = self.replica.state
        current = state.epoch == self.setup.epoch
        return ReplicaStatus(
            machine_id=self.machine_id,
            epoch=self.setup.epoch,
            accepting=self.accepting,
            synchronized=self._synchronized,
            points=self.points,
            journal=self.cycles.told(self.points, self.unchanged),
            journal_bytes=self.replica.journal.stored_bytes(),
            processed_seq=state.processed_seq if current and state.processed_seq else None,
            processed_at=self.processed_at if current else None,
            inbox_bytes=sum(_size(path) for _, _, path in self.waiting()),
            store_bytes=self._stored(),
            runs=tuple(run.name for run in state.runs),
            encryption_key_id=state.key_id,
            store=self.setup.keeping.store,
            findings=self._all_findings(),
            power=self.power,
        )

    def _all_findings(self) -> tuple[FindingShape, ...]:
        name = self.setup.machine_name
        damage = (*self.verdicts.findings(name, self.points), *self.unreadable.all(), *self.troubles.all())
        if self.stands_alone:
            return (*self.findings.all(), *self.cycles.findings(name))
        return (*self.findings.all(), *damage, *self.cycles.findings(name))

    def _stored(self) -> int:
        if time.monotonic() - self._counted_at > STORE_COUNTED_EVERY_SECONDS or not self._counted_at:
            folder = self.replica.files.inbox.parent
            self._stored_bytes = sum(_blocks(path) for path in folder.rglob("*"))
            self._counted_at = time.monotonic()
        return self._stored_bytes


def _carried(path: Path, key: DataKey | None) -> Sequence[FirmwareFile]:
    try:
        header, _content = cycle_file.read(path, key)
    except (FileNotFoundError, datapath_errors.CycleDamaged):
        return ()
    return [file for file in header.firmware or () if file.packed is not None]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0
