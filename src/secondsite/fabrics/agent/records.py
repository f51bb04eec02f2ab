"""What is kept of each machine here: its tag, the names of its disks, and what its checkpoints cover."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from ...domain import errors
from ...ground import durable
from ...wire.common.base import Shape
from ...wire.common.machines import MachineDefinition

LETTERS = 26
FOLDER_MODE = 0o700
MOST_KEYS = 1000
"""So many disks a machine may ever have had: who is not to be trusted tells new ones each time."""


class MachineRecord(Shape):
    """`keys`: what the agent calls each disk, by its key here, which stays for the machine's life.
    `checkpoints`: the disks that each of them covers. `base`: the one that the target acknowledged last.
    `told`: the machine as it was described last."""

    tag: str | None = None
    keys: dict[str, str] = Field(default_factory=dict)
    checkpoints: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    base: str | None = None
    told: MachineDefinition | None = None
    start_forbidden: bool = False
    was_failed_over: bool = False
    """Whether it ever was, so that there may be a copy of it somewhere."""
    is_off: bool = False
    """Whether it was switched off from here, and was not heard since."""
    wanted_back: bool = False
    """Whether it is to work on after its last view, and its agent could not be told yet."""
    hardware: str | None = None
    """The hardware's own UUID, as it was when the machine was protected."""
    replaced: tuple[str, ...] = ()
    """UUIDs of servers whose place another one took: as long as it is protected, it works on none of them."""
    withdrawn: bool = False
    """Whether it was withdrawn, and may come home."""
    replicated: tuple[str, ...] = ()
    """The keys here of the disks that it comes home to, since it was withdrawn; none: all that it had."""
    home: dict[str, str] = Field(default_factory=dict)
    """The files, by disk key, from which it comes home."""
    merging: bool = False
    """Whether they are being merged into its own disks, or that was broken off."""
    stands_alone: bool = False
    """Whether these were merged into its own disks."""
    others: dict[str, str] = Field(default_factory=dict)
    """The disks of another server, by keys here, that it comes home to; none: to its own."""
    other_sizes: dict[str, int] = Field(default_factory=dict)
    """How much of each of these is the machine's."""
    last: str | None = None
    """The name of its last view, after which it stood still."""

    @property
    def coming_home(self) -> dict[str, str]:
        """What the agent calls the disks that it comes home to, by their keys here. It may have had others,
        which were taken out of it, or are not replicated."""
        told = (each.key for each in self.told.disks) if self.told else self.keys
        wanted = frozenset(self.replicated or told)
        return {key: theirs for key, theirs in self.keys.items() if key in wanted}

    @property
    def is_failed_over(self) -> bool:
        return self.withdrawn or self.start_forbidden


class Records:
    """The records, a file for each machine, which only this process writes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.RLock()
        self._known: dict[str, MachineRecord] = {}

    def get(self, fabric_id: str) -> MachineRecord:
        """The record; an empty one of a machine that has none yet. Raises FabricError for a file that cannot
        be read: without the names of its disks one could be taken for another."""
        with self._lock:
            if fabric_id not in self._known:
                self._known[fabric_id] = self._read(self._path(fabric_id))
            return self._known[fabric_id]

    def _read(self, path: Path) -> MachineRecord:
        try:
            return MachineRecord.model_validate_json(path.read_bytes()) if path.exists() else MachineRecord()
        except (OSError, ValidationError) as problem:
            raise errors.FabricError(
                f"{path}, which says what is known of a machine with an agent, cannot be read "
                f"({type(problem).__name__}).",
                do="Put it back from a backup. Without one disable the machine's protection, remove "
                "the file, and protect the machine anew.",
            ) from problem

    def change(self, fabric_id: str, **values: object) -> MachineRecord:
        """Change these fields; durable when it returns."""
        return self.update(fabric_id, lambda _: values)

    def update(self, fabric_id: str, values: Callable[[MachineRecord], dict[str, object]]) -> MachineRecord:
        """The same with fields that depend on the present ones."""
        with self._lock:
            found = self.get(fabric_id)
            changed = found.model_copy(update=values(found))
            if changed != found:
                durable.write(self._path(fabric_id), changed.model_dump_json().encode(), 0o600)
                self._known[fabric_id] = changed
            return changed

    def require_ours(self, fabric_id: str, tag: str) -> None:
        """Raises NotOurs unless the machine has that tag."""
        found = self.get(fabric_id)
        if found.tag != tag:
            raise errors.NotOurs(f"Machine {fabric_id} is tagged {found.tag or 'with nothing'}, not {tag}.")

    def named(self, fabric_id: str, theirs: Iterable[str]) -> dict[str, str]:
        """Keys here of these disks, by what the agent calls them; new ones get the next free key."""

        def with_new(found: MachineRecord) -> dict[str, object]:
            keys = dict(found.keys)
            for each in theirs:
                if each not in keys.values():
                    keys[_free(keys)] = each
            if len(keys) > MOST_KEYS:
                raise errors.FabricError(
                    f"The agent of machine {fabric_id} told of more than {MOST_KEYS} disks by now.",
                    do="Find out what speaks in its place; if it is the machine, revoke its agent and enroll "
                    "it anew.",
                )
            return {"keys": keys}

        return {theirs: key for key, theirs in self.update(fabric_id, with_new).keys.items()}

    def _path(self, fabric_id: str) -> Path:
        if not re.fullmatch(r"[0-9a-f-]{36}", fabric_id):
            raise errors.NotFound(f"'{fabric_id}' names no machine with an agent.")
        return self._folder / f"{fabric_id}.json"


def _free(keys: Iterable[str]) -> str:
    return next(key for number in range(len(list(keys)) + 1) if (key := _key(number)) not in keys)


def _key(number: int) -> str:
    letters = ""
    while number >= 0:
        number, letter = divmod(number, LETTERS)
        letters = chr(ord("a") + letter) + letters
        number -= 1
    return f"sd{letters}"
