"""One store.

STORE/replicas/MACHINE/   a replica
STORE/trash/              removed replicas
STORE/store.json          whose it is: a further store without it is not there, but the folder that it is mounted on may be
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ....domain import errors
from ....ground import durable
from ....wire.common.stores import DEFAULT, StoreSpace
from ...shared import State, private
from ..replica import HostedReplica
from ..trash import Trash
from .journal_space import JournalSpace

MARK = "store.json"


class Store:
    """A named folder with replicas and their trash, which are on one file system."""

    def __init__(
        self, name: str, root: Path, delay_seconds: float, hosted: Callable[[], Iterable[HostedReplica]]
    ) -> None:
        self.name = name
        self.root = root
        self.folder = root / "replicas"
        self.trash = Trash(root, delay_seconds)
        self.space = JournalSpace(self.folder, self.hosted)
        self.problem: str | None = None
        """Why nothing can be kept here now."""
        self._hosted = hosted

    def __str__(self) -> str:
        return f"store '{self.name}'"

    def has(self, machine_id: str) -> bool:
        return (self.folder / machine_id).exists()

    def hosted(self) -> Sequence[HostedReplica]:
        """The replicas that are here."""
        here = self.folder.absolute()
        return [each for each in self._hosted() if each.replica.files.root.parent == here]

    def make(self, state: State, appliance_id: str) -> None:
        """Make its folders. A further store that was here once, and is not now, is left alone: its file system is not mounted."""
        try:
            self.problem = None if self.name == DEFAULT else self._taken(state, appliance_id)
            if self.problem is None:
                self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            self.problem = f"{self.root} cannot be used: {problem.strerror or problem}."

    def _taken(self, state: State, appliance_id: str) -> str | None:
        mark, known = self.root / MARK, f"store/{self.name}"
        if mark.exists():
            owner = owner_of(self.root)
            if owner != appliance_id:
                return f"{self.root} belongs to another appliance ({owner}), as {mark} says."
        elif state.fact(known) is not None:
            return f"{mark} is not there: the file system of {self.root} is not mounted, or was emptied."
        else:
            private.make((self.root,))
            durable.write(mark, json.dumps({"appliance_id": appliance_id, "store": self.name}).encode())
        state.put_fact(known, str(self.root))
        return None

    def free_bytes(self) -> int:
        """Free bytes, counting those that shortened journals would free."""
        return shutil.disk_usage(self._there()).free + sum(
            hosted.replica.journal.stored_bytes() for hosted in self.hosted()
        )

    def whole_bytes(self) -> int:
        """The size of its file system."""
        return shutil.disk_usage(self._there()).total

    def seen(self) -> StoreSpace:
        """As the vault is told of it; reads nothing but the file system's own figures."""
        if self.problem is not None:
            return StoreSpace(name=self.name, problem=self.problem)
        try:
            found = os.statvfs(self._there())
        except OSError as problem:
            return StoreSpace(name=self.name, problem=f"{self.root} cannot be read: {problem.strerror}.")
        readonly = f"{self.root} can only be read." if found.f_flag & os.ST_RDONLY else None
        free, whole = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        return StoreSpace(name=self.name, free_bytes=free, size_bytes=whole, problem=readonly)

    def require(self) -> None:
        """Raises NotPossibleNow while nothing can be kept here."""
        if problem := self.seen().problem:
            raise errors.NotPossibleNow(
                f"{str(self).capitalize()} of this appliance is not in order: {problem}",
                do="Mount it, or put it right, and start the appliance again; or choose another store.",
            )

    def _there(self) -> Path:
        return self.folder if self.folder.exists() else self.folder.parent


def owner_of(root: Path) -> str | None:
    """The appliance whose further store this is; None if it says nothing."""
    try:
        return str(json.loads((root / MARK).read_text())["appliance_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
