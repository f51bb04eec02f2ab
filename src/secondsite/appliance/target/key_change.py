"""Changes the key of all encrypted replicas of a stopped appliance, without copying their data.

    encryption.key           what the appliance starts with
    encryption.key.next      the new key, while replicas are made to open with both
    encryption.key.former    the old key, while it is removed from them

Renaming `.next` over the key file is the change: before it the old key opens everything, from then on the
new one. The files that exist tell where an interrupted change continues."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from ...datapath.disks import StorageDaemon
from ...datapath.encryption import EncryptionKey, encryption_key
from ...datapath.errors import DatapathError, KeyMissing, KeyWrong
from ...datapath.replica import Replica, ReplicaState, load_record
from ...domain import errors
from ...ground import seams
from ...ground.durable import sync_folder
from .store_daemon import daemon_of


@dataclass(frozen=True, slots=True)
class KeyChangeResult:
    """The result of a change of the key. `former_file` has the old key. `others` are the machine ids of
    replicas that neither key opens; they are unchanged."""

    key: EncryptionKey
    former: EncryptionKey
    former_file: Path
    replicas: int
    others: tuple[str, ...]


def change(store: Path, path: Path, source: Path | None, further: Sequence[Path] = ()) -> KeyChangeResult:
    """Change the key in `path` to the one in `source`, or to a new random one; the caller has locked the
    appliance's home. `further` are its further stores, all of which are mounted.

    Repeated after an interruption, it continues with the same new key. Raises NotPossibleNow while
    machines run on a replica, or when its files cannot be changed, AlreadyExists when a change to another
    key is under way, InvalidArgument for a file that is not a key."""
    try:
        return _KeyChange(store, path, further).run(None if source is None else encryption_key.load(source))
    except KeyMissing as problem:
        raise errors.InvalidArgument(problem.message, do=problem.do) from problem
    except DatapathError as problem:
        raise errors.NotPossibleNow(problem.message, do=problem.do) from problem


class _KeyChange:
    def __init__(self, store: Path, path: Path, further: Sequence[Path]) -> None:
        self._store = store
        self._stores = (store, *further)
        self._path = path
        self._next = path.with_name(f"{path.name}.next")
        self._former = path.with_name(f"{path.name}.former")

    def run(self, wanted: EncryptionKey | None) -> KeyChangeResult:
        swapped = self._former.exists() and not self._next.exists()
        self._check(wanted, swapped)
        with self._daemon() as daemon:
            if not swapped:
                self._admit(daemon, self._new(wanted))
                self._swap()
            return self._shed(daemon)

    def _check(self, wanted: EncryptionKey | None, swapped: bool) -> None:
        """Refuse a change that could not be completed. Raises as `change`."""
        current = encryption_key.load(self._path)
        under_way = current if swapped else encryption_key.load(self._next) if self._next.exists() else None
        if wanted is not None and under_way is not None and wanted.key_id != under_way.key_id:
            raise errors.AlreadyExists(
                f"A change to key {under_way.key_id} is under way.",
                do="End it first: the same command without '--from'. Then change the key again.",
            )
        if wanted is not None and under_way is None and wanted.key_id == current.key_id:
            raise errors.AlreadyExists(
                f"The appliance has key {wanted.key_id} already.", do="Give another key."
            )
        for folder, _ in self._replicas(current.key_id):
            Replica.open(folder, daemon_of(self._store)).check_key_change()

    def _new(self, wanted: EncryptionKey | None) -> EncryptionKey:
        """The new key, written durably."""
        if self._next.exists():
            return encryption_key.load(self._next)
        if wanted is None:
            return encryption_key.make(self._next)
        return encryption_key.write(self._next, wanted.secret)

    def _admit(self, daemon: StorageDaemon, new: EncryptionKey) -> None:
        key = encryption_key.load(self._path)
        for folder, _ in self._replicas(key.key_id):
            with _opened(folder, daemon, key) as replica:
                replica.admit_key(new)

    def _swap(self) -> None:
        self._former.unlink(missing_ok=True)
        encryption_key.write(self._former, self._path.read_bytes())
        seams.reach("appliance.key.kept")
        self._next.replace(self._path)
        sync_folder(self._path.parent)
        seams.reach("appliance.key.swapped")

    def _shed(self, daemon: StorageDaemon) -> KeyChangeResult:
        key, former = encryption_key.load(self._path), encryption_key.load(self._former)
        both = (key.key_id, former.key_id)
        found = list(self._replicas(*both))
        for folder, _ in found:
            with _opened(folder, daemon, key) as replica:
                replica.shed_key(former)
        kept = self._path.with_name(f"{self._path.name}.{former.key_id}")
        self._former.replace(kept)
        sync_folder(kept.parent)
        others = tuple(state.machine_id for _, state in self._replicas() if state.key_id not in both)
        return KeyChangeResult(key, former, kept, len(found), others)

    def _replicas(self, *key_ids: str) -> Iterator[tuple[Path, ReplicaState]]:
        """The folders and states of encrypted replicas, also unused ones and those in the trash; only those
        with one of `key_ids`, if any are given."""
        folders = [root / each for root in self._stores for each in ("replicas", "trash")]
        for record in sorted(path for each in folders for path in each.glob("[!.]*/replica.json")):
            state = load_record(record)
            if state.key_id is not None and (not key_ids or state.key_id in key_ids):
                yield record.parent, state

    @contextmanager
    def _daemon(self) -> Iterator[StorageDaemon]:
        """A storage daemon; starting it ends one that outlived a killed appliance."""
        daemon = daemon_of(self._store)
        daemon.start()
        try:
            yield daemon
        finally:
            daemon.stop()


@contextmanager
def _opened(folder: Path, daemon: StorageDaemon, key: EncryptionKey) -> Iterator[Replica]:
    replica = Replica.open(folder, daemon, lambda name: seams.reach(f"appliance.replica.{name}"), key)
    try:
        yield replica
    finally:
        replica.close()


# The customer's key at this appliance: read once at the start, never sent anywhere. Without a usable key an
# appliance still works with plain replicas; encrypted ones stay as they are, with a finding.

FINDINGS = {KeyMissing: "encryption-key-missing", KeyWrong: "encryption-key-wrong"}
"""The code of the finding for each error of a replica's key."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Custody:
    """The key, or the reason why there is none."""

    key: EncryptionKey | None = None
    why_not: str = "no key was given to it"

    def require(self, about: str) -> EncryptionKey:
        """The key; raises KeyMissing, which says how to set one."""
        if self.key is None:
            raise KeyMissing(f"{about} cannot be encrypted by this appliance: {self.why_not}.", do=GIVE_ONE)
        return self.key


GIVE_ONE = (
    "Run 'secondsite appliance set-key' at that appliance, keep a copy of the key in a safe place, and "
    "restart it."
)


def take(path: Path) -> Custody:
    """Read the key file. A missing one is not an error; an unusable one is logged."""
    if not path.exists():
        return Custody(why_not=f"there is no key file {path}")
    try:
        return Custody(encryption_key.load(path))
    except KeyMissing as problem:
        log.error("key.unusable", problem=problem.message, do=problem.do)
        return Custody(why_not=problem.message.rstrip("."))
