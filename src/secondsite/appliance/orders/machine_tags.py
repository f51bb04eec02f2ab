"""Puts our tag back on a machine that another program defined anew, where it is certainly the same machine.

Terraform, virt-manager or a person with a file of a definition leave no tag. Without it nothing of ours
would touch the machine: a move that has shut it down could neither go on nor be undone."""

import json
from pathlib import Path

from ...fabrics import foreign_mark
from ...fabrics.interface import MachineSummary
from ...wire.control.checks import ObstacleShape
from ..shared import run_key
from ..source import machine_tag
from ..target import FAILOVER, HostedReplica
from .context import Context


def found(context: Context, fabric_id: str) -> MachineSummary | None:
    """The machine, with our tag put back where it is certainly ours; None if the site does not know it. The
    caller has its lock."""
    machine = context.fabric.inventory.get(fabric_id)
    if machine is None or machine.tag is not None or not _is_ours(context, machine):
        return machine
    context.fabric.tracking.enable(fabric_id, context.machine_id)
    return context.fabric.inventory.get(fabric_id)


def looked_for(context: Context, fabric_id: str) -> MachineSummary | None:
    """The same for a caller that does not have the machine's lock; it waits for the lock only if the tag is
    lost."""
    machine = context.fabric.inventory.get(fabric_id)
    source = context.parts.replication.find(context.order.machine_id or "")
    if machine is None or machine.tag is not None or source is None:
        return machine
    with context.alone(source, "looking for our tag"):
        return found(context, fabric_id)


def obstacles(context: Context, machine: MachineSummary) -> list[ObstacleShape]:
    """Why a machine that is replicated from here could neither be shut down for a move nor started again
    after it."""
    source = context.parts.replication.find(context.order.machine_id or "")
    if source is None:
        return _of_another(context, machine)
    if source.setup.fabric_id != machine.fabric_id or machine.tag == source.machine_id:
        return []
    return [ObstacleShape(what=machine_tag.lost(source, machine.tag), do=machine_tag.what_to_do(source))]


def copied(context: Context, machine: MachineSummary) -> bool:
    """Whether its tag is that of another machine here, which is replicated from here: it was cloned with its
    definition."""
    known = context.parts.replication.find(machine.tag or "")
    if known is None or known.setup.fabric_id == machine.fabric_id:
        return False
    original = context.fabric.inventory.get(known.setup.fabric_id)
    return original is not None and original.tag == machine.tag


def _of_another(context: Context, machine: MachineSummary) -> list[ObstacleShape]:
    """Why replication of a machine cannot begin, as long as its tag is another machine's and the appliance
    cannot correct that."""
    tag = machine.tag
    if tag is None or tag == context.order.machine_id or copied(context, machine):
        return []
    known, hosted = context.parts.replication.find(tag), context.parts.host.find(tag)
    is_known = known is not None and known.setup.fabric_id == machine.fabric_id
    if is_known or (hosted is not None and hosted.failed_over):
        return []  # of a vault that was restored from before its protection
    refused = foreign_mark.refusal(machine.name, tag)
    return [ObstacleShape(what=refused.message, do=refused.do)]


def _is_ours(context: Context, machine: MachineSummary) -> bool:
    source = context.parts.replication.find(context.machine_id)
    if source is not None and source.setup.fabric_id == machine.fabric_id:
        return machine_tag.is_sure(context.fabric, source)
    hosted = context.parts.host.find(context.machine_id)
    return hosted is not None and _lies_in_a_run(context, hosted, machine)


def _lies_in_a_run(context: Context, hosted: HostedReplica, machine: MachineSummary) -> bool:
    """Whether it was made for a run here: only such a machine stands on that run's own files."""
    for run in hosted.replica.state.runs:
        known, folder = (
            context.state.fact(run_key(context.machine_id, run.name)),
            hosted.replica.files.run(run.name),
        )
        paths = [Path(disk.path) for disk in machine.definition.disks if disk.path]
        named = known is not None and json.loads(known)["fabric_id"] == machine.fabric_id
        if (named or run.name == FAILOVER) and paths and all(path.is_relative_to(folder) for path in paths):
            return True
    return False
