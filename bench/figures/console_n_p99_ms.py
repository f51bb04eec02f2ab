"""How long the data of a console's pages takes of a vault of N machines (any number in the name).

The overview, all machines as rows, a page of them, of jobs, and one machine, asked for by five clients on
kept connections.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

from bench.figure import Figure, percentile, spread_of
from bench.pair import at_work, in_peace
from bench.pair.clients import Asked, asked
from bench.pair.in_peace import ASKED_SECONDS, SETTLE_SECONDS
from bench.pair.paired_vault import PairedVault
from bench.support.taken import Taken

PATHS = ("/api/machine-rows", "/api/overview", "/api/machines?sort=rpo&limit=100", "/api/jobs?limit=50")


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to one path, and the processor that each took, in ms."""

    answers: Asked
    each_ms: float


@functools.cache
def answered(machines: int) -> dict[str, Answered]:
    with PairedVault(machines) as paired:
        at_work.enable(paired)
        time.sleep(SETTLE_SECONDS)
        return {path: _of(paired, path) for path in (*PATHS, in_peace.one(paired))}


def _of(paired: PairedVault, path: str) -> Answered:
    before = Taken.by(paired.vault.pid).processor_seconds
    found = asked(paired, path, lambda: time.sleep(ASKED_SECONDS))
    took = Taken.by(paired.vault.pid).processor_seconds - before
    return Answered(found, 1000 * took / len(found.seconds))


def measure(machines: int) -> Figure:
    found = answered(machines)
    p99 = {path: round(percentile(each.answers.milliseconds, 0.99), 1) for path, each in found.items()}
    slowest = max(p99, key=lambda path: p99[path])
    return Figure(
        name=f"console_{machines}_p99_ms", value=p99[slowest], unit="ms", goal=100.0, better="lower",
        peer=", ".join(f"{path} {value} ms" for path, value in p99.items()),
        how=f"p99 of GET {slowest}, the slowest of {len(found)} answers that pages are made of, asked for by "
        f"five clients over and over; {machines} machines",
        spread=spread_of(found[slowest].answers.milliseconds),
        measured={
            path: {"answers": len(each.answers.seconds), "size_bytes": each.answers.size_bytes,
                   "processor_ms": round(each.each_ms, 1)}
            for path, each in found.items()
        },
    )  # fmt: skip
