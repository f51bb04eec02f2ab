"""Failovers of a site with several hosts, beside that of one with a single one: one after the other, in the
same run."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from bench.pair import at_work
from bench.pair.batch import Batch
from bench.pair.paired_vault import PairedVault

HOSTS = 10


@dataclass(frozen=True, slots=True)
class OfHosts:
    """Failovers with one host, with ten, and with ten of which one was lost before."""

    one: Batch
    ten: Batch
    lost: Batch


@functools.cache
def measured(machines: int) -> OfHosts:
    return OfHosts(_failover(machines, 1), _failover(machines, HOSTS), _failover(machines, HOSTS, lost=True))


def _failover(machines: int, hosts: int, *, lost: bool = False) -> Batch:
    with PairedVault(machines, hosts=hosts) as paired:
        at_work.enable(paired)
        if lost:
            paired.lose_a_host()
        return at_work.failover(paired)
