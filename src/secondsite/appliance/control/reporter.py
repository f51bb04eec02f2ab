"""Status of the machines for the vault: each whole when a connection begins, then what changed, and each
whole now and then.

What is to be told whole of many machines is told in portions, so that what people wait for is heard between
them (ADR 160). What was not sent after all is to be told once more with `start_over`.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from ...wire.control import Status, changes
from ...wire.control.salvage import sayable
from ...wire.control.statuses import ReplicaStatus, SourceStatus
from ..source import Replication, Source
from ..target import HostedReplica, MisplacedReplica, ReplicaHost
from .generations import DRILL_KEY, KEY, Generations
from .status_parts import Key, News, Part, Side, size

ALL_EVERY_SECONDS = 5.0
"""To a vault that takes no changes. One that does hears as often that nothing changed."""
WHOLE_EVERY_SECONDS = 300.0
"""Each machine, to a vault that takes changes."""
SHARES = 100
"""Of the machines whose time for that has come, at most so large a part at once. A portion is at least as
large a part of all."""
RESTED_SECONDS, OF_THRESHOLD = 2.0, 0.1
"""How often it is told that a machine still wrote nothing, if that is all; or after this share of the RPO
that its policy wants, if that is sooner."""
PORTION, STATUS_WEIGHS = 500, 10
"""So many points are told whole at once; a status takes a vault as long as so many of them. A portion is
some 20 ms of its time."""

AnyStatus = SourceStatus | ReplicaStatus
Described = Source | HostedReplica | MisplacedReplica
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
        self._told: dict[Key, AnyStatus | None] = {}
        self._left: set[Key] = set()
        """What was told, and is there no more."""
        self._whole_at: dict[Key, float] = {}
        self._told_at: dict[Key, float] = {}
        """When anything was told of it."""
        self._again: set[Key] = set()
        self._said_at: float | None = None
        self.is_behind = False
        """More is to be told soon."""

    def of_machine(self, machine_id: str) -> Sequence[Status]:
        """What an order changed of one machine: nothing if the vault knows it already, or the machine has
        nothing here."""
        source, hosted = self._replication.find(machine_id), self._host.find(machine_id)
        now: dict[Key, AnyStatus] = {}
        if source is not None:
            now[Side.SOURCE, machine_id] = source.status()
        if hosted is not None:
            now[Side.REPLICA, machine_id] = hosted.status()
        news = News(self._changes)
        self._tell(news, now, set() if self._changes else set(now), {})
        return [_said(part) for part in news.parts]

    def next(self) -> Sequence[Status]:
        """The next messages, in their order; none if nothing changed since the last."""
        try:
            return self._next()
        except Exception:
            self.start_over()
            raise

    def _next(self) -> Sequence[Status]:
        passed = self._monotonic()
        due = self._said_at is None or passed - self._said_at >= ALL_EVERY_SECONDS
        there = self._there()
        looked = self._look(there, due)
        now = {key: status for key, status in looked.items() if status is not None}
        news = News(self._changes)
        undescribed = looked.keys() - now.keys()
        for side, machine_id in [key for key in self._told if key not in there or key in undescribed]:
            self._forget(side, machine_id)
            news.gone(side, machine_id)
        whole = self._whole_now(passed) if self._changes else set(now) if due else set()
        self._tell(news, now, whole, {} if due else there)
        generations, drills = self._new_generations(KEY), self._new_generations(DRILL_KEY)
        if not (due or news.parts or generations or drills):
            return ()
        if due:
            self._said_at = passed
        return self._messages(news, generations, drills)

    def _look(self, there: Mapping[Key, Described], due: bool) -> Mapping[Key, AnyStatus | None]:
        """At what is to be told whole, until that is a portion. If there is more, at the others only now
        and then. None: it cannot be described."""
        whole = dict.fromkeys(key for key in there if key not in self._told or key in self._again)
        looked: dict[Key, AnyStatus | None] = {}
        weight, self.is_behind = 0, False
        for key in whole:
            self.is_behind = self._changes and weight >= PORTION and len(looked) * SHARES >= len(there)
            if self.is_behind:
                break
            looked[key] = status = _described(key, there[key])
            weight += STATUS_WEIGHS + (size(status) if status else 0)
        if due or not self.is_behind:
            looked |= {key: _described(key, each) for key, each in there.items() if key not in whole}
        return looked

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
        stores = self._host.spaces()
        free, whole = stores[0].free_bytes, stores[0].size_bytes
        rest = {
            "old_copies": self._replication.old_copies.statuses(), "store_free_bytes": free, "stores": stores,
            "store_used_bytes": None if free is None or whole is None else whole - free,
            "generations": generations, "drill_generations": drills,
        }  # fmt: skip
        head = _said({**first, **rest, "at": at})
        return [head, *(_said({**part, "at": at}) for part in news.parts[1:])]

    def _tell(
        self,
        news: News,
        now: Mapping[Key, AnyStatus],
        whole: Collection[Key],
        may_wait: Mapping[Key, Described],
    ) -> None:
        """Of those that `may_wait` it is told only now and then that they went on resting."""
        for key, status in now.items():
            told = None if key in whole or key in self._again else self._told.get(key)
            if told is not None and (told is status or told == status or self._waits(key, may_wait, status)):
                continue
            if news.of(told, status):
                self._whole_at[key] = self._monotonic()
            self._told_at[key] = self._monotonic()
            self._told[key] = status
            self._left.discard(key)
            self._again.discard(key)

    def _waits(self, key: Key, may_wait: Mapping[Key, Described], now: AnyStatus) -> bool:
        """Whether it only went on resting since it was told a moment ago."""
        told, side = self._told[key], may_wait.get(key)
        if told is None or side is None:
            return False
        seconds = min(RESTED_SECONDS, OF_THRESHOLD * side.setup.policy.rpo_threshold_seconds)
        return self._monotonic() - self._told_at[key] < seconds and changes.only_rested(told, now)

    def _whole_now(self, passed: float) -> set[Key]:
        """Those that were told whole longest ago, a few at a time."""
        due = [key for key, at in self._whole_at.items() if passed - at >= WHOLE_EVERY_SECONDS]
        return set(sorted(due, key=self._whole_at.__getitem__)[: 1 + len(self._told) // SHARES])

    def _forget(self, side: Side, machine_id: str) -> None:
        self._left.add((side, machine_id))
        self._told.pop((side, machine_id), None)
        self._whole_at.pop((side, machine_id), None)
        self._told_at.pop((side, machine_id), None)
        self._again.discard((side, machine_id))

    def _there(self) -> Mapping[Key, Described]:
        sources = {(Side.SOURCE, source.machine_id): source for source in self._replication.sources()}
        misplaced = {(Side.REPLICA, each.setup.machine_id): each for each in self._host.misplaced()}
        return (
            sources | misplaced | {(Side.REPLICA, hosted.machine_id): hosted for hosted in self._host.all()}
        )

    def _new_generations(self, series: str) -> dict[str, int]:
        told = self._generations_told.get(series, {})
        now = self._generations_told[series] = self._generations.all(series)
        return {machine_id: seen for machine_id, seen in now.items() if told.get(machine_id) != seen}


def _said(fields: Mapping[str, object]) -> Status:
    """What cannot be said of one thing keeps nothing else from being told."""
    status = sayable(fields)
    if status.unsaid:
        log.warning("status.not-whole", problem=status.unsaid)
    return status


def _described(key: Key, side: Described) -> AnyStatus | None:
    """What is wrong with one machine keeps no other from being told."""
    try:
        return side.status()
    except Exception as problem:
        if key[0] is not Side.SOURCE:
            raise
        log.warning("source.not-described", machine=key[1], problem=str(problem))
        return None
