"""What a process has taken of its host so far, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Taken:
    """Since the process began; `resident_bytes` is what it holds now."""

    processor_seconds: float
    written_bytes: int
    resident_bytes: int

    @classmethod
    def by(cls, pid: int) -> Self:
        process = Path("/proc") / str(pid)
        times = (process / "stat").read_text().rpartition(")")[2].split()
        seconds = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        return cls(
            seconds,
            _number(process / "io", "write_bytes:"),
            1024 * _number(process / "status", "VmRSS:"),
        )


def _number(file: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(name))
