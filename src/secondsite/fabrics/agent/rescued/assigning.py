"""Which disk of another server stands for which disk of the machine. Pure: nothing is guessed, and nothing
that holds somebody's data is taken unasked."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ....domain import shell
from ....domain.amounts import exact_size, size
from ..link import OtherDisks
from .told import OfferedDisk

KNOWN_AGAIN: Final = ("wwn:", "serial:", "file:")
"""A disk with another key is known by what lies on it, or by its slot: overwritten, it would be another
one."""


NONE: Final = "none"
"""What stands for a disk that does not come home."""


@dataclass(frozen=True, slots=True)
class Problem:
    what: str
    do: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """`disks`: the keys of the server's disks by those of the machine; only whole if there is no problem."""

    disks: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def assign(
    name: str,
    wanted: Mapping[str, int],
    offered: Sequence[OfferedDisk],
    decided: OtherDisks,
    accepted: Collection[str] = (),
    own: Mapping[str, str] | None = None,
    sectors: Mapping[str, int] | None = None,
) -> Assignment:
    """For the machine of this name, whose disks have the sizes `wanted`. `accepted`: the server's disks whose
    content is the machine's, or was given up before. `own`: the keys of its own disks, which stay what they
    were if the server has them. `sectors`: the size in bytes of their sectors, as far as that is known."""
    return _Assigning(
        name, wanted, offered, decided, {*accepted, *(own or {}).values()}, own or {}, sectors or {}
    ).assigned()


class _Assigning:
    def __init__(
        self, name: str, wanted: Mapping[str, int], offered: Sequence[OfferedDisk], decided: OtherDisks,
        accepted: Collection[str], own: Mapping[str, str], sectors: Mapping[str, int],
    ) -> None:  # fmt: skip
        self._name, self._wanted, self._offered = name, wanted, offered
        self._decided, self._accepted, self._own = decided, accepted, own
        self._sectors = sectors
        self._taken: dict[str, OfferedDisk] = {}
        self._problems: list[Problem] = []

    def assigned(self) -> Assignment:
        for key, text in self._decided.chosen.items():
            if text != NONE:
                self._choose(key, text)
        for key in self._wanted.keys() - self._decided.chosen.keys():
            self._keep(key)
        for key in sorted(self._wanted, key=lambda key: (-self._wanted[key], key)):
            if key not in self._decided.chosen and key not in self._taken:
                self._find(key)
        for key, disk in self._taken.items():
            self._problems.extend(self._against(key, disk))
        disks = {key: self._taken[key].key for key in sorted(self._taken)}
        return Assignment(disks, tuple(self._problems))

    def _choose(self, key: str, text: str) -> None:
        found = [each for each in self._offered if text in _names(each)]
        if key not in self._wanted:
            self._tell(f"{self._name} has no disk {key}: it has {', '.join(sorted(self._wanted))}.", key)
        elif len(found) != 1:
            many = "no disk" if not found else "more than one disk"
            self._tell(f"The server has {many} '{text}': it has {self._all()}.", key)
        elif found[0] in self._taken.values():
            self._tell(f"Disk {_said(found[0])} was chosen for two disks of {self._name}.", key)
        else:
            self._taken[key] = found[0]

    def _keep(self, key: str) -> None:
        """As where one of its disks was replaced."""
        for each in self._offered:
            if each.key == self._own.get(key) and not each.refused and each not in self._taken.values():
                self._taken[key] = each

    def _find(self, key: str) -> None:
        """By its size alone: where more than one disk is large enough, a person decides."""
        free = [each for each in self._offered if not each.refused and each not in self._taken.values()]
        able = [each for each in free if each.size_bytes >= self._wanted[key]]
        if len(able) == 1:
            self._taken[key] = able[0]
            return
        why = "no free disk is large enough" if not able else "more than one disk is large enough"
        self._tell(f"{self._which(key)}: {why}. The server has {self._all()}.", key)

    def _against(self, key: str, disk: OfferedDisk) -> Iterator[Problem]:
        said = _said(disk)
        if disk.refused:
            yield Problem(f"The server does not offer disk {said}: {disk.refused}.", self._other(key))
        if disk.size_bytes < self._wanted[key]:
            yield Problem(
                f"{self._which(key)}, and disk {said} has {exact_size(disk.size_bytes)}.", self._other(key)
            )
        sectors = self._sectors.get(key, 0)
        if sectors and disk.sector_bytes and sectors != disk.sector_bytes:
            yield Problem(
                f"{key} of {self._name} has sectors of {sectors} bytes, and disk {said} of "
                f"{disk.sector_bytes}: the machine's system would not find its partitions.",
                self._other(key),
            )
        if not disk.key.startswith(KNOWN_AGAIN):
            yield Problem(
                f"Disk {said} tells neither a WWN nor a serial number, so it would not be known again once "
                "it is written.",
                self._other(key),
            )
        if disk.holds and disk.key not in self._accepted and not self._may_go(disk):
            lies = ", ".join(dict.fromkeys(each.kind for each in disk.holds))
            yield Problem(
                f"Disk {said} holds {lies}, and would be overwritten as {key} of {self._name}.",
                f"If that may go: '{self._command(f'--overwrite {shlex.quote(_called(disk))}')}'.",
            )

    def _may_go(self, disk: OfferedDisk) -> bool:
        return any(each in _names(disk) for each in self._decided.overwrite)

    def _tell(self, what: str, key: str) -> None:
        self._problems.append(Problem(what, self._other(key)))

    def _other(self, key: str) -> str:
        return f"Choose one: '{self._command(f'--disk {key}=SERIAL')}'."

    def _command(self, options: str) -> str:
        return f"secondsite appliance agents disks {shell.arguments(self._name, options=options)}"

    def _which(self, key: str) -> str:
        return f"{key} of {self._name} needs {exact_size(self._wanted[key])}"

    def _all(self) -> str:
        return ", ".join(_said(each) for each in self._offered) or "none"


def _names(disk: OfferedDisk) -> Collection[str]:
    return {disk.key, disk.key.partition(":")[2], disk.serial or disk.key, disk.name}


def _called(disk: OfferedDisk) -> str:
    return disk.serial or disk.key


def _said(disk: OfferedDisk) -> str:
    return f"{_called(disk)} ({disk.name}, {size(disk.size_bytes)})"
