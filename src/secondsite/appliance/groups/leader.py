"""The leader of a group whose members several appliances replicate.

It lets nobody fix a view before all have said that their machines stand still; each of the others says
afterwards whether its own stood still until its views were fixed. So there was an instant, between the last
PAUSED and the first FIX, at which all did. No clock is needed for that: if the leader does not hear this
within its own budget, there is no common point."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...datapath.errors import DatapathError
from ...domain.amounts import span
from ...wire.control.setups import GroupPart, GroupShape
from ..shared import Peers
from .link import InstantOutcome, Link, OtherAppliances, Verdict, missed

HEARD_SECONDS = 5.0
READY_SECONDS = 45.0
"""Time for an appliance to wait for cycles in progress and to open its views."""
FROZEN_SECONDS = 15.0
FIXED_SECONDS = 5.0
SENT_SECONDS = 930.0
"""Time for all cycles to arrive: longer than a cycle may take."""
MOST_APART_SECONDS = 2.0
"""The most that two clocks may differ, which is how long machines may be paused: beyond that no instant would
be that of all points of a set."""


class LeaderSide(OtherAppliances):
    """The other appliances of a group, as its leader addresses them. The caller calls `end`."""

    def __init__(self, group: GroupShape, peers: Peers, app: bool, budget: float) -> None:
        super().__init__(group.name)
        self._shape = group
        self._peers = peers
        self._ask = {"group": group.name, "parts": parts_of(group), "app": app, "budget": budget}
        self._links: list[Link] = []

    def gather(self) -> None:
        """Dial and ask all of them, then wait until all are ready; nothing here is paused meanwhile."""
        for part in self._shape.parts[1:]:
            self._links.append(self._dialled(part))
        for link in self._links:
            self._begin(link)
        self._hear("READY", READY_SECONDS)

    def freeze(self) -> None:
        self._say("FREEZE")

    def frozen(self) -> None:
        self._hear("FROZEN", FROZEN_SECONDS)

    def pause(self) -> None:
        self._say("PAUSE")

    def paused(self, _instant: datetime, longest_seconds: float) -> datetime:
        self._hear("PAUSED", longest_seconds)
        instant = datetime.now(UTC)
        self._say("FIX")
        return instant

    def verdict(self, fixed: InstantOutcome) -> Verdict:
        if fixed.why is not None:
            self._refuse(fixed.why)
            return super().verdict(fixed)
        answers = self._hear("FIXED", FIXED_SECONDS)
        longest = max([fixed.pause_seconds, *(_seconds(each.get("pause_seconds")) for each in answers)])
        app = fixed.app and all(each.get("app") is True for each in answers)
        verdict = super().verdict(InstantOutcome(None, fixed.instant, app, longest))
        self._say("VERDICT", set_id=verdict.set_id)
        return verdict

    def sent(self, _lost: list[str]) -> list[str]:
        answers = self._hear("SENT", SENT_SECONDS)
        return [
            str(name)[:100]
            for each, part in zip(answers, self._shape.parts[1:], strict=True)
            if isinstance(lost := each.get("lost"), list)
            for name in lost[: len(part.members)]
        ]

    def end(self, why: str | None) -> None:
        for link in self._links:
            if why is not None:
                link.refuse(why)
            link.close()

    def cut(self) -> None:
        for link in list(self._links):
            link.cut()

    def _dialled(self, part: GroupPart) -> Link:
        try:
            connection = self._peers.connect(part.addresses, part.appliance_id)
        except DatapathError as problem:
            raise missed(part.name, problem.message) from None
        if not connection.takes_common:
            connection.close()
            raise missed(part.name, "Its release cannot take common points together with another appliance.")
        return Link(connection, part.name)

    def _begin(self, link: Link) -> None:
        before = datetime.now(UTC)
        link.say("COMMON", **self._ask)
        said = link.hear("HEARD", time.monotonic() + HEARD_SECONDS).get("at")
        apart = seconds_apart(said, before, datetime.now(UTC))
        if apart is None:
            raise missed(link.name, "It does not say what its clock shows.")
        if abs(apart) > MOST_APART_SECONDS:
            how = "ahead of" if apart > 0 else "behind"
            raise missed(
                link.name,
                f"Its clock is {span(abs(apart))} {how} that of {self._shape.parts[0].name}: no instant is "
                "that of all points. Set both clocks, for instance by NTP.",
            )

    def _say(self, word: str, **fields: Any) -> None:
        for link in self._links:
            link.say(word, **fields)

    def _hear(self, word: str, within_seconds: float) -> Sequence[Mapping[str, Any]]:
        until = time.monotonic() + within_seconds
        return [link.hear(word, until) for link in self._links]

    def _refuse(self, why: str) -> None:
        for link in self._links:
            link.refuse(why)


def parts_of(group: GroupShape) -> dict[str, list[str]]:
    """The members of a group by the id of the appliance that replicates them."""
    return {part.appliance_id: list(part.members) for part in group.parts}


def seconds_apart(said: object, before: datetime, after: datetime) -> float | None:
    """How many seconds another clock is ahead of ours, at least, if it showed `said` at some instant between
    `before` and `after`; None if `said` is no time."""
    try:
        at = datetime.fromisoformat(str(said)[:60])
        return min(0.0, (at - before).total_seconds()) or max(0.0, (at - after).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _seconds(said: object) -> float:
    return float(said) if isinstance(said, int | float) else 0.0
