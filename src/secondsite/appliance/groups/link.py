"""One of the two ends of the conversation about a common point.

    leader    COMMON          FREEZE          PAUSE          FIX         VERDICT
    follower          HEARD > READY   FROZEN         PAUSED       FIXED           SENT

Either may say REFUSE in place of any word, with the reason, and then it is over."""

from collections.abc import Mapping
from typing import Any

from ...datapath.channel import Connection
from ...datapath.errors import DatapathError
from ...domain import errors

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
        """The fields of this word, the last letter of which is here by then, on the monotonic clock. Raises NotPossibleNow."""
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
