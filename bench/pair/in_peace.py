"""What is measured of a vault in peace: all machines are protected, and nobody does anything."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.pair.clients import Asked, asked
from bench.pair.paired_vault import PairedVault
from bench.support.taken import Taken

SETTLE_SECONDS = 30.0
SPAN_SECONDS = 120.0
PEACE_SECONDS = 600.0
"""So long is peace watched: what is written comes in parts, of which the largest come every three and
every ten minutes."""
EVERY_SECONDS = 5.0
HOUR_SECONDS = 3600.0
HOUR_EVERY_SECONDS = 60.0
LAST_SAMPLES = 5
ASKED_SECONDS = 20.0
POLICY = "default"
PAGE = "/api/machines?limit=100"


@dataclass(frozen=True, slots=True)
class Span:
    """What the vault took in a time. `pair_percent` is what the two scripted appliances took."""

    processor_percent: float
    pair_percent: float
    written_mb_per_minute: float
    rss_mb: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """To the five clients."""

    page: Asked
    one: Asked


def span(paired: PairedVault, seconds: float) -> Span:
    time.sleep(SETTLE_SECONDS)
    vault, pair, samples = Taken.by(paired.vault.pid), Taken.by(paired.pair.pid), []
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        samples.append(round(Taken.by(paired.vault.pid).resident_bytes / 1e6, 1))
        time.sleep(EVERY_SECONDS)
    after, pair_after = Taken.by(paired.vault.pid), Taken.by(paired.pair.pid)
    found = Span(
        100 * (after.processor_seconds - vault.processor_seconds) / passed,
        100 * (pair_after.processor_seconds - pair.processor_seconds) / passed,
        (after.written_bytes - vault.written_bytes) / 1e6 * 60 / passed,
        tuple(samples),
    )
    paired.say(
        f"in peace {found.processor_percent:.1f} % of a core (the pair {found.pair_percent:.1f} %), "
        f"{found.written_mb_per_minute:.1f} MB written a minute, {max(samples):.0f} MB resident"
    )
    return found


def rss_in(paired: PairedVault, seconds: float) -> tuple[float, ...]:
    """In MB, once a minute."""
    samples, ends_at = [], time.monotonic() + seconds
    while time.monotonic() < ends_at:
        time.sleep(HOUR_EVERY_SECONDS)
        samples.append(round(Taken.by(paired.vault.pid).resident_bytes / 1e6, 1))
        paired.say(f"{samples[-1]:.0f} MB resident")
    return tuple(samples)


def span_with_a_point_every_cycle(paired: PairedVault) -> Span:
    with paired.client() as vault:
        usual = vault.policies[POLICY].show()
        vault.policies[POLICY].update(crash_consistent_every_seconds=int(usual.cycle_seconds))
        found = span(paired, SPAN_SECONDS)
        vault.policies[POLICY].update(crash_consistent_every_seconds=usual.crash_consistent_every_seconds)
    time.sleep(SETTLE_SECONDS)  # all appliances are told the policy again
    return found


def answers(paired: PairedVault) -> Answers:
    found = Answers(
        asked(paired, PAGE, lambda: time.sleep(ASKED_SECONDS)),
        asked(paired, one(paired), lambda: time.sleep(ASKED_SECONDS)),
    )
    paired.say(f"{len(found.page.seconds)} pages and {len(found.one.seconds)} single machines were answered")
    return found


def one(paired: PairedVault) -> str:
    """A machine in the middle of the list."""
    return f"/api/machines/{paired.names[len(paired.names) // 2]}"
