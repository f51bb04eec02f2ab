"""The result of a common point: for all members of the group, and for the cycles that are sent then."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...domain import errors
from ...fabrics.interface import Freeze
from ..source import CycleRequest
from .link import InstantOutcome, OtherAppliances, Verdict
from .member import Member


@dataclass(frozen=True, slots=True)
class Common:
    """The result of a common point: its set id and instant, or the reason why there is none. No member was
    paused longer than `pause_seconds`, and no guest here was frozen longer than `frozen_seconds`;
    `point_ids` are by machine, of those that are replicated from here."""

    set_id: str | None = None
    taken_at: datetime | None = None
    reason: str | None = None
    app_consistent: bool = False
    pause_seconds: float = 0.0
    frozen_seconds: float = 0.0
    point_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Moment:
    """The instant that views share, or `why` they share none; `freezes` are final once the guests are
    thawed."""

    instant: datetime | None = None
    why: str | None = None
    pause_seconds: float = 0.0
    frozen_seconds: float = 0.0
    freezes: Mapping[str, Freeze] = field(default_factory=dict)

    @property
    def is_app(self) -> bool:
        return bool(self.freezes) and all(freeze.consistency == "app" for freeze in self.freezes.values())


def verdict(others: OtherAppliances, moment: Moment) -> Verdict:
    try:
        return others.verdict(InstantOutcome(moment.why, moment.instant, moment.is_app, moment.pause_seconds))
    except errors.SecondsiteError as error:
        others.end(error.message)
        return Verdict(error.message, moment.pause_seconds)


def of(members: Sequence[Member], moment: Moment, said: Verdict, group: str) -> tuple[CycleRequest, Common]:
    """What each member's cycle must carry, and the result of the common point before the cycles are sent."""
    for member in members:
        member.tell(moment.freezes.get(member.source.setup.fabric_id), said.instant)
    why = None if said.why is None else f"No common point of group {group}: {said.why}"
    request = CycleRequest(point=True, app_consistent=bool(moment.freezes), set_id=said.set_id, reason=why)
    return request, Common(
        said.set_id, said.instant, said.why, said.app, said.pause_seconds, moment.frozen_seconds
    )


def arrived(others: OtherAppliances, common: Common, lost: list[str]) -> Common:
    """The result, completed with what became of all points of the set: `lost` are the machines here whose
    points did not arrive."""
    try:
        lost = [*lost, *others.sent(lost)]
    except errors.SecondsiteError as error:
        return dataclasses.replace(
            common, set_id=None, reason=f"It is not known whether all points arrived: {error.message}"
        )
    if lost:
        return dataclasses.replace(
            common, set_id=None, reason=f"The point of {', '.join(lost)} did not arrive."
        )
    return common
