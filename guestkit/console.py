"""Read what guests said on their serial console, which is a file that each boot appends to.

A machine that was killed may leave half a line; each boot therefore starts its own line with BOOT.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guestkit import errors

POLL_SECONDS = 0.02

_seen: set[tuple[Path, int]] = set()


def boots_seen() -> frozenset[tuple[Path, int]]:
    """Console and number of every boot that this process waited for and saw end well or badly."""
    return frozenset(_seen)


@dataclass(frozen=True, slots=True)
class Boot:
    """One start of the guest, as far as it came."""

    name: str
    lines: tuple[str, ...]

    @property
    def verified_last(self) -> int | None:
        """Number of the last record that the boot verified; None when it found damage or did not come so
        far."""
        return self._number(r"LAST (\d+) ok")

    @property
    def verified_rows(self) -> int | None:
        """How many rows a database holds, which the boot verified; None where there is none, or damage."""
        return self._number(r"ROWS (\d+) ok")

    @property
    def ready(self) -> bool:
        """The records were verified, the writer runs."""
        return "READY" in self.lines

    @property
    def complaints(self) -> tuple[str, ...]:
        """What was damaged or failed, in the guest's words."""
        return tuple(line for line in self.lines if line.startswith(("BAD", "FAILED")))

    @property
    def last_record(self) -> int | None:
        """Number of the last record that was flushed and acknowledged in this boot."""
        return self._number(r"RECORD (\d+)")

    @property
    def bye(self) -> int | None:
        """Number of the last record at the orderly end of this boot; None when there was no such end."""
        return self._number(r"BYE (\d+)")

    def _number(self, pattern: str) -> int | None:
        for line in reversed(self.lines):
            if found := re.fullmatch(pattern, line):
                return int(found.group(1))
        return None


@dataclass(frozen=True, slots=True)
class Gap:
    """A second of a guest: the longest time from the end of one write to that of the next, and how many
    writes there were."""

    longest_ms: float
    writes: int


@dataclass(frozen=True, slots=True)
class Console:
    """The console log at `path`, read anew at each question; a log that is not there yet is empty."""

    path: Path

    @property
    def text(self) -> str:
        """Everything said so far."""
        try:
            return self.path.read_bytes().decode(errors="replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    @property
    def boots(self) -> tuple[Boot, ...]:
        """All boots, oldest first. A line still being written is left out."""
        parts = re.split(r"^BOOT (.*)\n", self.text, flags=re.MULTILINE)[1:]
        return tuple(
            Boot(name, tuple(body.split("\n")[:-1]))
            for name, body in zip(parts[::2], parts[1::2], strict=True)
        )

    @property
    def last_record(self) -> int:
        """The highest record number that any boot acknowledged, at its writing, its verification or its
        end; 0 if none."""
        said = re.findall(r"^(?:RECORD|LAST|BYE) (\d+)(?: ok)?\n", self.text, re.MULTILINE)
        return max(map(int, said), default=0)

    @property
    def last_row(self) -> int:
        """The highest row whose commit any boot acknowledged; 0 if none."""
        return max(map(int, re.findall(r"^ROW (\d+)\n", self.text, re.MULTILINE)), default=0)

    @property
    def io_rounds(self) -> int:
        """How often the newest boot wrote, fsynced and read back; 0 if it does not do that."""
        said = re.findall(r"^IO (\d+)\n", self.text.rpartition("BOOT ")[2], re.MULTILINE)
        return int(said[-1]) if said else 0

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What the newest boot said of its writes, second by second; nothing if it does not watch them."""
        said = re.findall(r"^GAP (\d+) (\d+)\n", self.text.rpartition("BOOT ")[2], re.MULTILINE)
        return tuple(Gap(int(longest) / 1000, int(writes)) for longest, writes in said)

    def wait_for(self, wanted: str | Callable[["Console"], object], within_seconds: float = 60) -> "Console":
        """This console once `wanted` is true of it, or once its text matches the pattern; raises NotSaid."""
        deadline = time.monotonic() + within_seconds
        while not self._fulfils(wanted):
            if time.monotonic() > deadline:
                tail = "\n".join(self.text.splitlines()[-15:])
                raise errors.NotSaid(
                    f"{self.path} did not fulfil {wanted} within {within_seconds} s; it ends:\n{tail}"
                )
            time.sleep(POLL_SECONDS)
        return self

    def wait_for_boot(self, number: int = 1, within_seconds: float = 60) -> Boot:
        """Boot `number` (the first is 1) once it is ready or complains; raises NotSaid."""

        def is_decided(console: Console) -> bool:
            boots = console.boots
            return len(boots) >= number and (boots[number - 1].ready or bool(boots[number - 1].complaints))

        self.wait_for(is_decided, within_seconds)
        _seen.add((self.path, number))
        return self.boots[number - 1]

    def _fulfils(self, wanted: str | Callable[["Console"], object]) -> bool:
        if isinstance(wanted, str):
            return re.search(wanted, self.text, re.MULTILINE) is not None
        return bool(wanted(self))
