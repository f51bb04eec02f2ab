"""All of it in one run, in an order in which nothing disturbs what comes later: peace before any batch but the first."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from bench.pair import at_work, in_peace
from bench.pair.batch import Batch
from bench.pair.in_peace import Answers, Peace
from bench.pair.paired_vault import PairedVault
from bench.pair.script import Starts

AS_REAL_ONES = Starts(seconds=5, at_once=8)


@dataclass(frozen=True, slots=True)
class Measured:
    """`rss_mb_after` is what the vault holds after the batches."""

    enable: Batch
    peace: Peace
    answers: Answers
    failover: Batch
    answers_at_work: Answers
    rss_mb_after: float


@functools.cache
def measured(machines: int) -> Measured:
    """Measured once for all figures of a run; appliances answer at once."""
    with PairedVault(machines) as paired:
        return Measured(
            at_work.enable(paired), in_peace.peace(paired), in_peace.answers(paired), at_work.failover(paired),
            at_work.answers_meanwhile(paired), at_work.rss_mb(paired),
        )  # fmt: skip


@functools.cache
def failed_over_as_real_ones(machines: int) -> Batch:
    """A batch failover where a start takes its time at the appliance."""
    with PairedVault(machines, AS_REAL_ONES) as paired:
        at_work.enable(paired)
        return at_work.failover(paired)


def slowest_path_seconds(machines: int) -> float:
    """What the starts alone take: nothing is faster than that."""
    return math.ceil(machines / AS_REAL_ONES.at_once) * AS_REAL_ONES.seconds
