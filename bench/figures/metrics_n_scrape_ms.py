"""Processor that a scrape of N machines takes of the vault (any number in the name), and what it sends."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

from bench.figure import Figure, spread_of
from bench.pair import at_work
from bench.pair.clients import Asked, asked
from bench.pair.in_peace import SETTLE_SECONDS
from bench.pair.paired_vault import PairedVault
from bench.support.taken import Taken

PATH = "/api/metrics"
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Scraped:
    peace_seconds: float
    busy_seconds: float
    answers: Asked
    grown_mb: float


@functools.cache
def scraped(machines: int) -> Scraped:
    with PairedVault(machines) as paired:
        at_work.enable(paired)
        time.sleep(SETTLE_SECONDS)
        before = Taken.by(paired.vault.pid)
        time.sleep(SECONDS)
        between = Taken.by(paired.vault.pid)
        answers = asked(paired, PATH, lambda: time.sleep(SECONDS))
        after = Taken.by(paired.vault.pid)
        return Scraped(
            between.processor_seconds - before.processor_seconds,
            after.processor_seconds - between.processor_seconds,
            answers,
            (after.resident_bytes - between.resident_bytes) / 1e6,
        )


def measure(machines: int) -> Figure:
    found = scraped(machines)
    count, size = len(found.answers.seconds), found.answers.size_bytes
    each = 1000 * (found.busy_seconds - found.peace_seconds) / count
    return Figure(
        name=f"metrics_{machines}_scrape_ms", value=round(each, 1), unit="ms", goal=50.0, better="lower",
        peer=f"{size:,} bytes before they are packed",
        how=f"processor time of the vault's process for each of {count} answers to GET {PATH} in "
        f"{SECONDS:.0f} s, less what it takes in peace; {machines} machines, one in ten writes",
        spread=spread_of(found.answers.milliseconds),
        measured={
            "answers": count, "size_bytes": size, "peace_seconds": found.peace_seconds,
            "grown_mb": round(found.grown_mb, 1),
        },
    )  # fmt: skip
