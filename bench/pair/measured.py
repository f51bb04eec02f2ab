"""All of it in one run, in an order in which nothing disturbs what comes later: peace before any batch but
the first."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from bench.pair import at_work, in_peace, watched
from bench.pair.batch import Batch
from bench.pair.in_peace import Answers, Span
from bench.pair.paired_vault import PairedVault
from bench.pair.script import Starts

AS_REAL_ONES = Starts(seconds=5, at_once=8)


@dataclass(frozen=True, slots=True)
class Measured:
    """`usual` is peace under the default policy, `point_every_cycle` peace as the release of 2026-11-20
    was measured; `rss_mb_before` is what the vault held before the failover, `rss_mb_after` after it."""

    enable: Batch
    usual: Span
    answers: Answers
    watched_rss_mb: tuple[float, ...]
    point_every_cycle: Span
    rss_mb_before: float
    failover: Batch
    rss_mb_after: float
    answers_at_work: Answers


@functools.cache
def measured(machines: int) -> Measured:
    """Measured once for all figures of a run; appliances answer at once."""
    with PairedVault(machines) as paired:
        return Measured(
            enable=at_work.enable(paired),
            usual=in_peace.span(paired, in_peace.PEACE_SECONDS),
            answers=in_peace.answers(paired),
            watched_rss_mb=watched.rss_mb(paired),
            point_every_cycle=in_peace.span_with_a_point_every_cycle(paired),
            rss_mb_before=at_work.rss_mb(paired),
            failover=at_work.failover(paired),
            rss_mb_after=at_work.rested_rss_mb(paired),
            answers_at_work=at_work.answers_meanwhile(paired),
        )


def rss_in_an_hour(machines: int) -> tuple[float, ...]:
    """Of a vault in peace, in MB."""
    with PairedVault(machines) as paired:
        at_work.enable(paired)
        return in_peace.rss_in(paired, in_peace.HOUR_SECONDS)


@functools.cache
def failed_over_as_real_ones(machines: int) -> Batch:
    """A batch failover where a start takes its time at the appliance."""
    with PairedVault(machines, AS_REAL_ONES) as paired:
        at_work.enable(paired)
        return at_work.failover(paired)


def slowest_path_seconds(machines: int) -> float:
    """What the starts alone take: nothing is faster than that."""
    return math.ceil(machines / AS_REAL_ONES.at_once) * AS_REAL_ONES.seconds
