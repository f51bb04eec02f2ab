"""Draws steps with their times, as bars along the time of the whole job."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from . import text
from .text import Told

NARROWEST = 0.6
"""The narrowest bar in percent: a step of milliseconds must be visible."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time from when the job was asked for until it ended."""

    begin: datetime | None
    seconds: float

    def share(self, at: datetime) -> float:
        """Where an instant is in that time, in percent."""
        if self.begin is None or self.seconds <= 0:
            return 0.0
        return min(100.0, max(0.0, (at - self.begin).total_seconds() / self.seconds * 100))


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    state: str
    said: str
    problem: str
    begun: str
    lasted: str
    left: float
    width: float
    asks: str
    answer: Told
    script: Told


def span(job: Told) -> Span:
    begin, end = text.instant(job.get("asked_at")), text.instant(job.get("ended_at"))
    return Span(begin, (end - begin).total_seconds() if begin and end else 0.0)


def steps(value: JsonValue, over: Span) -> list[Step]:
    return [_step(each, over) for each in text.tables(value)]


def _step(told: Told, over: Span) -> Step:
    begun, ended = text.instant(told.get("started_at")), text.instant(told.get("ended_at"))
    left = over.share(begun) if begun else 0.0
    width = max(NARROWEST, over.share(ended) - left) if begun and ended else 0.0
    lasted = (ended - begun).total_seconds() if begun and ended else None
    undone = "undo: " if told.get("kind") == "undo" else ""
    return Step(
        name=undone + text.text(told.get("name")),
        state=text.text(told.get("state")).replace("_", " "),
        said=text.text(told.get("said")),
        problem=text.text(text.table(told.get("problem")).get("message")),
        begun=f"{begun:%H:%M:%S}" if begun else text.NONE,
        lasted=text.seconds(lasted),
        left=min(left, 100 - NARROWEST),
        width=width,
        asks=text.text(told.get("asks")),
        answer=text.table(told.get("answer")),
        script=text.table(told.get("script")),
    )
