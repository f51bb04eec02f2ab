"""The replica: what the target holds of one machine, as files that plain QEMU boots.

Per disk a chain of qcow2 files, `base <- layer <- layer <- head`. Cycles are written to the head; sealing a recovery
point makes the head a read-only layer under a new one; dropping a point merges its layer with its child; a machine
runs on an overlay over a point's layer. Each verb is a file in `verbs`; this class is their only public face and
documents them. One object per replica and process; thread-safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ..cycles import CycleJournal, Entry, FirmwareFile
from ..digests import scan
from ..disks import StorageDaemon
from ..encryption import DataKey, EncryptionKey
from ..extents import Extent
from .core import Reach, ReplicaCore
from .record import base_files, below_runs
from .record.paths import ReplicaFiles
from .record.record import ReplicaState
from .verbs import (
    apply,
    change_key,
    create,
    holds,
    prune,
    read_journal,
    remove,
    runs,
    seal,
    seed,
    skipping,
    stats,
    verify,
)
from .verbs import (
    disks as replica_disks,
)
from .verbs.apply import Applied, CycleLike, FrameLike
from .verbs.create import EMPTY, BaseImage, ReplicaDisk, nowhere
from .verbs.prune import Dropped
from .verbs.seal import Sealed
from .verbs.stats import PointLook, PointRecord, ReplicaStats
from .verbs.unaligned_writes import Piece
from .verbs.verify import Verification


class Replica:
    """One machine's replica. Every method may raise StorageDaemonGone (repeat it), StoreFull or ImageProblem."""

    def __init__(self, core: ReplicaCore) -> None:
        self._core = core

    @classmethod
    def create(
        cls, folder: Path, daemon: StorageDaemon, machine_id: str, disks: Sequence[ReplicaDisk], epoch: int,
        base: Mapping[str, BaseImage] = EMPTY, reach: Reach = nowhere, key: EncryptionKey | None = None,
    ) -> Replica:  # fmt: skip
        """Create a replica in `folder`; one that exists for this machine and epoch is opened instead.

        Disks named in `base` start from that image (of a machine that is off), others from zeros. With `key` all
        data is encrypted; such a replica has no `base`. Raises ReplicaInUse for another machine or epoch."""
        files = ReplicaFiles(folder.absolute())
        if not files.record.exists():
            create.make(files, machine_id, disks, epoch, base, reach, key)
        replica = cls.open(folder, daemon, reach, key)
        create.check_same(replica.state, machine_id, epoch)
        return replica

    @classmethod
    def open(
        cls, folder: Path, daemon: StorageDaemon, reach: Reach = nowhere, key: EncryptionKey | None = None,
        machine_id: str | None = None,
    ) -> Replica:  # fmt: skip
        """Open the replica in `folder`; its first use finishes what a crash interrupted. `key` is the appliance's,
        if any. A replica that lacks its key can still be looked at and removed. Raises AnotherReplica if it is not
        that of `machine_id`, where that is given."""
        return cls(ReplicaCore(ReplicaFiles(folder.absolute()), daemon, reach, key, machine_id))

    @property
    def state(self) -> ReplicaState:
        """The record: epoch, processed cycle, layers, runs."""
        return self._core.state

    @property
    def files(self) -> ReplicaFiles:
        """Where its files lie, for whoever looks at them without us."""
        return self._core.files

    @property
    def inbox(self) -> Path:
        """Where received cycles wait; the receiver writes there, the owner retires applied cycles."""
        return self._core.files.inbox

    @property
    def journal(self) -> CycleJournal:
        """The processed cycles that are kept."""
        return self._core.journal

    @property
    def key(self) -> EncryptionKey | None:
        """The key of the disks, None if they are plain; raises KeyMissing, KeyWrong."""
        return self._core.key

    @property
    def file_key(self) -> DataKey | None:
        """The key of cycles and firmware state, None if they are plain; raises KeyMissing, KeyWrong."""
        return self._core.keys.files

    def apply(
        self,
        header: CycleLike,
        frames: Iterable[FrameLike],
        cancelled: scan.Asked = scan.never,
        came_whole: Callable[[], bool] = apply.always,
    ) -> Applied:
        """Write a cycle to the head, and seal the point that its header asks for.

        When it returns, the cycle is durable and its inbox file may be removed. It can be repeated, also after a
        crash in the middle. Raises CycleOutOfOrder, ReplicaClosed, CycleDamaged (from `frames`), Cancelled.

        `came_whole` is asked after the last frame: a cycle that arrived only in part is not processed, and the head
        matches no instant of the machine until a pass ends (see `takes_parts`). The next cycle must carry all of it
        again."""
        return apply.apply(self._core, header, frames, cancelled, came_whole)

    def retire(self, path: Path, epoch: int, seq: int) -> bool:
        """Move the file of an applied cycle to the journal if it led from one instant of the machine to the next;
        else remove it. Tells whether it is kept. After a crash, apply and retire the cycle again."""
        return apply.retire(self._core, path, epoch, seq)

    def takes_parts(self, header: CycleLike) -> bool:
        """Whether a cycle may be applied as it arrives, because no instant that could still be sealed is at stake:
        true for the slices of a pass and for the cycle that ends one."""
        state = self._core.state
        return not state.whole or (header.sync is not None and not state.unsealed)

    def seal(
        self, point: Mapping[str, Any], reason: str | None = None, taken_at: datetime | None = None
    ) -> Sealed:
        """Make the processed data a recovery point, if there is anything new (LATEST). `point` is as in a cycle's
        header; `taken_at` is the instant until which nothing else was written, by default the newest cycle's. Raises HeadTorn
        while the head matches no instant of the machine."""
        body = {**point, **({"reason": reason} if reason else {})}
        return seal.seal(self._core, body, taken_at.isoformat() if taken_at else None)

    def seed(self, disk_key: str, pieces: Iterable[Piece]) -> None:
        """Write pieces of a shipped copy to the head of a replica that has received nothing; durable when it returns.
        It can be repeated. Raises ReplicaInUse once cycles have arrived, and what `pieces` raises, keeping what
        was written."""
        seed.write(self._core, disk_key, pieces)

    def abandon(self) -> None:
        """Give up a half-applied cycle that will not come again; points can be sealed after the next whole pass."""
        apply.abandon(self._core)

    def region(self, disk_key: str, offset: int, length: int) -> bytes:
        """Digests (xxh3-128, 16 bytes each) of the head's 64 KiB blocks in the range, for comparing with a source."""
        return apply.region(self._core, disk_key, offset, length)

    def held(self, disk_key: str, offset: int, length: int) -> list[Extent]:
        """The head's 64 KiB blocks in the range, from a whole block on, that are not zeros, in disk order."""
        return apply.held(self._core, disk_key, offset, length)

    def pages(self, disk_key: str, blocks: Sequence[Extent]) -> bytes:
        """Digests (xxh3-128, 16 bytes each) of the head's 4 KiB pages in these blocks, read now, for comparing
        with a source."""
        return apply.pages(self._core, disk_key, blocks)

    def build_digests(self, cancelled: scan.Asked = scan.never) -> None:
        """Make missing digests (after `create` from images, or damage); takes as long as reading the disks."""
        with self._core.changing():
            self._core.maps(cancelled)

    def check_key_change(self) -> None:
        """Raises ReplicaInUse while a machine runs on the replica: then its key cannot be changed."""
        change_key.check(self._core)

    def admit_key(self, new: EncryptionKey) -> None:
        """Make everything encrypted open with `new` as well; whichever key opens the replica next becomes its key.
        It can be repeated. Raises ReplicaInUse, KeyMissing, KeyWrong."""
        change_key.admit(self._core, new)

    def shed_key(self, old: EncryptionKey) -> None:
        """Make the former key open nothing. It can be repeated. Raises as `admit_key` does."""
        change_key.shed(self._core, old)

    @property
    def point_ids(self) -> list[str]:
        """Ids of all recovery points, oldest first, also of those whose manifest is damaged."""
        return [layer.point_id for layer in self._core.state.layers if layer.point_id is not None]

    def points(self) -> list[PointRecord]:
        """Recovery points, oldest first, without those whose manifest is damaged. Does not wait for
        a cycle that is being applied."""
        return stats.points(self._core)

    def point(self, point_id: str) -> PointRecord:
        """One recovery point, read now; raises PointUnknown, ImageProblem."""
        return stats.point(self._core, point_id)

    def looks(self, stamped: bool) -> list[PointLook]:
        """What tells which points must be read again: of all points, oldest first, also of those whose manifest is
        damaged. `stamped`: their files are looked at."""
        return stats.looks(self._core, stamped)

    def add_disk(self, disk: ReplicaDisk) -> str:
        """Add a disk, empty in all layers and in the head; gives a sentence. Points have it from the first cycle
        on that carries it and does not set it apart. Raises ReplicaClosed."""
        return replica_disks.add(self._core, disk.key, disk.size_bytes)

    def forget_disk(self, key: str) -> bool:
        """Remove a disk that is no longer protected; does nothing and gives False while a point has it."""
        return replica_disks.forget(self._core, key)

    def drop(self, point_id: str) -> Dropped:
        """Remove a recovery point. Its layer is merged now, or once nothing below it is in use. Raises
        ReplicaInUse while a run is on this point, PointHeld while it has a hold."""
        return prune.drop(self._core, point_id)

    def keep_short(self) -> bool:
        """Merge layers beside the others where that keeps chains short; True if there is more to do. Harmless when repeated."""
        with self._core.changing(), self._core.keeping_layers():
            return skipping.keep_short(self._core)

    def hold(self, point_id: str, reason: str) -> str:
        """Keep a point for `reason` until it is released, across restarts: it cannot be dropped. A commit still
        removes it, and says so. It can be repeated; another reason replaces the first. Gives a sentence; raises
        PointUnknown."""
        return holds.hold(self._core, point_id, reason)

    def release(self, point_id: str) -> str:
        """End the hold of a point; gives a sentence. Harmless without one."""
        return holds.release(self._core, point_id)

    def verify(
        self,
        point_id: str,
        cancelled: scan.Asked = scan.never,
        told: scan.Told = scan.nobody,
    ) -> Verification:
        """Read a point from the disk and tell whether it still is, bit for bit, what was sealed. Raises
        PointUnknown, Cancelled, DiskSilent (repeat it)."""
        return verify.verify(self._core, point_id, cancelled, told)

    def verify_cycle(
        self,
        entry: Entry,
        cancelled: scan.Asked = scan.never,
        told: scan.Told = scan.nobody,
    ) -> bool:
        """Read a cycle of the journal and tell whether it still is, bit for bit, what was received. A damaged one
        leaves the journal (see `CycleJournal.damaged`); harmless if it was dropped meanwhile. Raises Cancelled,
        ImageProblem (repeat it), KeyMissing, KeyWrong."""
        return read_journal.verify(self._core, entry, cancelled, told)

    def forget_digests(self) -> None:
        """Drop the digests of the head because its content is in doubt; they are made anew by reading before their
        next use."""
        with self._core.changing():
            self._core.drop_maps()

    @property
    def was_put_back(self) -> bool:
        """Whether its files are copies, as of a backup, so that its head and its digests may be of two instants."""
        return self._core.has_copied_maps()

    def changed_bases(self) -> tuple[str, ...]:
        """Keys of disks that stand on files of others, or on layers below a run, which somebody changed since they were recorded."""
        state = self._core.state
        return tuple(dict.fromkeys((*base_files.changed(state), *below_runs.changed(self.files, state))))

    def accept_bases(self) -> None:
        """Stand on these files as they are now. The points are what they were only as far as the change left them, and
        the head matches its source only after a comparison. Raises ImageProblem while a file is missing."""
        replica_disks.accept_bases(self._core)

    def open_run(
        self, run_name: str, point_id: str, writable: bool = True, through_seq: int | None = None,
        cancelled: scan.Asked = scan.never,
    ) -> dict[str, Path]:  # fmt: skip
        """Files, by disk key, for a machine to run on: overlays on the point, or its read-only layers. The point's
        files stay until `close_run`. Repeating gives the same files. Raises PointUnknown, ReplicaInUse.

        With `through_seq` the cycles of the journal up to that one are verified and applied first, so the overlays
        are of its instant. Raises CycleOutOfOrder if they do not lead there, CycleDamaged; then no run is open."""
        return runs.open_run(self._core, run_name, point_id, writable, through_seq, cancelled)

    @property
    def rolling(self) -> bool:
        """Whether a run still waits to be rolled forward."""
        return runs.rolling(self._core)

    def firmware(self, point_id: str, run_name: str | None = None) -> dict[str, bytes | None]:
        """The firmware state, by file name, at a point or at the instant that an open run was rolled forward to;
        None for a damaged file. Raises PointUnknown, ImageProblem, KeyMissing, KeyWrong."""
        return runs.firmware_state(self._core, point_id, run_name)

    def lacks_firmware(self, files: Iterable[FirmwareFile]) -> set[str]:
        """The digests of those that are not stored here whole; raises KeyMissing, KeyWrong."""
        return {file.sha256 for file in files if self._core.firmware.lacks(file)}

    def close_run(self, run_name: str) -> str:
        """Delete a run's overlays (its machine is off) and free its point; gives a sentence. Raises ReplicaInUse
        for a committed run."""
        return runs.close_run(self._core, run_name)

    def settle(self, run_name: str) -> str:
        """Commit the failover onto this run: remove all other points and the head; gives a sentence. The replica
        then takes no cycles. Raises ReplicaInUse while another run is open."""
        return runs.settle(self._core, run_name)

    def rebase_from_run(self, run_name: str, epoch: int) -> str:
        """Make this site a target again: merge the committed run (its machine is off) down and open a head for
        `epoch` on it; gives a sentence. It can be repeated after a crash."""
        return runs.rebase_from_run(self._core, run_name, epoch)

    def stats(self) -> ReplicaStats:
        """Sizes and counts that are known without waiting for a running change."""
        return stats.stats(self._core)

    @property
    def opened_for_use_at(self) -> float | None:
        """When its open disks were last used, in seconds of the monotonic clock; None while they are closed."""
        return self._core.heads.used_at

    def close(self) -> None:
        """Close all open files; the next use opens them again."""
        self._core.close()

    def let_go(self, within_seconds: float) -> None:
        """Close, so that another program may write to the layers; waits for readers, else raises ReplicaInUse."""
        self._core.until_unread(within_seconds)
        self._core.close()

    def remove(self, even_with_runs: bool = False) -> str:
        """Delete the replica's files, never the images that it was created from; gives a sentence. Raises
        ReplicaInUse while runs are open, unless `even_with_runs`: their machines are gone."""
        return remove.remove(self._core, even_with_runs)

    def move(self, place: Path) -> None:
        """Move the folder to `place`, on the same file system; this object is of no use then."""
        remove.move(self._core, place)

    def share(self, place: Path) -> None:
        """Make `place` a second replica of all points, which shares their files; what this one does later changes
        nothing there."""
        remove.share(self._core, place)
