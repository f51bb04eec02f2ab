"""Remembers cycles of the journal that could not be read.

The name of such a file is changed to EPOCH-SEQ-AFTER-MICROSECONDS.damaged, and it is emptied: so the journal
has a visible gap there, which stays known across restarts until the journal has moved past it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import entry
from .entry import Entry


@dataclass(frozen=True, slots=True)
class DamagedCycle:
    """A cycle that could not be read. `found_at` is when that was found, by the host's clock, in UTC."""

    entry: Entry
    found_at: datetime


class Damage:
    """The damaged cycles of one journal. Only one thread may use it at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: list[DamagedCycle] | None = None

    def all(self) -> tuple[DamagedCycle, ...]:
        """The damaged cycles, in the order in which they were processed."""
        if self._known is None:
            entries = entry.scan(self._folder, entry.DAMAGED)
            self._known = [DamagedCycle(entry, self._found_at(entry)) for entry in entries]
        return tuple(self._known)

    def note(self, entry: Entry) -> None:
        """Replace the file by a mark. On a store that accepts no writes the damage is known only until this
        process ends, and is then found again."""
        known, mark = self.all(), self._folder / entry.damaged_name
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileNotFoundError):
                (self._folder / entry.name).rename(mark)
            with mark.open("wb"):
                os.utime(mark)
        found = DamagedCycle(entry, datetime.now(UTC))
        self._known = sorted((*known, found), key=lambda each: each.entry.place)

    def forget(self, is_past: Callable[[Entry], bool]) -> None:
        """Drop the marks of cycles for which `is_past` is true."""
        for each in self.all():
            if is_past(each.entry):
                (self._folder / each.entry.damaged_name).unlink(missing_ok=True)
        self._known = [each for each in self.all() if not is_past(each.entry)]

    def _found_at(self, entry: Entry) -> datetime:
        return datetime.fromtimestamp((self._folder / entry.damaged_name).stat().st_mtime, UTC)
