"""The network that is made for a drill: one for all machines of a run (S-092), or a single machine's own."""

import hashlib

from ....jobs.model.context import StepContext
from ....jobs.storage import read
from ....wire.control.orders import CreateNetwork
from ... import ports


def run_of(ctx: StepContext) -> str | None:
    """The job of all machines that this machine's job is below; None if it was started alone."""
    with ctx.session() as session:
        job = read.find(session, ctx.job_id)
    return job.parent_job_id if job is not None else None


def network(machine: ports.MachineRecord, run: str | None) -> CreateNetwork:
    """A Linux bridge's name has at most 15 characters."""
    if run is None:
        return CreateNetwork(name=f"ss-{machine.id[:12]}")
    return CreateNetwork(name=f"ss-{hashlib.sha256(run.encode()).hexdigest()[:12]}", drill=run)


def network_of(drill: ports.DrillRecord) -> CreateNetwork:
    """That of a drill which is open."""
    return CreateNetwork(name=str(drill.network), drill=drill.shared)
