"""A follower's end: another appliance leads the common points of the group, and says when.

Its members here are as unhurt as those of a group of its own: it counts its own budget from the moment at which it is told to
pause them, and no word of the leader makes that longer."""

import time
from collections.abc import Callable
from datetime import datetime

from ...domain import groups
from ...ground import seams
from .link import Link, missed
from .other_appliances import Fixed, OtherAppliances, Verdict

NEXT_SECONDS = 25.0
"""The leader waits for its own cycles in progress, opens its views and freezes its guests meanwhile. The machines here have no
other cycle then, and orders wait for them."""
VERDICT_SECONDS = 10.0
MOST_APART_SECONDS = 4.0
"""Two budgets: one that the clocks may differ by, and one for all to stand still."""


class Following(OtherAppliances):
    """`leader` is the link on which the leader has asked."""

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

    def verdict(self, fixed: Fixed) -> Verdict:
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
