"""Durable records of a cycle: that it was tried, before its first byte leaves, and that it arrived."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ...datapath import extents
from ...datapath.cycles import CycleHeader
from ...datapath.errors import PeerRefused
from ...datapath.extents import Extent
from ...datapath.transfer import CycleResult, DiskPlan
from ...domain.machines.rolling_scan import Moment
from ...ground import real_files, seams
from ...wire.control.statuses import SeenHardware
from . import cycle_plan
from .cycle_plan import CyclePlan
from .machine import Source
from .progress import DiskPass, SourceProgress
from .slices import DiskPart


def attempt(plan: CyclePlan, plans: Sequence[DiskPlan], seq: int) -> None:
    """Record that this number is used, and what may reach the replica."""
    source, parts, now = plan.source, plan.parts, Moment(seq, plan.session.taken_at)
    known = source.progress.passes
    # A lost base makes the known positions worthless, even if this cycle never arrives.
    passes = {part.key: _begun(part, known.get(part.key), now) for part in parts if part.mode is not None}
    lost = [key for key in passes if key not in known or known[key].mode is not passes[key].mode]
    resynchronizing = source.progress.resynchronizing or bool(lost)
    if lost:
        source.findings.add(
            "resynchronizing",
            f"The change bitmap of {', '.join(lost)} is not usable; only blocks that differ are sent.",
        )
    elif resynchronizing and not source.findings.has("resynchronizing"):  # which says why
        source.findings.add(
            "resynchronizing", "A comparison of all blocks runs; only blocks that differ are sent."
        )
    source.change(
        next_seq=seq + 1,
        passes={**known, **passes},
        resynchronizing=resynchronizing,
        doubtful=_doubtful(source, parts, plans),
    )
    seams.reach("appliance.cycle.attempted")


def _doubtful(
    source: Source, parts: Sequence[DiskPart], plans: Sequence[DiskPlan]
) -> dict[str, tuple[tuple[int, int], ...]]:
    """The ranges by disk that the replica may have from unacknowledged cycles: those of before, and the delta
    of this cycle. (`attempted` covers slices.)"""
    found = dict(source.progress.doubtful)
    for part, plan in zip(parts, plans, strict=True):
        delta = extents.intersect(plan.changed, 0, part.known_until)
        both = extents.union(doubtful(source, part.key), (replace(each, zero=False) for each in delta))
        if both:
            found[part.key] = tuple((each.offset, each.length) for each in both)
    return found


def doubtful(source: Source, key: str) -> list[Extent]:
    """What cycles after the acknowledged one may have brought to a disk of the replica."""
    return [Extent(offset, length) for offset, length in source.progress.doubtful.get(key, ())]


def _begun(part: DiskPart, known: DiskPass | None, now: Moment) -> DiskPass:
    assert part.mode is not None
    return DiskPass(
        began=(known.began if known else None) or now,
        mode=part.mode,
        position=min(known.position, part.slice_start) if known else part.slice_start,
        attempted=max(part.attempted, known.attempted if known else 0),
        size_bytes=part.size_bytes,
    )


def _began(progress: SourceProgress, part: DiskPart) -> Moment | None:
    """When the pass over a disk began, as the attempt noted it."""
    known = progress.passes.get(part.key)
    return known.began if known else None


def _equal_since(plan: CyclePlan) -> dict[str, Moment]:
    """Since when the disks of passes that this cycle ends are known to be equal."""
    ended = [part for part in plan.parts if part.mode is not None and part.after is None]
    found = {part.key: _began(plan.source.progress, part) for part in ended}
    return {key: at for key, at in found.items() if at is not None}


def _devices(definition: Mapping[str, Any]) -> dict[str, str]:
    """What the block devices of a machine are called, by disk key."""
    named = {each["key"]: real_files.device_name(each["path"]) for each in definition["disks"]}
    return {key: name for key, name in named.items() if name}


def _hardware(definition: Mapping[str, Any]) -> SeenHardware | None:
    """What the vault is told of the machine; None if that does not fit in a status, which is worth more."""
    try:
        return SeenHardware.model_validate({**definition, "cards": definition["nics"]})
    except ValidationError:
        return None


def number_taken(source: Source, now: datetime) -> PeerRefused:
    """The target already has a cycle of this number. Numbers are never reused, so the records here were lost:
    continue with numbers that no lost record can have reached, and compare all blocks. Returns the error to
    raise."""
    source.change(next_seq=max(source.progress.next_seq, int(now.timestamp())))
    return PeerRefused(
        f"The target has cycles of {source} that this appliance knows nothing of.",
        do="Nothing: all blocks are compared, and those that differ are sent.",
        code="out-of-order",
    )


def acknowledge(plan: CyclePlan, header: CycleHeader, result: CycleResult) -> None:
    """Record that the target has the cycle; durable when it returns."""
    source, session, progress = plan.source, plan.session, plan.source.progress
    passes = {
        part.key: part.after.model_copy(update={"began": _began(progress, part)})
        for part in plan.parts
        if part.after is not None
    }
    changes: dict[str, object] = {
        "last_seq": header.seq,
        "base": session.checkpoint or progress.base,
        "taken_at": session.taken_at if session.is_instant else progress.taken_at,
        "passes": passes,
        "doubtful": {},
        "sizes_bytes": {disk.key: disk.size_bytes for disk in header.disks},
        "equal_since": {**progress.equal_since, **_equal_since(plan)},
        "joining": tuple(key for key in progress.joining if key in passes),
        "resynchronizing": bool(passes) and progress.resynchronizing,
        "last_cycle_seconds": result.seconds,
        "last_cycle_changed_bytes": result.changed_bytes,
        "last_cycle_wire_bytes": result.wire_bytes,
        "total_wire_bytes": progress.total_wire_bytes + result.wire_bytes,
    }
    if header.point is not None:
        changes["point_at"] = session.taken_at
        changes["missed"] = None
        changes["definition"] = cycle_plan.digest(header.point["definition"])
        changes["hardware"] = _hardware(header.point["definition"])
        changes["devices"] = _devices(header.point["definition"])
    if plan.request.app_consistent:
        changes["app_point_at"] = session.taken_at
    if plan.request.pause and not passes:
        changes["paused"] = True
    if header.firmware is not None:
        changes["firmware"] = {file.name: file.sha256 for file in header.firmware}
    source.change(**changes)
