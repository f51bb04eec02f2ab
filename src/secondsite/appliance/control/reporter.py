"""Makes the status of the machines for the vault: each machine whole when a connection begins, then only what
changed, and each whole again now and then.

Many machines are sent whole in portions, so that changes that people wait for are sent between them (ADR
160). After a status that could not be sent, call `start_over`.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from ...wire.common.hosts import HostCapacity
from ...wire.control import Status, changes
from ...wire.control.salvage import sayable
from ...wire.control.statuses import ArrivalStatus, ReplicaStatus, SourceStatus
from ..source import Replication, Source
from ..target import HostedReplica, MisplacedReplica, ReplicaHost
from .generations import DRILL_KEY, KEY, Generations
from .status_parts import Key, News, Part, Side, size

ALL_EVERY_SECONDS = 5.0
"""How often all machines are sent to a vault that takes no changes. To one that takes them a status is sent
as often, even if nothing changed."""
WHOLE_EVERY_SECONDS = 300.0
"""How often each machine is sent whole to a vault that takes changes."""
SHARES = 100
"""At most this fraction of all machines is sent whole at once because its time has come. A portion is at
least as large a fraction."""
RESTED_SECONDS, OF_THRESHOLD = 2.0, 0.1
"""How often a status is sent whose only news is that a machine still wrote nothing: after these seconds, or
after this share of its policy's RPO if that is sooner."""
PORTION, STATUS_WEIGHS = 500, 10
"""The weight of one portion, counted in recovery points, and how many points one machine's status weighs.
Handling a portion takes a vault some 20 ms."""

AnyStatus = SourceStatus | ReplicaStatus
Described = Source | HostedReplica | MisplacedReplica
log = structlog.get_logger(__name__)


class Reporter:
    """Makes the Status messages of one connection. `changes`: the vault takes messages of what changed
    only."""

    def __init__(
        self, replication: Replication, host: ReplicaHost, generations: Generations, changes: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
        capacity: Callable[[], HostCapacity | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._replication = replication
        self._host = host
        self._generations = generations
        self._changes = changes
        self._monotonic = monotonic
        self._capacity = capacity
        self._capacity_told: HostCapacity | None = None
        self._generations_told: dict[str, Mapping[str, int]] = {}
        self._told: dict[Key, AnyStatus | None] = {}
        self._left: set[Key] = set()
        """What was sent as here once, and is not here any more."""
        self._whole_at: dict[Key, float] = {}
        self._told_at: dict[Key, float] = {}
        """When anything of it was sent last, on the monotonic clock."""
        self._came: tuple[ArrivalStatus, ...] = ()
        """The machines that came, as they were last sent."""
        self._again: set[Key] = set()
        self._said_at: float | None = None
        self.is_behind = False
        """Whether more is waiting to be sent soon."""

    def of_machine(self, machine_id: str) -> Sequence[Status]:
        """The messages of what an order changed of one machine: none if the vault knows it already, or
        nothing of the machine is here."""
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
        came = self._replication.arrivals.statuses()
        if not (due or news.parts or generations or drills or came != self._came):
            return ()
        self._came = came
        if due:
            self._said_at = passed
        return self._messages(news, generations, drills, came)

    def _look(self, there: Mapping[Key, Described], due: bool) -> Mapping[Key, AnyStatus | None]:
        """The statuses to send: those to be sent whole until they make a portion; the others too, if that was
        all, or if `due`. None for one that cannot be described."""
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
        """Send these machines, or all if none is named, whole next."""
        if not machine_ids:
            self._generations_told.clear()
            self._said_at = self._capacity_told = None
            self._told |= dict.fromkeys(self._left)
        self._again |= {key for key in self._told if not machine_ids or key[1] in machine_ids}

    def _messages(
        self,
        news: News,
        generations: dict[str, int],
        drills: dict[str, int],
        came: tuple[ArrivalStatus, ...],
    ) -> Sequence[Status]:
        at = datetime.now(UTC)
        first: Part = news.parts[0] if news.parts else {}
        stores = self._host.spaces()
        free, whole = stores[0].free_bytes, stores[0].size_bytes
        capacity = self._capacity()
        rest = {
            "old_copies": self._replication.old_copies.statuses(),
            "arrivals": came, "store_free_bytes": free, "stores": stores,
            "store_used_bytes": None if free is None or whole is None else whole - free,
            "capacity": None if capacity == self._capacity_told else capacity,
            "generations": generations, "drill_generations": drills,
        }  # fmt: skip
        head = _said({**first, **rest, "at": at})
        self._capacity_told = capacity
        return [head, *(_said({**part, "at": at}) for part in news.parts[1:])]

    def _tell(
        self,
        news: News,
        now: Mapping[Key, AnyStatus],
        whole: Collection[Key],
        may_wait: Mapping[Key, Described],
    ) -> None:
        """Add what is new to `news`. For those that `may_wait`, that they still rest is added only now and
        then."""
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
        """Whether its only news is that it still rests, and that was sent a moment ago."""
        told, side = self._told[key], may_wait.get(key)
        if told is None or side is None:
            return False
        seconds = min(RESTED_SECONDS, OF_THRESHOLD * side.setup.policy.rpo_threshold_seconds)
        return self._monotonic() - self._told_at[key] < seconds and changes.only_rested(told, now)

    def _whole_now(self, passed: float) -> set[Key]:
        """Those that were sent whole longest ago, a few at a time."""
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
    """A status of these fields. What cannot be expressed of one machine is left out, and the rest is still
    sent."""
    status = sayable(fields)
    if status.unsaid:
        log.warning("status.not-whole", problem=status.unsaid)
    return status


def _described(key: Key, side: Described) -> AnyStatus | None:
    """The status of one machine; None if a source cannot be described, so that the others are still sent."""
    try:
        return side.status()
    except Exception as problem:
        if key[0] is not Side.SOURCE:
            raise
        log.warning("source.not-described", machine=key[1], problem=str(problem))
        return None
