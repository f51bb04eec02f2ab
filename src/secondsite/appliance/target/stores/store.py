"""One store.

    STORE/replicas/MACHINE/   a replica
    STORE/trash/              removed replicas
    STORE/trial-APPLIANCE/    empty disks, while that appliance tries a start
    STORE/start.reserve       space that replication leaves for starts
    STORE/store.json          the store's mark: whose it is
    STORE/owners/             the appliances that use it

Without its mark a store is not there, even if the folder is on which it is mounted.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import structlog

from ....datapath.disks import same_files
from ....domain import errors
from ....ground import durable, real_files
from ....ground.units import GiB
from ....wire.common.base import MACHINE_ID
from ....wire.common.stores import DEFAULT, StoreSpace
from ...shared import State, private_folders
from ..replica import HostedReplica
from ..trash import Trash
from . import store_copies
from .ownership import Owner, Owners, owner_of
from .reserved_space import ReservedSpace

MARK = "store.json"
IS_ID = re.compile(MACHINE_ID).match

log = structlog.get_logger(__name__)


class Store:
    """A store: a named folder with replicas and their trash, all on one file system."""

    def __init__(
        self,
        name: str,
        root: Path,
        delay_seconds: float,
        hosted: Callable[[], Iterable[HostedReplica]],
        appliance_id: str,
    ) -> None:
        self.name = name
        self.root = root
        self.owners = Owners(root, appliance_id)
        self.folder = root / "replicas"
        self.trial = root / f"trial-{appliance_id}"
        self.trash = Trash(root, delay_seconds)
        self.space = JournalSpace(self.folder, self.hosted)
        self.reserve = ReservedSpace(self.root)
        self.problem: str | None = None
        """Why nothing can be kept here since the appliance started; None if it can."""
        self.copied_from: str | None = None
        """The store of which this one was found to be a copy; None once everything in it has to be read
        before it is trusted."""
        self._marked = False
        self._hosted = hosted

    def __str__(self) -> str:
        return f"store '{self.name}'"

    def has(self, machine_id: str) -> bool:
        """Whether this appliance's replica of the machine is here; one that another has taken is not."""
        return (self.folder / machine_id).exists() and self.is_ours(machine_id)

    @property
    def belongs_to(self) -> str:
        """The id of the appliance whose store it is."""
        return owner_of_store(self.root) or self.owners.appliance_id

    def is_ours(self, machine_id: str) -> bool:
        """Whether the folder of the machine's replica, if it is here, is this appliance's."""
        owner = self.owner(machine_id)
        return owner is not None and owner.appliance_id == self.owners.appliance_id

    def owner(self, machine_id: str) -> Owner | None:
        """Whose the replica in the machine's folder is; None if that cannot be read."""
        try:
            return owner_of(self.folder / machine_id, self.belongs_to)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            log.warning("replica.owner-not-read", store=self.name, machine=machine_id, problem=str(problem))
            return None

    def owner_there(self, machine_id: str) -> Owner | None:
        """As `owner`; None too if no replica of the machine is here."""
        return self.owner(machine_id) if (self.folder / machine_id).exists() else None

    def keep_reserve(self) -> None:
        """Reserve the last of its space for starts."""
        self.reserve.keep(machines_run=any(each.failed_over for each in self.hosted()))

    def hosted(self) -> Sequence[HostedReplica]:
        """The replicas in this store."""
        here = self.folder.absolute()
        return [each for each in self._hosted() if each.replica.files.root.parent == here]

    def lying(self) -> Sequence[str]:
        """The ids of the machines whose replicas lie here and are this appliance's; none while it is away."""
        try:
            found = sorted(path.name for path in self.folder.iterdir() if IS_ID(path.name) and path.is_dir())
            return [name for name in found if self.is_ours(name)]
        except OSError as problem:
            log.warning("store.not-listed", store=self.name, problem=str(problem))
            return ()

    def make(self, state: State, appliance_id: str) -> None:
        """Make its folders. If its mark is missing although it was here before, it is left alone: its file
        system is not mounted."""
        try:
            self.copied_from = store_copies.copied_from(self.root, mark_of(self.root))
            self.problem = self._taken(state, appliance_id)
            if self.problem is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._marked = (self.root / MARK).exists()
                if self._marked and self.copied_from is None and self._lies_elsewhere():
                    self._mark(appliance_id)
        except OSError as problem:
            self.problem = f"{self.root} cannot be used: {problem.strerror or problem}."

    def clear_trial(self) -> None:
        """Remove the empty disks of a trial amid which a process of this appliance died. Others that use the
        store have theirs."""
        shutil.rmtree(self.trial, ignore_errors=True)

    def _lies_elsewhere(self) -> bool:
        """Whether it lies elsewhere than its mark says: it was moved, or marked by a former release."""
        return mark_of(self.root).get(store_copies.PLACE) != store_copies.place_of(self.root)

    def distrust(self, state: State, appliance_id: str) -> None:
        """Trust nothing of a copy before it is read here; from then on it is a store like any other. One that
        cannot be marked so, such as a snapshot that is mounted to be read only, is not used."""
        log.warning("store.copied", store=self.name, root=str(self.root), copied_from=self.copied_from)
        try:
            store_copies.distrust(state, self.folder)
            self._mark(appliance_id)
        except OSError as problem:
            self.problem = f"{self.root}, a copy of {self.copied_from}, cannot be used: {problem.strerror}."
        else:
            self.copied_from = None

    def _taken(self, state: State, appliance_id: str) -> str | None:
        mark, known = self.root / MARK, f"store/{self.name}"
        if mark.exists():
            owner = owner_of_store(self.root)
            if self._is_of_another(owner, appliance_id):
                return f"{self.root} belongs to another appliance ({owner}), as {mark} says."
            named = mark_of(self.root).get("store")
            if self.copied_from is not None and owner == appliance_id and named != self.name:
                return (
                    f"{self.root} is a copy of store '{named}' ({self.copied_from}), and not store "
                    f"'{self.name}'."
                )
        elif self._was_here(state, known):
            return f"{mark} is not there: the file system of {self.root} is not mounted, or was emptied."
        if owner_of_store(self.root) != appliance_id and self.copied_from is None:
            self._mark(appliance_id)
        if mark.exists():
            state.put_fact(known, str(self.root))
        return None

    def _mark(self, appliance_id: str) -> None:
        """Write the store's mark. The default store is used without one if it cannot be written, for instance
        because the store is full."""
        private_folders.make((self.root,))
        self.folder.mkdir(exist_ok=True)
        place = store_copies.place_of(self.root)
        said = json.dumps(
            {"appliance_id": appliance_id, "store": self.name, store_copies.PLACE: place}
        ).encode()
        with contextlib.suppress(*((OSError,) if self.name == DEFAULT else ())):
            durable.write(self.root / MARK, said)

    def _is_of_another(self, owner: str | None, appliance_id: str) -> bool:
        """Whether the store belongs to another appliance. A default store does not: it is taken over from an
        appliance that was lost."""
        return self.name != DEFAULT and owner != appliance_id

    def _was_here(self, state: State, known: str) -> bool:
        """Whether the store was here before. A default store without replicas does not count: nothing in it
        could be missing."""
        return state.fact(known) is not None and (self.name != DEFAULT or bool(state.replicas()))

    def free_bytes(self) -> int:
        """Free bytes, counting those that shortened journals would free."""
        return shutil.disk_usage(self._there()).free + sum(
            hosted.replica.journal.stored_bytes() for hosted in self.hosted()
        )

    def whole_bytes(self) -> int:
        """The size of its file system."""
        return shutil.disk_usage(self._there()).total

    def seen(self) -> StoreSpace:
        """The store's space for the vault; reads only the file system's own figures."""
        if self.problem is not None:
            return StoreSpace(name=self.name, problem=self.problem)
        try:
            found = os.statvfs(self._there())
        except OSError as problem:
            return StoreSpace(name=self.name, problem=f"{self.root} cannot be read: {problem.strerror}.")
        free, whole = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        why = self._unusable(read_only=bool(found.f_flag & os.ST_RDONLY))
        return StoreSpace(name=self.name, free_bytes=free, size_bytes=whole, problem=why)

    def _unusable(self, *, read_only: bool) -> str | None:
        """Why nothing can be kept here although something answers at its path; None if it can."""
        if self._marked and not (self.root / MARK).exists():
            return (
                f"{self.root / MARK} is not there any more: its file system was unmounted, or moved, while "
                "the appliance runs."
            )
        if read_only:
            return f"{self.root} can only be read."
        if not os.access(self._there(), os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            return f"The appliance may not write to {self._there()}, or not read it."
        return None

    def require(self) -> None:
        """Raises NotPossibleNow while nothing can be kept here."""
        if problem := self.seen().problem:
            raise errors.NotPossibleNow(
                f"{str(self).capitalize()} of this appliance is not in order: {problem}",
                do="Mount it, or put it right, and start the appliance again; or choose another store.",
            )

    def _there(self) -> Path:
        return self.folder if self.folder.exists() else self.folder.parent


def owner_of_store(root: Path) -> str | None:
    """The id of the appliance whose further store this is; None if its mark does not say."""
    said = mark_of(root).get("appliance_id")
    return None if said is None else str(said)


def mark_of(root: Path) -> Mapping[str, object]:
    """What a store's mark says of it; empty if there is none."""
    try:
        found = json.loads(real_files.content(root / MARK))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def around(place: Path, own: Collection[Path]) -> Path | None:
    """The store that the place lies in: one of these, or another appliance's; None if it lies in none."""
    folders = same_files.behind(place).resolve().parents
    return next((each for each in folders if each in own or mark_of(each)), None)


# Shorten journals before the store is full for anything else: drop kept cycles, the oldest of all machines
# first. Recovery points, arriving cycles and overlays that machines run on are needed; kept cycles only add
# instants between points. The journal of a failed-over machine goes last: its operator may be choosing from
# it.

MOST_RESERVED_BYTES = 1 * GiB
RESERVED_FRACTION = 0.05

log = structlog.get_logger(__name__)


class JournalSpace:
    """The space that kept cycles take in a store's file system."""

    def __init__(self, folder: Path, hosted: Callable[[], Iterable[HostedReplica]]) -> None:
        self._folder = folder
        self._hosted = hosted

    def free_if_short(self) -> None:
        """Free space if little is left."""
        if self.is_short():
            self.free()

    def free(self, spared: HostedReplica | None = None) -> bool:
        """Drop kept cycles until enough is free, at least one, none of `spared`; False if there are none
        to drop."""
        dropped = 0
        while (not dropped or self.is_short()) and self._drop_oldest(spared):
            dropped += 1
        if dropped:
            log.warning("journal.shortened", cycles=dropped)
        return dropped > 0

    def _drop_oldest(self, spared: HostedReplica | None) -> bool:
        having = [(each.cycles.oldest_at(), each) for each in self._hosted() if each is not spared]
        order = sorted(
            ((not each.accepting, at, each) for at, each in having if at is not None),
            key=lambda found: found[:2],
        )
        return any(each.cycles.shorten(each.points) for _, _, each in order)

    def is_short(self) -> bool:
        """Whether little is left. Raises OSError while the store is away."""
        found = os.statvfs(self._folder)
        whole, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        return free < min(MOST_RESERVED_BYTES, RESERVED_FRACTION * whole)
