"""The other appliances of a group, as the taking of a common point sees them.

    gather > ready > (freeze > frozen) > pause > paused > verdict > sent

Each is called as the members here come to that stage. What it raises ends the common point: machines that stand still go on at
once."""

from dataclasses import dataclass
from datetime import datetime

from ...domain import groups


@dataclass(frozen=True, slots=True)
class Fixed:
    """How it went here: `why` the views share no instant, or None. `app`: all guests were frozen."""

    why: str | None
    instant: datetime | None
    app: bool
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of all members: the id and the instant of their set, or `why` there is none. No member stood still longer than
    `pause_seconds`."""

    why: str | None
    pause_seconds: float
    set_id: str | None = None
    instant: datetime | None = None
    app: bool = False


class OtherAppliances:
    """Nobody: all members of the group are here."""

    def __init__(self, group: str) -> None:
        self.group = group

    def gather(self) -> None:
        """Nothing here is touched yet."""

    def ready(self) -> None:
        """All views here can be fixed."""

    def freeze(self) -> None:
        """The guests here are about to be frozen."""

    def frozen(self) -> None:
        """They are."""

    def pause(self) -> None:
        """The machines here are about to be paused."""

    def paused(self, instant: datetime, _longest_seconds: float) -> datetime:
        """They stand still since `instant`, for as long at most. Gives an instant at which all members of the group do; views are
        fixed after it."""
        return instant

    def verdict(self, fixed: Fixed) -> Verdict:
        """The machines here go on, and their views are fixed or not: what came of it with all members."""
        if fixed.why is not None or fixed.instant is None:
            return Verdict(fixed.why, fixed.pause_seconds)
        set_id = groups.set_id(self.group, fixed.instant)
        return Verdict(None, fixed.pause_seconds, set_id, fixed.instant, fixed.app)

    def sent(self, _lost: list[str]) -> list[str]:
        """The points here are at their target, but for those of the machines that are named; gives those of the others."""
        return []

    def end(self, _why: str | None) -> None:
        """It is over here. Who still waits for a word hears why."""

    def cut(self) -> None:
        """Let no wait go on; from another thread."""
