"""Drops what the policy no longer keeps: recovery points, kept cycles, disks that are not protected any more.
The caller has locked the replica."""

import structlog

from ...domain import retention
from ...domain.amounts import span
from ...ground import seams
from ...ground.plural import counted
from ...wire.common.points import PointShape
from . import old_disks
from .replica import HostedReplica
from .replicas import ReplicaHost

log = structlog.get_logger(__name__)


def trim_journal(host: ReplicaHost, hosted: HostedReplica) -> None:
    seconds, budget_bytes = hosted.setup.policy.journal_seconds, host.journal_budget_bytes
    hosted.cycles.trim(hosted.points, seconds, budget_bytes)
    host.stores.of(hosted).space.free_if_short()


def trim(host: ReplicaHost, hosted: HostedReplica) -> bool:
    """Trim the journal, and drop one point that the policy no longer keeps; True if there may be more to
    drop."""
    trim_journal(host, hosted)
    old_disks.look(hosted)
    if hosted.replica.state.committed_point_id is not None:
        return False
    doomed = _doomed(hosted)
    found = doomed[0].id if doomed else hosted.useless()
    if found is None:
        _forget_disks(hosted)
        return hosted.replica.keep_short()
    hosted.replica.drop(found)
    seams.reach("appliance.replica.dropped")
    hosted.refresh(only_new=True)
    log.debug("point.dropped", machine=hosted.machine_id, point=found)
    return len(doomed) > 1


def _forget_disks(hosted: HostedReplica) -> None:
    """Remove disks that are no longer protected and that no point has."""
    for key in set(hosted.replica.state.keys) - set(hosted.setup.disks):
        if hosted.replica.forget_disk(key):
            log.info("disk.forgotten", machine=hosted.machine_id, disk=key)


def _doomed(hosted: HostedReplica) -> list[PointShape]:
    """The points that may be dropped. A finding tells of those that only this site's own rules keep."""
    points, delayed, spared = hosted.refresh(), hosted.delayed, hosted.spared()
    # All that are recorded: the released hold of a point whose manifest cannot be read just now waits on.
    delayed.look(hosted.replica.point_ids)
    wanted, counted_here = (
        (hosted.setup.policy.retention_seconds, spared),
        (delayed.retention_seconds, spared | delayed.spared),
    )
    doomed = retention.to_drop(points, *counted_here)
    unwanted = doomed if wanted == counted_here else retention.to_drop(points, *wanted)
    _tell_of_kept(hosted, max(0, len(unwanted) - len(doomed)))
    return doomed


def _tell_of_kept(hosted: HostedReplica, count: int) -> None:
    if not count:
        hosted.findings.clear("history-kept")
        return
    wants, counts = hosted.setup.policy.retention_seconds, hosted.delayed.retention_seconds
    left = hosted.delayed.longest_left_seconds
    why = f"{span(left)} more by the deletion delay" if left else "by the least retention"
    hosted.findings.add(
        "history-kept",
        f"The target keeps {counted(count, 'recovery point')} of {hosted.setup.machine_name} that the vault "
        f"would have deleted, {why} of its site: the policy says {span(wants)}, and {span(counts)} counts.",
    )
