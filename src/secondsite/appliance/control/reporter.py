"""Status of the machines for the vault: all when a connection begins, then what changed, and each whole now and then.

What was not sent after all is to be told once more with `start_over`.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from ...wire.control import Status
from ...wire.control.statuses import ReplicaStatus, SourceStatus
from ..source import Replication
from ..target import ReplicaHost
from .generations import DRILL_KEY, KEY, Generations
from .news import Key, News, Part, Side

ALL_EVERY_SECONDS = 5.0
"""To a vault that takes no changes. One that does hears as often that nothing changed."""
WHOLE_EVERY_SECONDS = 300.0
"""Each machine, to a vault that takes changes."""
SHARES = 100
"""Of the machines whose time for that has come, at most so large a part at once."""

log = structlog.get_logger(__name__)


class Reporter:
    """Makes the Status messages of one connection. `changes`: the vault takes them."""

    def __init__(
        self, replication: Replication, host: ReplicaHost, generations: Generations, changes: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._replication = replication
        self._host = host
        self._generations = generations
        self._changes = changes
        self._monotonic = monotonic
        self._generations_told: dict[str, Mapping[str, int]] = {}
        self._told: dict[Key, SourceStatus | ReplicaStatus | None] = {}
        self._left: set[Key] = set()
        """What was told, and is there no more."""
        self._whole_at: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._said_at: float | None = None

    def of_machine(self, machine_id: str) -> Sequence[Status]:
        """What an order changed of one machine: nothing if the vault knows it already, or the machine has nothing here."""
        source, hosted = self._replication.find(machine_id), self._host.find(machine_id)
        now: dict[Key, SourceStatus | ReplicaStatus] = {}
        if source is not None:
            now[Side.SOURCE, machine_id] = source.status()
        if hosted is not None:
            now[Side.REPLICA, machine_id] = hosted.status()
        news = News(self._changes)
        self._tell(news, now, set() if self._changes else set(now))
        return [Status.model_validate(part) for part in news.parts]

    def next(self) -> Sequence[Status]:
        """The next messages, in their order; none if nothing changed since the last."""
        try:
            return self._next()
        except Exception:
            self.start_over()
            raise

    def _next(self) -> Sequence[Status]:
        now = dict(self._statuses())
        passed = self._monotonic()
        due = self._said_at is None or passed - self._said_at >= ALL_EVERY_SECONDS
        news = News(self._changes)
        for side, machine_id in [key for key in self._told if key not in now]:
            self._forget(side, machine_id)
            news.gone(side, machine_id)
        self._tell(news, now, self._whole_now(passed) if self._changes else set(now) if due else set())
        generations, drills = self._new_generations(KEY), self._new_generations(DRILL_KEY)
        if not (due or news.parts or generations or drills):
            return ()
        if due:
            self._said_at = passed
        return self._messages(news, generations, drills)

    def start_over(self, machine_ids: Collection[str] = ()) -> None:
        """These machines, or all if none is named, are told whole next."""
        if not machine_ids:
            self._generations_told.clear()
            self._said_at = None
            self._told |= dict.fromkeys(self._left)
        self._again |= {key for key in self._told if not machine_ids or key[1] in machine_ids}

    def _messages(self, news: News, generations: dict[str, int], drills: dict[str, int]) -> Sequence[Status]:
        at = datetime.now(UTC)
        first: Part = news.parts[0] if news.parts else {}
        free, used = self._space()
        rest = {
            "old_copies": self._replication.old_copies.statuses(), "store_free_bytes": free, "store_used_bytes": used,
            "generations": generations, "drill_generations": drills,
        }  # fmt: skip
        head = Status.model_validate({**first, **rest, "at": at})
        return [head, *(Status.model_validate({**part, "at": at}) for part in news.parts[1:])]

    def _tell(
        self, news: News, now: Mapping[Key, SourceStatus | ReplicaStatus], whole: Collection[Key]
    ) -> None:
        for key, status in now.items():
            told = None if key in whole or key in self._again else self._told.get(key)
            if news.of(told, status):
                self._whole_at[key] = self._monotonic()
            self._told[key] = status
            self._left.discard(key)
            self._again.discard(key)

    def _whole_now(self, passed: float) -> set[Key]:
        """Those that were told whole longest ago, a few at a time."""
        due = [key for key, at in self._whole_at.items() if passed - at >= WHOLE_EVERY_SECONDS]
        return set(sorted(due, key=self._whole_at.__getitem__)[: 1 + len(self._told) // SHARES])

    def _forget(self, side: Side, machine_id: str) -> None:
        self._left.add((side, machine_id))
        self._told.pop((side, machine_id), None)
        self._whole_at.pop((side, machine_id), None)
        self._again.discard((side, machine_id))

    def _statuses(self) -> Iterator[tuple[Key, SourceStatus | ReplicaStatus]]:
        """What is wrong with one machine keeps no other from being told."""
        for source in self._replication.sources():
            try:
                yield (Side.SOURCE, source.machine_id), source.status()
            except Exception as problem:
                log.warning("source.not-described", machine=source.machine_id, problem=str(problem))
        for hosted in self._host.all():
            yield (Side.REPLICA, hosted.machine_id), hosted.status()

    def _new_generations(self, series: str) -> dict[str, int]:
        told = self._generations_told.get(series, {})
        now = self._generations_told[series] = self._generations.all(series)
        return {machine_id: seen for machine_id, seen in now.items() if told.get(machine_id) != seen}

    def _space(self) -> tuple[int | None, int | None]:
        try:
            seen = os.statvfs(self._host.folder)
        except OSError:
            return None, None
        return seen.f_bavail * seen.f_frsize, (seen.f_blocks - seen.f_bfree) * seen.f_frsize
