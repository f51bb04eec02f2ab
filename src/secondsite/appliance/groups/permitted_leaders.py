"""Decides who may ask this appliance to take part in a common point: only the leader that the vault named for
that group, and only so often.

What it asks is checked value by value. Machines that other appliances pause stand still, or are frozen,
for a third of the time at most, and are held for a common point that does not come about for half of it."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ...datapath.channel import Connection, Message
from ...domain import errors, groups
from ...ground import seams
from ...wire.control.setups import GroupShape
from .common_point import PAUSE_BUDGET_SECONDS, CommonPoints
from .leader import parts_of
from .link import InstantOutcome, Link, OtherAppliances, Verdict, missed
from .outcome import Common

REST = 2.0
"""For how many times as long as they were paused, or their guests were frozen, machines are then left
alone."""


class PermittedLeaders:
    """Answers a leader's request for a common point (COMMON). `groups` gives the groups that the vault has
    sent, by name."""

    def __init__(
        self, points: CommonPoints, groups: Callable[[], Mapping[str, GroupShape]], appliance_id: str
    ) -> None:
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.at: dict[str, float] = {}
        """When each group was asked for last, on the monotonic clock."""
        self._points = points
        self._groups = groups
        self._appliance_id = appliance_id
        self._rests_until: dict[str, float] = {}

    def answer(self, connection: Connection, message: Message) -> None:
        """Take part in the common point, from the first message to the last. Raises nothing."""
        link = Link(connection, connection.peer_name)
        try:
            group = self._led_by(connection.peer_name, message.fields)
            app, budget = _wish(message.fields, group)
        except errors.SecondsiteError as refused:
            link.refuse(refused.message)
            return
        link.name = group.parts[0].name
        self.at[group.name] = began = time.monotonic()
        following = FollowerSide(group.name, link, app, self.now)
        common = self._points.take_with(following, group, app, budget)
        ended = time.monotonic()
        held = 0.0 if common.reason is None else ended - began
        self._rests_until[group.name] = ended + max(REST * still_seconds(common, budget), held)

    def _led_by(self, peer: str, asked: Mapping[str, Any]) -> GroupShape:
        name = asked.get("group")
        group = self._groups().get(name) if isinstance(name, str) else None
        if group is None or not self.follows(group) or group.parts[0].appliance_id != peer:
            raise errors.NotPossibleNow(
                "The vault has not said here that you lead the common points of that group."
            )
        if asked.get("parts") != parts_of(group):
            raise errors.NotPossibleNow("The group has other machines here; it was changed a moment ago.")
        if time.monotonic() < self._rests_until.get(group.name, 0.0):
            raise errors.NotPossibleNow("Its machines here were held a moment ago.")
        return group

    def follows(self, group: GroupShape) -> bool:
        """Whether another appliance leads it, and members are replicated from here."""
        ids = [part.appliance_id for part in group.parts]
        return self._appliance_id in ids[1:]


def still_seconds(common: Common, budget: float) -> float:
    """How many seconds the machines here could not work because of a common point: paused, or their guests
    frozen."""
    return max(min(common.pause_seconds, budget), common.frozen_seconds)


def _wish(asked: Mapping[str, Any], group: GroupShape) -> tuple[bool, float]:
    budget = asked.get("budget")
    if not isinstance(budget, int | float) or isinstance(budget, bool) or not budget > 0:
        raise errors.InvalidArgument("The longest pause is no number of seconds.")
    app = asked.get("app") is True
    if app and not group.app_consistent:
        raise errors.NotPossibleNow(
            "The group takes no app-consistent points here; it was changed a moment ago."
        )
    return app, min(float(budget), PAUSE_BUDGET_SECONDS)


# A follower's end: another appliance leads the common points of the group, and says when. Its members here
# are as safe as those of a group that this appliance leads: it counts its own budget from the moment at which
# it is told to pause them, and no word of the leader makes that longer.

NEXT_SECONDS = 25.0
"""How long a follower waits for the next word: the leader waits for its own cycles in progress, opens its
views and freezes its guests meanwhile. The machines here have no other cycle then, and orders wait for
them."""
VERDICT_SECONDS = 10.0
MOST_APART_SECONDS = 4.0
"""The most that the leader's instant may differ from the clock here: one budget for the difference of the
clocks, and one for the pause."""


class FollowerSide(OtherAppliances):
    """The leader, as a follower addresses it. `leader` is the link on which it has asked."""

    def __init__(self, group: str, leader: Link, app: bool, now: Callable[[], datetime]) -> None:
        super().__init__(group)
        self._leader = leader
        self._app = app
        self._now = now

    def gather(self) -> None:
        self._leader.say("HEARD", at=self._now().isoformat())
        seams.reach("appliance.group.heard")

    def ready(self) -> None:
        self._leader.say("READY")
        self._leader.hear("FREEZE" if self._app else "PAUSE", time.monotonic() + NEXT_SECONDS)

    def frozen(self) -> None:
        self._leader.say("FROZEN")
        self._leader.hear("PAUSE", time.monotonic() + NEXT_SECONDS)

    def paused(self, instant: datetime, longest_seconds: float) -> datetime:
        until = time.monotonic() + longest_seconds
        self._leader.say("PAUSED")
        self._leader.hear("FIX", until)
        return instant

    def verdict(self, fixed: InstantOutcome) -> Verdict:
        if fixed.why is not None:
            self._leader.refuse(fixed.why)
            return super().verdict(fixed)
        self._leader.say("FIXED", app=fixed.app, pause_seconds=round(fixed.pause_seconds, 6))
        seams.reach("appliance.group.fixed")
        said = self._leader.hear("VERDICT", time.monotonic() + VERDICT_SECONDS).get("set_id")
        instant = groups.instant_of(self.group, said)
        if instant is None or fixed.instant is None:
            raise missed(self._leader.name, "It names a set that is none of this group.")
        if abs((instant - fixed.instant).total_seconds()) > MOST_APART_SECONDS:
            raise missed(
                self._leader.name, "It names an instant at which the machines here did not stand still."
            )
        return Verdict(None, fixed.pause_seconds, str(said), instant, fixed.app)

    def sent(self, lost: list[str]) -> list[str]:
        self._leader.say("SENT", lost=lost)
        return []

    def end(self, why: str | None) -> None:
        if why is not None and self._leader.is_open:
            self._leader.refuse(why)
            self._leader.drain()

    def cut(self) -> None:
        self._leader.cut()
