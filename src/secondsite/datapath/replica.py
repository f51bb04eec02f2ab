"""The replica: what the target holds of one machine, as files that plain QEMU boots.

Per disk a chain of qcow2 files, `base <- layer <- layer <- head`. Cycles are written to the head; sealing a recovery
point makes the head a read-only layer under a new one; dropping a point merges its layer with its child; a machine
runs on an overlay over a point's layer. The verbs live in replica_apply, replica_prune, replica_runs, replica_verify;
this is the door to them. One object per replica and process; its methods may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import (
    digest_map_scan,
    journal_read,
    replica_apply,
    replica_disks,
    replica_holds,
    replica_making,
    replica_prune,
    replica_rekey,
    replica_removal,
    replica_runs,
    replica_seal,
    replica_seed,
    replica_verify,
    replica_views,
)
from .encryption_key import EncryptionKey
from .extents import Extent
from .firmware import FirmwareFile
from .journal import Journal
from .journal_entry import Entry
from .replica_apply import Applied, CycleLike, FrameLike
from .replica_core import Reach, ReplicaCore
from .replica_files import ReplicaFiles
from .replica_making import EMPTY, BaseImage, ReplicaDisk, nowhere
from .replica_prune import Dropped
from .replica_ragged import Piece
from .replica_seal import Sealed
from .replica_state import ReplicaState
from .replica_verify import Verdict
from .replica_views import PointRecord, ReplicaStats
from .sealing_key import SealingKey
from .storage_daemon import StorageDaemon


class Replica:
    """One machine's replica. Every method may raise StorageDaemonGone (repeat it), StoreFull or ImageProblem."""

    def __init__(self, core: ReplicaCore) -> None:
        self._core = core

    @classmethod
    def create(
        cls, folder: Path, daemon: StorageDaemon, machine_id: str, disks: Sequence[ReplicaDisk], epoch: int,
        base: Mapping[str, BaseImage] = EMPTY, reach: Reach = nowhere, key: EncryptionKey | None = None,
    ) -> Replica:  # fmt: skip
        """A new replica in `folder`; one that is there already for this machine and epoch is opened instead.

        Disks named in `base` start from that image (of a machine that is off), others from zeros. With `key` all that
        it holds of the disks is encrypted; such a replica has no `base`.
        """
        files = ReplicaFiles(folder.absolute())
        if not files.record.exists():
            replica_making.make(files, machine_id, disks, epoch, base, reach, key)
        replica = cls.open(folder, daemon, reach, key)
        replica_making.check_same(replica.state, machine_id, epoch)
        return replica

    @classmethod
    def open(
        cls, folder: Path, daemon: StorageDaemon, reach: Reach = nowhere, key: EncryptionKey | None = None
    ) -> Replica:
        """The replica in `folder`; what a crash left half done is finished at its first use. `key` is what there is:
        a plain replica needs none, and one that lacks its key still can be looked at and removed."""
        return cls(ReplicaCore(ReplicaFiles(folder.absolute()), daemon, reach, key))

    @property
    def state(self) -> ReplicaState:
        """What is recorded: epoch, processed cycle, layers, runs."""
        return self._core.state

    @property
    def inbox(self) -> Path:
        """Where received cycles wait; the receiver writes it, the owner retires what was applied."""
        return self._core.files.inbox

    @property
    def journal(self) -> Journal:
        """The processed cycles that are kept."""
        return self._core.journal

    @property
    def key(self) -> EncryptionKey | None:
        """What the disks are encrypted with, None if they are plain; raises KeyMissing, KeyWrong."""
        return self._core.key

    @property
    def sealing(self) -> SealingKey | None:
        """What cycles and firmware state are sealed with, None if they are plain; raises KeyMissing, KeyWrong."""
        return self._core.keys.files

    def apply(
        self,
        header: CycleLike,
        frames: Iterable[FrameLike],
        cancelled: digest_map_scan.Asked = digest_map_scan.never,
        came_whole: Callable[[], bool] = replica_apply.always,
    ) -> Applied:
        """Write a cycle to the head, and seal the point that its header asks for.

        When it returns the cycle is durable and its inbox file may go. Repeating is harmless, after a crash in the
        middle too. Raises CycleOutOfOrder, ReplicaClosed, CycleDamaged (from `frames`), Cancelled.

        `came_whole` is asked after the last frame: a cycle that came only in part is not processed, and the head is
        no instant of the machine until a pass ends (see `takes_parts`). The next cycle must hold all of it again.
        """
        return replica_apply.apply(self._core, header, frames, cancelled, came_whole)

    def retire(self, path: Path, epoch: int, seq: int) -> bool:
        """The file of an applied cycle goes to the journal, if it led from one instant of the machine to the next; else
        it is removed. Tells whether it is kept. A crash before it is mended by applying and retiring again."""
        return replica_apply.retire(self._core, path, epoch, seq)

    def takes_parts(self, header: CycleLike) -> bool:
        """Whether a cycle may be applied as it comes: whatever becomes of it, no instant that could still be sealed
        is lost. True for the slices of a pass, and for what ends one."""
        state = self._core.state
        return not state.whole or (header.sync is not None and not state.unsealed)

    def seal(self, point: Mapping[str, Any], reason: str | None = None) -> Sealed:
        """Make what is processed a recovery point, if there is anything new (LATEST). `point` is what a cycle's
        header would ask for; raises HeadTorn while the head is no instant of the machine."""
        return replica_seal.seal(self._core, {**point, **({"reason": reason} if reason else {})})

    def seed(self, disk_key: str, pieces: Iterable[Piece]) -> None:
        """Write pieces of a shipped copy to the head of a replica that has received nothing; durable when it returns.
        Repeating is harmless. Raises ReplicaInUse once cycles have come; what `pieces` raises leaves what was written."""
        replica_seed.write(self._core, disk_key, pieces)

    def abandon(self) -> None:
        """Give up a half-applied cycle that will not come again: points can be sealed after the next whole pass."""
        replica_apply.abandon(self._core)

    def region(self, disk_key: str, offset: int, length: int) -> bytes:
        """Digests (xxh3-128) of the head's 64 KiB blocks in the range, 16 bytes each; for comparing with a source."""
        return replica_apply.region(self._core, disk_key, offset, length)

    def pages(self, disk_key: str, blocks: Sequence[Extent]) -> bytes:
        """Digests (xxh3-128) of the 4 KiB pages of the head in these blocks, read now; for comparing with a source."""
        return replica_apply.pages(self._core, disk_key, blocks)

    def build_digests(self, cancelled: digest_map_scan.Asked = digest_map_scan.never) -> None:
        """Read what has no digests yet (after `create` from images, or damage); takes as long as reading the disks."""
        with self._core.changing():
            self._core.maps(cancelled)

    def check_key_change(self) -> None:
        """Raises ReplicaInUse while a machine runs on the replica, so that its key cannot be changed."""
        replica_rekey.check(self._core)

    def admit_key(self, new: EncryptionKey) -> None:
        """Let all that is encrypted open with `new` as well; the next opening with either key decides. Repeating is
        harmless. Raises ReplicaInUse, KeyMissing, KeyWrong."""
        replica_rekey.admit(self._core, new)

    def shed_key(self, old: EncryptionKey) -> None:
        """The key that was changed opens nothing any more. Repeating is harmless. Raises as `admit_key` does."""
        replica_rekey.shed(self._core, old)

    def points(self) -> list[PointRecord]:
        """Recovery points, oldest first; those whose manifest is damaged are left out (see `stats`). Waits for
        nobody: it can be asked while a cycle is applied."""
        return replica_views.points(self._core)

    def add_disk(self, disk: ReplicaDisk) -> str:
        """Room for a disk that joins, empty in all that is sealed and in the head; a sentence. Points have it from the
        first cycle on that brings it and does not set it apart. Raises ReplicaClosed."""
        return replica_disks.add(self._core, disk.key, disk.size_bytes)

    def forget_disk(self, key: str) -> bool:
        """Remove a disk that left; False, and nothing is done, while a point has it."""
        return replica_disks.forget(self._core, key)

    def drop(self, point_id: str) -> Dropped:
        """Remove a recovery point. Its layer is merged now, or when what is in use below it is free. Raises
        ReplicaInUse while a run is on this very point, PointHeld while somebody holds it."""
        return replica_prune.drop(self._core, point_id)

    def hold(self, point_id: str, reason: str) -> str:
        """Keep a point for `reason` until it is released: it cannot be dropped, across restarts. A commit still
        removes it, and says so. Repeating is harmless, another reason replaces the first; raises PointUnknown."""
        return replica_holds.hold(self._core, point_id, reason)

    def release(self, point_id: str) -> str:
        """End the hold of a point; a sentence. One that is not held is fine."""
        return replica_holds.release(self._core, point_id)

    def verify(
        self,
        point_id: str,
        cancelled: digest_map_scan.Asked = digest_map_scan.never,
        told: digest_map_scan.Told = digest_map_scan.nobody,
    ) -> Verdict:
        """Whether a point still is, bit for bit, what was sealed; read from the disk. Raises PointUnknown, Cancelled,
        DiskSilent (repeat it)."""
        return replica_verify.verify(self._core, point_id, cancelled, told)

    def verify_cycle(
        self,
        entry: Entry,
        cancelled: digest_map_scan.Asked = digest_map_scan.never,
        told: digest_map_scan.Told = digest_map_scan.nobody,
    ) -> bool:
        """Whether a cycle of the journal still is, bit for bit, what was received; read from the disk. One that is not
        leaves the journal (see `Journal.damaged`); one that was dropped meanwhile is fine. Raises Cancelled,
        ImageProblem (repeat it), KeyMissing, KeyWrong."""
        return journal_read.verify(self._core, entry, cancelled, told)

    def forget_digests(self) -> None:
        """What the head holds is in doubt: its digests are made anew, by reading, before they are used again."""
        with self._core.changing():
            self._core.drop_maps()

    def open_run(
        self, run_name: str, point_id: str, writable: bool = True, through_seq: int | None = None,
        cancelled: digest_map_scan.Asked = digest_map_scan.never,
    ) -> dict[str, Path]:  # fmt: skip
        """Files by disk key for a machine to run on: overlays on the point, or its read-only layers. The point's files
        stay until `close_run`. Repeating gives the same; raises PointUnknown, ReplicaInUse.

        With `through_seq` the cycles of the journal up to that one are applied first, each verified: the overlays are
        of its instant. Raises CycleOutOfOrder when they do not lead there, CycleDamaged; then no run is open."""
        return replica_runs.open_run(self._core, run_name, point_id, writable, through_seq, cancelled)

    @property
    def rolling(self) -> bool:
        """Whether overlays of a run still wait for cycles of the journal."""
        return replica_runs.rolling(self._core)

    def firmware(self, point_id: str, run_name: str | None = None) -> dict[str, bytes | None]:
        """The firmware state at a point, or at the instant that an open run was rolled forward to, by the files' names;
        None stands for one that rotted. Raises PointUnknown, ImageProblem, KeyMissing, KeyWrong."""
        return replica_runs.firmware_state(self._core, point_id, run_name)

    def lacks_firmware(self, files: Iterable[FirmwareFile]) -> set[str]:
        """The digests of those that do not lie here whole; raises KeyMissing, KeyWrong."""
        return {file.sha256 for file in files if self._core.firmware.lacks(file)}

    def run_paths(self, run_name: str) -> dict[str, Path]:
        """The files of an open run by disk key; raises PointUnknown."""
        return replica_runs.run_paths(self._core, run_name)

    def close_run(self, run_name: str) -> str:
        """Delete a run's overlays (its machine is off) and free its point; a sentence. Raises ReplicaInUse for a
        committed run."""
        return replica_runs.close_run(self._core, run_name)

    def settle(self, run_name: str) -> str:
        """The failover onto this run is committed: remove all other points and the head; a sentence. The replica then
        takes no cycles. Raises ReplicaInUse while another run is open."""
        return replica_runs.settle(self._core, run_name)

    def rebase_from_run(self, run_name: str, epoch: int) -> str:
        """This site becomes a target again: merge the committed run (its machine is off) down and open a head for
        `epoch` on it; a sentence. Resumes after a crash."""
        return replica_runs.rebase_from_run(self._core, run_name, epoch)

    def lease(self, point_id: str, reason: str) -> None:
        """Keep a point's files for `reason`, across restarts."""
        replica_runs.lease(self._core, point_id, reason)

    def end_lease(self, reason: str) -> None:
        replica_runs.end_lease(self._core, reason)

    def stats(self) -> ReplicaStats:
        """Sizes and counts, as far as they can be told without waiting for a running change."""
        return replica_views.stats(self._core)

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        self._core.close()

    def let_go(self, within_seconds: float) -> None:
        """Close, so that another program may write to the layers; waits for readers, else raises ReplicaInUse."""
        self._core.until_unread(within_seconds)
        self._core.close()

    def remove(self, even_with_runs: bool = False) -> str:
        """Delete the replica's files, never images that it was created from; a sentence. Raises ReplicaInUse while
        runs are open, unless the caller knows that their machines are gone."""
        return replica_removal.remove(self._core, even_with_runs)
