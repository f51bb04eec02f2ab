"""The control connection of one agent: the appliance asks lines with a number, answers come in any order."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from . import words
from .errors import AgentAway, AgentRefused, Refused
from .records import Kind
from .stream import Ended, Stream
from .words import Answer, Hello

PING_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 30.0
MOST_ASKED: Final = 256
LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who came, by which certificate, from where."""

    agent_id: str
    kind: Kind
    fingerprint: str
    until: datetime
    address: str
    is_guest: bool = False
    """Whether it was enrolled at another appliance, and its machine was started here."""


@dataclass(eq=False, slots=True)
class Conversation:
    """`began_at` and `heard_at` are monotonic. Thread-safe but for `serve`, which is the reading thread's."""

    peer: Peer
    hello: Hello
    stream: Stream
    since: datetime
    began_at: float = field(default_factory=time.monotonic)
    heard_at: float = field(default_factory=time.monotonic)
    said_goodbye: bool = False
    _number: int = 0
    _asked: dict[int, Future[Answer]] = field(default_factory=dict)
    _late: set[int] = field(default_factory=set)
    """What was asked, and is not waited for any more."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: bool = False

    @property
    def label(self) -> str:
        return f"The agent of {self.hello.host_name}"

    def ask(self, do: str, seconds: float, asked: Mapping[str, Any]) -> Any:
        """What it told. Raises AgentAway, AgentRefused."""
        answering = self.begin(do, min(seconds, SILENT_SECONDS), asked)
        try:
            answer = answering.result(seconds)
        except NotYet:
            self._forget(answering)
            raise AgentAway(f"{self.label} did not answer '{do}' within {seconds:.0f} s.") from None
        if not answer.ok:
            raise AgentRefused(f"{self.label} refused '{do}': {answer.error}", answer.code, answer.told)
        return answer.told

    def begin(self, do: str, seconds: float, asked: Mapping[str, Any]) -> Future[Answer]:
        """Ask, and have the answer later: a future that raises AgentAway if the connection ends first."""
        answering: Future[Answer] = Future()
        with self._lock:
            if self._ended or len(self._asked) + len(self._late) >= MOST_ASKED:
                raise self._away("is asked too much" if not self._ended else "left")
            self._number += 1
            number = self._number
            self._asked[number] = answering
        try:
            self.stream.send(words.line(**{**asked, "number": number, "do": do}), seconds)
        except Ended as ended:
            self.end()
            raise self._away(f"takes no question ({ended})") from ended
        return answering

    def serve(self, looked: Callable[[], None]) -> None:
        """Take answers, and ask whether it is there, until it leaves or falls silent; `looked` is called each
        second or so."""
        pinged_at = time.monotonic()
        try:
            while time.monotonic() - self.heard_at < SILENT_SECONDS:
                line = self.stream.read_line(words.MOST_LINE, time.monotonic() + LOOK_SECONDS)
                if line is not None:
                    self._take(words.read(words.ANSWER, line))
                if time.monotonic() - pinged_at >= PING_SECONDS:
                    pinged_at = time.monotonic()
                    self._ping()
                looked()
        except Refused as refused:
            self.stream.send(words.refusal(refused), SILENT_SECONDS)
            raise Ended(refused.code) from refused
        finally:
            self.end()

    def is_alive(self, within_seconds: float) -> bool:
        """Whether it answers now."""
        try:
            return self.begin("ping", within_seconds, {}).result(within_seconds).ok
        except (NotYet, AgentAway):
            return False

    def end(self) -> None:
        """Whoever waits for an answer is told; harmless when repeated."""
        with self._lock:
            self._ended = True
            waiting = list(self._asked.values())
            self._asked.clear()
        self.stream.cut()
        for each in waiting:
            with contextlib.suppress(Exception):
                each.set_exception(self._away("left"))

    def _ping(self) -> None:
        """Whoever sends meanwhile shows as well that we are here."""
        if not self.stream.is_sending():
            with contextlib.suppress(AgentAway):
                self.begin("ping", SILENT_SECONDS, {})

    def _take(self, answer: Answer) -> None:
        self.heard_at = time.monotonic()
        if answer.number == 0 and answer.code == "goodbye":
            self.said_goodbye = True
            raise Ended("it said goodbye")
        with self._lock:
            answering = self._asked.pop(answer.number, None)
            is_late = answer.number in self._late
            self._late.discard(answer.number)
        if answering is not None:
            answering.set_result(answer)
        elif not is_late:  # who may say what nobody asked could keep this process busy
            raise Refused("no-question", f"Nothing was asked by the number {answer.number}.")

    def _forget(self, answering: Future[Answer]) -> None:
        with self._lock:
            for number in [number for number, each in self._asked.items() if each is answering]:
                del self._asked[number]
                self._late.add(number)

    def _away(self, what: str) -> AgentAway:
        return AgentAway(f"{self.label} {what}.")
