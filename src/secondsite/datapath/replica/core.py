"""The core of a replica, for all its verbs: files, state, open heads and digest maps.

A verb changes things inside `changing()`: one thread at a time, after recovery. If a verb fails,
everything open is closed and the state is read again from the record, so that memory never runs ahead of
it. Code that only needs layers to stay uses `keeping_layers()`: it waits for a merge but not for a long
cycle, because a failover must not queue behind one. Locks are taken in the order change, layers, record."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from ...ground import full_disk
from ...ground.durable import sync_folder
from ...ground.real_files import file_number
from .. import errors
from ..cycles import CycleJournal
from ..digests import DigestMap, scan
from ..disks import NbdDisk, StorageDaemon
from ..encryption import DataKey, EncryptionKey
from .chain import backing_files, chain, head_names, own_files
from .record import encrypt_old_firmware, paths, record, whose
from .record.firmware_store import FirmwareStore
from .record.manifest import Manifest
from .record.paths import ReplicaFiles
from .record.record import ReplicaState
from .record.replica_keys import ReplicaKeys

Reach = Callable[[str], None]
NO_KEY: Final = (errors.KeyMissing, errors.KeyWrong)
CANNOT_MERGE: Final = (
    errors.StoreFull, errors.ImageProblem, errors.DiskUnreadable, errors.QmpRefused, OSError,
)  # fmt: skip
"""Errors after which recovery goes on: the store is full or read-only, or a layer is broken."""


class ReplicaCore:
    """One replica in this process. Invariant: `state` is what replica.json holds."""

    def __init__(
        self, files: ReplicaFiles, daemon: StorageDaemon, reach: Reach, key: EncryptionKey | None = None,
        machine_id: str | None = None,
    ) -> None:  # fmt: skip
        self.files = files
        self.daemon = daemon
        self.reach = reach
        self.heads = chain.Heads(daemon, files, lambda: self.key)
        self.journal = CycleJournal(files.journal)
        paths.require_own(files.root)
        self.state = record.load(files.record)
        whose.require(files, self.state, machine_id)
        self.keys = ReplicaKeys(key, lambda: self.state, self.save)
        self.firmware_store = FirmwareStore(files.firmware, lambda: self.file_key)
        self._maps: dict[str, DigestMap] = {}
        self._change_lock = threading.RLock()
        self._depth = 0
        self._layers_lock = threading.RLock()
        self._record_lock = threading.Lock()
        self._head_numbers: dict[str, int] = {}
        self._folder = file_number(files.root)
        self.lost_head = False
        """Whether a head was found replaced by another file, and no comparison was asked for since."""
        self._whole = False
        self.shares_after = 0.0
        """When to try again to make merged layers, on the monotonic clock, after it was found to be
        impossible."""
        self.looked_for_useless = False
        """Whether no merged layer can have become useless since the last search."""
        self._readers: list[int] = []

    @contextlib.contextmanager
    def changing(self) -> Iterator[ReplicaState]:
        """Lock the replica for one change; yields its state."""
        with self._entered() as outermost:
            try:
                if outermost:
                    self._look_at_files()
                if not self._whole:
                    with self._layers_lock:
                        self._recover()
                yield self.state
                if outermost:
                    self._name_heads()
            except errors.DiskUnreadable as error:
                told = self.what_broke(error)
                self._reset()
                raise told from error
            except Exception:
                self._reset()
                raise

    def _look_at_files(self) -> None:
        """Open anew the files that were replaced."""
        if self._whole and self._is_exchanged():
            self.lost_head = True
        elif not self.heads.stale:
            return
        self._reset()

    @contextlib.contextmanager
    def _entered(self) -> Iterator[bool]:
        """Take the lock for changes; yields whether this is the outermost change."""
        with self._change_lock:
            self._depth += 1
            try:
                yield self._depth == 1
            finally:
                self._depth -= 1

    @contextlib.contextmanager
    def keeping_layers(self) -> Iterator[ReplicaState]:
        """Lock the layers, not the head: nothing is merged or removed inside; yields the state."""
        while not self._whole:
            if self._change_lock.acquire(timeout=0.1):
                try:
                    with self.changing():
                        pass
                finally:
                    self._change_lock.release()
        with self._layers_lock:
            yield self.state

    @contextlib.contextmanager
    def reading(self, layer: int) -> Iterator[None]:
        """Keep a layer and all below unchanged while this process reads it."""
        with self._layers_lock:
            self._readers.append(layer)
        try:
            yield
        finally:
            with self._layers_lock:
                self._readers.remove(layer)

    def until_unread(self, within_seconds: float) -> None:
        """Return once nobody in this process reads a layer; raises ReplicaInUse after `within_seconds`."""
        deadline = time.monotonic() + within_seconds
        while self._readers:
            if time.monotonic() > deadline:
                raise errors.ReplicaInUse(
                    (
                        f"A recovery point of {self.state.machine_id} is still being read after "
                        f"{within_seconds:.0f} s."
                    ),
                    do="Wait for the verification, then retry.",
                )
            time.sleep(0.02)

    @property
    def reserved(self) -> int:
        """The highest layer that must not change; nor may any below it."""
        return max([self.state.reserved, *self._readers])

    @property
    def key(self) -> EncryptionKey | None:
        """The key of the disks, None if they are plain; raises KeyMissing, KeyWrong."""
        return self.keys.images

    @property
    def file_key(self) -> DataKey | None:
        """The key of cycles and firmware state, None if they are plain; raises KeyMissing, KeyWrong."""
        return self.keys.files

    def save(self, **changes: Any) -> ReplicaState:
        """Make a changed state durable, then current."""
        with self._record_lock:
            state = dataclasses.replace(self.state, **changes)
            record.save(state, self.files.record)
            self.state = state
        return state

    def open_heads(self) -> dict[str, NbdDisk]:
        if self.state.head is None:
            raise errors.ReplicaClosed(
                f"The replica of {self.state.machine_id} takes no cycles: its failover was committed.",
                do="Reprotect the machine; the replica is opened again with the next epoch.",
            )
        if self.heads.used_at is None:
            for disk in self.state.disks:
                files = chain.chain_files(self.files, self.state, disk, self.state.head or 0, None)
                own_files.require_own(self.files.root, files)
        return self.heads.open(self.state)

    def maps(self, cancelled: scan.Asked = scan.never, told: scan.Told = scan.nobody) -> dict[str, DigestMap]:
        """A correct digest map of every head. A stale one is rebuilt by reading the disk, which takes
        long."""
        disks = self.open_heads()
        for disk in self.state.disks:
            if not self._map_is_true(disk.key, disks[disk.key].size_bytes):
                self.drop_maps(disk.key)
                self._maps[disk.key] = scan.build(
                    self.files.digests(disk.key),
                    disks[disk.key],
                    self.state.epoch,
                    self.state.processed_seq,
                    cancelled,
                    told,
                )
        return self._maps

    def _map_is_true(self, key: str, size_bytes: int) -> bool:
        if key not in self._maps:
            with contextlib.suppress(FileNotFoundError, errors.ImageProblem):
                self._maps[key] = DigestMap(self.files.digests(key))
        known = self._maps.get(key)
        state = self.state
        return known is not None and known.describes(
            size_bytes, state.epoch, state.processed_seq, state.applying_seq
        )

    @property
    def was_put_back(self) -> bool:
        """Whether its files are copies, for instance from a backup, so that head and digests may be of two
        instants."""
        return self._is_copied or bool(self._exchanged_heads())

    @property
    def _is_copied(self) -> bool:
        for key in self.state.keys:
            with self._map_file(key) as digests:
                if digests is not None and digests.is_copy:
                    return True
        return False

    def looks_exchanged(self) -> bool:
        """Whether a head is another file than the one that was written to, so that the source must compare
        all blocks."""
        if not self.lost_head and self._whole and self._is_exchanged():  # or it is just being changed
            with self.changing():
                pass
        return self.lost_head

    def moving_heads(self) -> None:
        """Note that the heads are about to become other files; which ones is noted at the end of the
        change."""
        for key in self.state.keys:
            with self._map_file(key) as digests:
                if digests is not None and digests.of_file:
                    digests.name_file(0, flush=True)

    def _name_heads(self) -> None:
        for key, number in head_names.numbers(self.files, self.state).items():
            if number != self._head_numbers.get(key) or key in self._maps:
                with self._map_file(key) as digests:
                    if digests is not None and digests.of_file != number:
                        digests.name_file(number, flush=False)
                self._head_numbers[key] = number

    def _is_exchanged(self) -> bool:
        return self._is_another_folder() or bool(self._exchanged_heads())

    def _is_another_folder(self) -> bool:
        now = file_number(self.files.root)
        return None not in (now, self._folder) and now != self._folder

    def _exchanged_heads(self) -> list[str]:
        """Keys of the disks whose head is another file than it was left as."""
        return [
            key
            for key, number in head_names.numbers(self.files, self.state).items()
            if (known := self._known_number(key)) and known != number
        ]

    def _known_number(self, key: str) -> int:
        if key in self._head_numbers:
            return self._head_numbers[key]
        with self._map_file(key) as digests:
            return 0 if digests is None else digests.of_file

    @contextlib.contextmanager
    def _map_file(self, key: str) -> Iterator[DigestMap | None]:
        """The digest map of a disk, stale or not; None without one."""
        if key in self._maps:
            yield self._maps[key]
            return
        try:
            digests = DigestMap(self.files.digests(key))
        except (FileNotFoundError, errors.ImageProblem):
            yield None
            return
        try:
            yield digests
        finally:
            digests.close()

    def grow_map(self, key: str, size_bytes: int) -> None:
        """Grow the map of a disk whose old size was a whole number of blocks."""
        with contextlib.suppress(FileNotFoundError, errors.ImageProblem):
            digests = self._maps.get(key) or DigestMap(self.files.digests(key))
            digests.grow(size_bytes)
            digests.mark(digests.epoch, digests.seq)
            self._maps[key] = digests

    def drop_maps(self, *keys: str) -> None:
        """Delete digest maps and their files; they are rebuilt when needed."""
        for key in keys or self.state.keys:
            if key in self._maps:
                self._maps.pop(key).close()
            self.files.digests(key).unlink(missing_ok=True)

    def close(self) -> None:
        """Close all open files; the next use opens them again."""
        with self._change_lock:
            self._reset()

    def what_broke(self, error: errors.DiskUnreadable) -> errors.DatapathError:
        """What an NBD error means: the store is full, the daemon is dead, or the error itself."""
        if full_disk.is_said_in(error.message):
            return full_disk.store_full(
                f"No space left on the store of {self.state.machine_id}: {error.message}"
            )
        if self.daemon.died() or self.heads.stale:
            return errors.StorageDaemonGone(
                f"The storage daemon died while it served {self.state.machine_id}.",
                do="Repeat the operation: the daemon is started again.",
            )
        return error

    def _reset(self) -> None:
        self.heads.forsake()
        for digests in self._maps.values():
            digests.close()
        self._maps = {}
        self._head_numbers = {}
        self._whole = False
        self.looked_for_useless = False

    def _recover(self) -> None:
        """Make the files match the record: finish what was begun, remove what is not recorded."""
        found = record.load(self.files.record)
        whose.require(self.files, found, self.state.machine_id)
        self.state = found
        self.heads.close()
        head_names.settle(self.files, self.state)
        self._doubt_exchanged()
        with contextlib.suppress(*NO_KEY):
            if self.keys.settle():
                self.reach("key.taken")
        with contextlib.suppress(*NO_KEY, *CANNOT_MERGE):
            self._encrypt_firmware()
        if self.state.merging is not None and self.state.merging > self.reserved:
            # A full disk or a broken layer must not prevent a failover from a whole point: the merge waits,
            # everything else goes on. Nor must a lost key prevent the removal of the replica.
            with contextlib.suppress(*NO_KEY, *CANNOT_MERGE):
                self.finish_merge()
        self.collect_garbage()
        self._whole = True

    def _doubt_exchanged(self) -> None:
        """Distrust a head that is another file, which may be of any instant: its digests are made anew, and
        no point is sealed before a pass has compared all blocks. (Whoever opens a replica checks whether it
        is a copy together with its digests.)"""
        is_copied = self._is_copied
        self.lost_head |= self._is_another_folder() or (not is_copied and bool(self._exchanged_heads()))
        if not self.lost_head:
            return
        self._folder = file_number(self.files.root)
        self.drop_maps()
        if not is_copied:
            self.save(whole=False, unsealed=True, processed_after=None)

    def _encrypt_firmware(self) -> None:
        if self.key is not None:
            encrypted = encrypt_old_firmware.encrypt_firmware(
                self.firmware_store, self.files, self.state, self.reach
            )
            if encrypted is not None:
                self.save(firmware=encrypted)

    def manifest_of(self, point_id: str) -> Manifest:
        """The manifest of a point, read now; raises ImageProblem if it cannot be trusted to be this
        point's."""
        return whose.point(self.files, self.state, point_id)

    def file_of(self, key: str, number: int) -> Path:
        """The file of a layer of a disk, the head too."""
        return head_names.file_of(self.files, self.state, key, number)

    def finish_merge(self) -> None:
        """Merge the layer that the record names in `merging` with its child, under the child's name."""
        state = self.state
        number = state.merging
        child = next(layer.number for layer in state.layers if number is not None and layer.number > number)
        self.moving_heads()
        for disk in state.disks:
            self.reach("merge.begun")
            low = self.files.layer(disk.key, number or 0)
            for high in self._users(low, disk.key) if state.by_headers else [self.file_of(disk.key, child)]:
                self._merge_down(low, high)
            low.unlink(missing_ok=True)
            self.reach("merge.renamed")
        self.save(layers=tuple(layer for layer in state.layers if layer.number != number), merging=None)
        self.reach("merge.recorded")

    def _users(self, low: Path, key: str) -> list[Path]:
        return [path for _, path in backing_files.users(self.files, self.state, key).get(low.name, ())]

    def _merge_down(self, low: Path, high: Path) -> None:
        is_bottom = self.state.merging == self.state.layers[0].number
        try:
            self.heads.merge_down(low, high, sharing=self.state.by_headers and not is_bottom)
        except errors.DiskUnreadable as error:
            raise self.what_broke(error) from error

    def collect_garbage(self) -> None:
        """Remove layers, manifests and run overlays that the record does not name. A replica that takes no
        more cycles keeps no journal."""
        state = self.state
        self._collect_disks(state)
        self.collect_firmware()
        points = {layer.point_id for layer in state.layers}
        for path in self.files.points.glob("*.json"):
            if path.stem not in points:
                path.unlink(missing_ok=True)
        runs = {place(run.name) for run in state.runs for place in (self.files.run, self.files.run_part)}
        for folder in self.files.runs.iterdir():
            if folder not in runs:
                shutil.rmtree(folder, ignore_errors=True)
        if state.head is None:
            self.journal.clear()

    def _collect_disks(self, state: ReplicaState) -> None:
        sealed = {layer.number for layer in state.layers} - {state.head}
        for key in state.keys:
            for path in self.files.strays(key, sealed, state.head, state.merged):
                path.unlink(missing_ok=True)
            sync_folder(self.files.disk(key))
        for folder in (self.files.root / "disks").iterdir():
            if folder.name not in state.keys:
                shutil.rmtree(folder, ignore_errors=True)

    def collect_firmware(self) -> None:
        """Remove firmware files that neither the newest cycle nor a recovery point names."""
        newest, found = {file.sha256 for file in self.state.firmware}, self.firmware_store.stored()
        if found <= newest:
            return
        with contextlib.suppress(errors.ImageProblem):  # a damaged manifest may name any of them
            self.firmware_store.remove(found - newest - self._firmware_of_points())

    def _firmware_of_points(self) -> set[str]:
        points = [layer.point_id for layer in self.state.layers if layer.point_id is not None]
        manifests = (self.manifest_of(point_id) for point_id in points)
        return {Path(file.file).name for each in manifests for file in each.firmware}
