"""One of the two ends of the conversation about a common point.

    leader    COMMON          FREEZE          PAUSE          FIX         VERDICT
    follower          HEARD > READY   FROZEN         PAUSED       FIXED           SENT

Either may say REFUSE in place of any word, with the reason, and then it is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...datapath.channel import Connection
from ...datapath.errors import DatapathError
from ...domain import errors, groups

IDLE_SECONDS = 5.0
"""Until a dead line is noticed."""


class Link:
    """To one other appliance, which is called `name`. Its errors say who it was."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.name = name
        self.is_open = True
        self._connection = connection
        connection.unlimited()
        connection.set_idle(IDLE_SECONDS)

    def say(self, word: str, **fields: Any) -> None:
        """Raises NotPossibleNow."""
        try:
            self._connection.send_message(word, **fields)
        except DatapathError as problem:
            raise self._ended(problem) from None

    def hear(self, word: str, until: float) -> Mapping[str, Any]:
        """The fields of this word, the last letter of which is here by then, on the monotonic clock.
        Raises NotPossibleNow."""
        try:
            return self._connection.receive_message(word, until=until).fields
        except DatapathError as problem:
            raise self._ended(problem) from None

    def refuse(self, why: str) -> None:
        """Say that it is over, if that is not known; harmless when repeated."""
        if self.is_open:
            self.is_open = False
            try:
                self._connection.send_message("REFUSE", code=errors.NotPossibleNow.code, message=why, do="")
            except DatapathError:
                return

    def cut(self) -> None:
        self._connection.cut()

    def close(self) -> None:
        self._connection.close()

    def drain(self) -> None:
        """Let a refusal arrive."""
        self._connection.drain(IDLE_SECONDS)

    def _ended(self, problem: DatapathError) -> errors.NotPossibleNow:
        self.is_open = False
        return missed(self.name, problem.message)


def missed(name: str, why: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(f"{name}: {why}", do="Nothing: the next common point is tried by itself.")


# The other appliances of a group, as the taking of a common point sees them. gather > ready > (freeze >
# frozen) > pause > paused > verdict > sent Each is called as the members here come to that stage. What it
# raises ends the common point: machines that stand still go on at once.


@dataclass(frozen=True, slots=True)
class InstantOutcome:
    """How it went here: `why` the views share no instant, or None. `app`: all guests were frozen."""

    why: str | None
    instant: datetime | None
    app: bool
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of all members: the id and the instant of their set, or `why` there is none. No member stood still
    longer than `pause_seconds`."""

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
        """They stand still since `instant`, for as long at most. Gives an instant at which all members of
        the group do; views are fixed after it."""
        return instant

    def verdict(self, fixed: InstantOutcome) -> Verdict:
        """The machines here go on, and their views are fixed or not: what came of it with all members."""
        if fixed.why is not None or fixed.instant is None:
            return Verdict(fixed.why, fixed.pause_seconds)
        set_id = groups.set_id(self.group, fixed.instant)
        return Verdict(None, fixed.pause_seconds, set_id, fixed.instant, fixed.app)

    def sent(self, _lost: list[str]) -> list[str]:
        """The points here are at their target, but for those of the machines that are named; gives those
        of the others."""
        return []

    def end(self, _why: str | None) -> None:
        """It is over here. Who still waits for a word hears why."""

    def cut(self) -> None:
        """Let no wait go on; from another thread."""
