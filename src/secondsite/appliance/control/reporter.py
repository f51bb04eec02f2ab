"""Status of the machines for the vault: all when a connection begins, then changes."""

import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import structlog

from ...wire.control import Status
from ...wire.control.statuses import ReplicaStatus, SourceStatus
from ..source import Replication
from ..target import ReplicaHost
from .generations import DRILL_KEY, KEY, Generations

ALL_EVERY_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Reporter:
    """Makes the Status messages of one connection."""

    def __init__(self, replication: Replication, host: ReplicaHost, generations: Generations) -> None:
        self._replication = replication
        self._host = host
        self._generations = generations
        self._generations_told: dict[str, Mapping[str, int]] = {}
        self._told: dict[str, SourceStatus | ReplicaStatus] = {}
        self._all_at = 0.0

    def of_machine(self, machine_id: str) -> Status | None:
        """The status of one machine after an order; None for a machine that has nothing here."""
        source, hosted = self._replication.find(machine_id), self._host.find(machine_id)
        if source is None and hosted is None:
            return None
        return Status(
            sources=(source.status(),) if source else (), replicas=(hosted.status(),) if hosted else ()
        )

    def next(self) -> Status | None:
        """The next message; None if nothing changed since the last."""
        sources = {f"s/{each.machine_id}": each for each in self._source_statuses()}
        replicas = {f"r/{each.machine_id}": each.status() for each in self._host.all()}
        everything = not self._all_at or time.monotonic() - self._all_at >= ALL_EVERY_SECONDS
        now: dict[str, SourceStatus | ReplicaStatus] = {**sources, **replicas}
        changed = set(now) if everything else {key for key in now if self._told.get(key) != now[key]}
        self._told = dict(now)
        generations, drills = self._new_generations(KEY), self._new_generations(DRILL_KEY)
        if not (changed or everything or generations or drills):
            return None
        if everything:
            self._all_at = time.monotonic()
        free, used = self._space()
        return Status(
            sources=tuple(each for key, each in sources.items() if key in changed),
            replicas=tuple(each for key, each in replicas.items() if key in changed),
            old_copies=self._replication.old_copies.statuses(),
            store_free_bytes=free,
            store_used_bytes=used,
            at=datetime.now(UTC),
            generations=generations,
            drill_generations=drills,
        )

    def _source_statuses(self) -> Iterator[SourceStatus]:
        """What is wrong with one machine keeps no other from being told."""
        for source in self._replication.sources():
            try:
                yield source.status()
            except Exception as problem:
                log.warning("source.not-described", machine=source.machine_id, problem=str(problem))

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
