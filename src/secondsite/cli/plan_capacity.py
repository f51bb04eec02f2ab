"""secondsite plan-capacity: what it takes to protect machines."""

from collections.abc import Iterator
from typing import Annotated

import typer

from ..client.connection import request
from ..domain.amounts import rate, size, span
from ..domain.prediction import capacity
from ..wire.rest.predictions import Capacity, CapacityQuery, MachineCapacity, Which
from . import amount_options, output
from .options import Json, connect

NONE = "Site {} runs no machines that this could be for; 'secondsite machine list' shows all."
ROWS = 50
"""How many machines are listed, those that need most of the store first; --json has all."""


def _churn(machine: MachineCapacity) -> str:
    seconds = machine.measured_seconds
    return machine.basis if seconds is None else f"{machine.basis} over {span(seconds)}"


COLUMNS: tuple[output.Column, ...] = (
    ("machine", lambda m: m.machine),
    ("protected", lambda m: "yes" if m.protected else "no"),
    ("churn", _churn),
    ("disks", lambda m: size(m.disk_bytes)),
    ("copy", lambda m: size(m.base_bytes)),
    ("written a day", lambda m: size(m.daily_bytes)),
    ("busiest", lambda m: rate(m.busiest_rate)),
    ("store", lambda m: size(m.store_bytes)),
    ("memory", lambda m: size(m.memory_bytes)),
    ("vCPUs", lambda m: m.vcpus),
)


def plan_capacity(
    context: typer.Context,
    source: Annotated[str, typer.Option(help="The site where the machines run.")],
    target: Annotated[str, typer.Option(help="The site that would hold their replicas.")],
    machines: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names or ids of machines; without: those that --which says.",
            metavar="[MACHINE]",
            show_default=False,
        ),
    ] = None,
    policy: Annotated[str, typer.Option(help="Replication policy that they would have.")] = "default",
    which: Annotated[Which, typer.Option(help="Which machines, if none are named.")] = Which.ALL,
    bandwidth: Annotated[
        int | None,
        typer.Option(
            parser=amount_options.rate,
            metavar="RATE",
            help="What may be sent: 100Mbit/s, 20MB/s; it tells how long the first copies take.",
            show_default=False,
        ),
    ] = None,
    daily_change_percent: Annotated[
        float,
        typer.Option(help="What a machine is taken to write in a day, in percent, if not measured.", min=0),
    ] = capacity.DAILY_CHANGE_PERCENT,
    used_percent: Annotated[
        float,
        typer.Option(help="How much of its disks it is taken to use, if it has no replica.", max=100),
    ] = capacity.USED_PERCENT,
    busiest_factor: Annotated[
        float,
        typer.Option(help="How many times the mean it writes when it writes most, if not measured.", min=1),
    ] = capacity.BUSIEST_FACTOR,
    as_json: Json = False,
) -> None:
    """What it takes to protect machines: bandwidth, the time of the first copies, space and memory.
    Example: secondsite plan-capacity --source paris --target rome --bandwidth 200Mbit/s"""
    query = request(
        CapacityQuery,
        source=source,
        target=target,
        policy=policy,
        machine=tuple(machines or ()),
        which=which,
        bandwidth=bandwidth,
        daily_change_percent=daily_change_percent,
        used_percent=used_percent,
        busiest_factor=busiest_factor,
    )
    with connect(context) as vault:
        found = vault.capacity(query)
    if as_json:
        output.show_json(found)
    else:
        _show(found)


def _show(of: Capacity) -> None:
    largest = sorted(of.machines, key=lambda each: each.store_bytes, reverse=True)
    output.show_table(largest[:ROWS], COLUMNS, NONE.format(of.source))
    if len(largest) > ROWS:
        output.say(f"... and {len(largest) - ROWS} more, which need less of the store each: see --json")
    if of.machines:
        output.say("")
        output.show_facts(_facts(of))
    for each in of.assumptions:
        output.say(f"assumed: {each}")
    for each in of.warnings:
        output.say(f"warning: {each}")
    if of.problem is not None:
        output.warn(f"{of.problem.message} What is known of site {of.source} from before counts.")


def _facts(of: Capacity) -> Iterator[tuple[str, object]]:
    yield "machines", f"{len(of.machines)}, {of.measured} measured, {len(of.machines) - of.measured} assumed"
    yield "from, to", f"{of.source} to {of.target}, policy {of.policy}"
    yield "bandwidth, mean", rate(of.mean_rate)
    yield f"to keep an RPO of {span(of.rpo_goal_seconds)}", rate(of.goal_rate)
    yield "first copy", size(of.first_copy_bytes) if of.first_copy_bytes else "nothing to copy"
    if of.bandwidth is not None and of.first_copy_bytes:
        never = "never ends: no more is sent than is written"
        seconds = of.first_copy_seconds
        yield f"first copy at {rate(of.bandwidth)}", never if seconds is None else span(seconds)
    yield "store at the target", f"{size(of.store_bytes)}, {size(of.more_store_bytes)} of it not there yet"
    yield "scratch at the source", size(of.scratch_bytes)
    yield "all running at the target", f"{size(of.memory_bytes)} of memory, {of.vcpus} vCPUs"
    if (plan := of.largest_plan) is not None:
        yield f"largest plan, {plan.plan}", f"{size(plan.memory_bytes)} of memory, {plan.vcpus} vCPUs"
    if (there := of.there) is not None:
        memory = f"{size(there.memory_bytes)} of memory, {size(there.free_bytes)} free"
        yield "the target has", f"{memory}, {there.vcpus} CPUs, {size(there.store_free_bytes)} free in stores"
