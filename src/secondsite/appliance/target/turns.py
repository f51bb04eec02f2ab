"""Whose cycles are applied next: those of the source that has the fewest workers."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from .replica import HostedReplica


class Turns:
    """So one source cannot keep the others' cycles waiting, however long its own take."""

    def __init__(self) -> None:
        self._serving: Counter[str] = Counter()
        self._lock = threading.Lock()

    def order(self, hosted: Sequence[HostedReplica], spare: bool) -> list[HostedReplica]:
        """Those that want work, in the order in which to try them. A `spare` worker serves only sources that have none."""
        now = time.monotonic()
        wanting = [each for each in hosted if each.wants_work and now >= each.not_before]
        wanting.sort(key=lambda each: self._serving[each.setup.source_appliance_id])
        return [each for each in wanting if not (spare and self._serving[each.setup.source_appliance_id])]

    @contextlib.contextmanager
    def taken(self, hosted: HostedReplica) -> Iterator[None]:
        """While a worker serves it."""
        source = hosted.setup.source_appliance_id
        with self._lock:
            self._serving[source] += 1
        try:
            yield
        finally:
            with self._lock:
                self._serving[source] -= 1
