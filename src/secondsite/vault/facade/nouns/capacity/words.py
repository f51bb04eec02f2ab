"""What was assumed for a capacity plan, and what would not be enough, in sentences. Pure."""

from collections.abc import Iterator

from .....domain.amounts import rate, size, span
from .....domain.policies import ReplicationPolicy
from .....domain.prediction import capacity as domain
from .....ground.plural import counted
from .....wire.rest.predictions import Capacity, CapacityQuery


def assumptions(of: Capacity, query: CapacityQuery) -> Iterator[str]:
    guessed = len(of.machines) - of.measured
    if guessed:
        yield (
            f"What {counted(guessed, 'machine')} {'writes' if guessed == 1 else 'write'} is not measured: "
            f"{query.daily_change_percent:g} % of the data in a day, "
            f"{query.busiest_factor:g} times the mean when most is written."
        )
    if of.first_copy_bytes:
        yield f"Of disks without a replica {query.used_percent:g} % are in use."
    if of.measured:
        yield (
            "What is measured is what recovery points of the last day added: what was written again "
            "between two points counts once, and may be sent more than once."
        )
    if of.machines:
        yield (
            f"Appliances are as installed: {size(domain.SCRATCH_BYTES)} of scratch space for each machine, a "
            f"journal of at most {size(domain.JOURNAL_BYTES)}, one inbox of {size(domain.INBOX_BYTES)}."
        )


def warnings(of: Capacity, policy: ReplicationPolicy) -> Iterator[str]:
    if policy.crash_consistent_every_seconds >= policy.rpo_threshold_seconds:
        yield (
            f"Policy '{policy.name}' makes a point every {span(policy.crash_consistent_every_seconds)}, so "
            f"an RPO threshold of {span(policy.rpo_threshold_seconds)} is not kept with any bandwidth."
        )
    yield from _of_bandwidth(of)
    if of.there is None:
        yield f"Site {of.target} did not tell what its hosts and stores have, so nothing is compared with it."
    else:
        yield from _of_store(of)
        yield from _of_hosts(of)


def _of_bandwidth(of: Capacity) -> Iterator[str]:
    if of.bandwidth is None:
        return
    if of.bandwidth <= of.mean_rate:
        yield (
            f"{rate(of.bandwidth)} is not more than the {rate(of.mean_rate)} that are written: "
            "points fall further and further behind."
        )
    elif of.bandwidth < of.goal_rate:
        yield (
            f"{rate(of.bandwidth)} is less than the {rate(of.goal_rate)} that keep the RPO threshold of "
            f"{span(of.rpo_goal_seconds)} when most is written."
        )


def _of_store(of: Capacity) -> Iterator[str]:
    free = of.there.store_free_bytes if of.there else 0
    if of.more_store_bytes > free:
        yield (
            f"The stores at {of.target} have {size(free)} free, and {size(of.more_store_bytes)} more are "
            "needed."
        )


def _of_hosts(of: Capacity) -> Iterator[str]:
    there = of.there
    if there is None or not there.hosts:
        return
    has = f"the {counted(there.hosts, 'host')} of {of.target}"
    together = f"All machines together need {size(of.memory_bytes)} of memory"
    if of.memory_bytes > there.memory_bytes:
        yield f"{together}; {has} have {size(there.memory_bytes)}."
    elif of.memory_bytes > there.free_bytes:
        yield f"{together}; {has} have {size(there.free_bytes)} free now."
    plan = of.largest_plan
    if plan is not None and plan.memory_bytes > there.memory_bytes:
        needed = f"Plan '{plan.plan}' alone needs {size(plan.memory_bytes)} of memory"
        yield f"{needed}; {has} have {size(there.memory_bytes)}."
    large = [each for each in of.machines if each.memory_bytes > there.largest_host_bytes]
    if large:
        most = max(large, key=lambda each: each.memory_bytes)
        yield (
            f"{counted(len(large), 'machine')} fit on no host of {of.target}: {most.machine} has "
            f"{size(most.memory_bytes)} of memory, the largest host {size(there.largest_host_bytes)}."
        )
