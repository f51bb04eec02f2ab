"""What is measured of batches of all machines."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.pair import batch, in_peace
from bench.pair.batch import Batch
from bench.pair.clients import asked
from bench.pair.in_peace import Answers
from bench.pair.paired_vault import PairedVault
from bench.pair.script import SITES
from bench.support.taken import Taken
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

REST_SECONDS = 30.0
"""Between the end of a batch and what the vault is said to hold after it."""
MOST_COMMITTED = 50
"""At once: jobs are slow while clients ask for all that they can get."""


def enable(paired: PairedVault) -> Batch:
    source, target = SITES
    request = rest.EnableProtection(machines=paired.names, source_site=source, target_site=target)
    return batch.run(paired, Verb.ENABLE_PROTECTION, request)


def failover(paired: PairedVault) -> Batch:
    return batch.run(paired, Verb.FAILOVER, rest.Failover(machines=paired.names))


def answers_meanwhile(paired: PairedVault) -> Answers:
    """What clients are answered while failed-over machines are committed, some for each question."""
    count = min(MOST_COMMITTED, len(paired.names) // 2)
    return Answers(
        asked(paired, in_peace.PAGE, _commit(paired, paired.names[:count])),
        asked(paired, in_peace.one(paired), _commit(paired, paired.names[-count:])),
    )


def rss_mb(paired: PairedVault) -> float:
    return Taken.by(paired.vault.pid).resident_bytes / 1e6


def rested_rss_mb(paired: PairedVault) -> float:
    time.sleep(REST_SECONDS)
    return rss_mb(paired)


def _commit(paired: PairedVault, names: tuple[str, ...]) -> Callable[[], Batch]:
    return lambda: batch.run(paired, Verb.COMMIT, rest.Commit(machines=names))
