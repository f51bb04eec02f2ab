"""One end of the conversation between two appliances about a common point.

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
"""How long a connection may be silent before it counts as dead."""


class Link:
    """The conversation with one other appliance, which is called `name`. Errors name it."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.name = name
        self.is_open = True
        self._connection = connection
        connection.unlimited()
        connection.set_idle(IDLE_SECONDS)

    def say(self, word: str, **fields: Any) -> None:
        """Send a word. Raises NotPossibleNow if that fails."""
        try:
            self._connection.send_message(word, **fields)
        except DatapathError as problem:
            raise self._ended(problem) from None

    def hear(self, word: str, until: float) -> Mapping[str, Any]:
        """The fields of this word, which must be here completely by `until` on the monotonic clock. Raises
        NotPossibleNow."""
        try:
            return self._connection.receive_message(word, until=until).fields
        except DatapathError as problem:
            raise self._ended(problem) from None

    def refuse(self, why: str) -> None:
        """Tell the other end that it is over, unless it knows; harmless when repeated."""
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
        """Wait until a refusal that was sent has arrived."""
        self._connection.drain(IDLE_SECONDS)

    def _ended(self, problem: DatapathError) -> errors.NotPossibleNow:
        self.is_open = False
        return missed(self.name, problem.message)


def missed(name: str, why: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(f"{name}: {why}", do="Nothing: the next common point is tried by itself.")


# The other appliances of a group, as `CommonPoints` sees them: gather > ready > (freeze > frozen) > pause >
# paused > verdict > sent. Each method is called as the members here come to that stage. An error that it
# raises ends the common point: paused machines are resumed at once.


@dataclass(frozen=True, slots=True)
class InstantOutcome:
    """How the members here fared: `why` their views share no instant, or None. `app`: all their guests were
    frozen."""

    why: str | None
    instant: datetime | None
    app: bool
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for all members of a group: the id and the instant of their set, or `why` there is none. No
    member was paused longer than `pause_seconds`."""

    why: str | None
    pause_seconds: float
    set_id: str | None = None
    instant: datetime | None = None
    app: bool = False


class OtherAppliances:
    """The case without other appliances: all members of the group are here."""

    def __init__(self, group: str) -> None:
        self.group = group

    def gather(self) -> None:
        """Called first: nothing here is touched yet."""

    def ready(self) -> None:
        """Called when all views here can be fixed."""

    def freeze(self) -> None:
        """Called when the guests here are about to be frozen."""

    def frozen(self) -> None:
        """Called when the guests here are frozen."""

    def pause(self) -> None:
        """Called when the machines here are about to be paused."""

    def paused(self, instant: datetime, _longest_seconds: float) -> datetime:
        """Called when the machines here have been paused since `instant`, for `_longest_seconds` at most.
        Returns an instant at which all members of the group are paused; views are fixed after it."""
        return instant

    def verdict(self, fixed: InstantOutcome) -> Verdict:
        """Called when the machines here run again, with how their views were fixed. Returns the result for
        all members."""
        if fixed.why is not None or fixed.instant is None:
            return Verdict(fixed.why, fixed.pause_seconds)
        set_id = groups.set_id(self.group, fixed.instant)
        return Verdict(None, fixed.pause_seconds, set_id, fixed.instant, fixed.app)

    def sent(self, _lost: list[str]) -> list[str]:
        """Called when the points here are at their target, except those of the machines named. Returns the
        machines of the other appliances whose points are not."""
        return []

    def end(self, _why: str | None) -> None:
        """Called when it is over here. Whoever still waits for a word is told why."""

    def cut(self) -> None:
        """End all waits; called from another thread."""
