"""Pauses several guests at one instant."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ...domain import errors
from ..interface import Freeze
from .host import pausing
from .host.faults import Faults
from .host.host import Host

AGENT_SECONDS = 2.0


class SimulatedCommonPause:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults
        self._paused: set[str] = set()

    @contextlib.contextmanager
    def pause(self, fabric_ids: Sequence[str], budget_seconds: float) -> Iterator[datetime]:
        """Pause the guests inside the context. They are resumed after the budget; the end of the context then
        raises DeadlineExceeded."""
        members = sorted(set(fabric_ids))
        with contextlib.ExitStack() as locks, self._faults.around("common_pause.pause"):
            deadline = time.monotonic() + budget_seconds
            for fabric_id in members:
                self._host.records.need(fabric_id)
                left = max(0.0, deadline - time.monotonic())
                locks.enter_context(pausing.still(self._host.root, fabric_id, left))
            watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), locks.close)
            watchdog.start()
            self._paused.update(members)
            try:
                yield datetime.now(UTC)
            finally:
                self._paused.difference_update(members)
                watchdog.cancel()
                watchdog.join()
            if time.monotonic() > deadline:
                raise _too_long(budget_seconds)

    @contextlib.contextmanager
    def freeze(self, fabric_ids: Sequence[str]) -> Iterator[Mapping[str, Freeze]]:
        """As the interface says. A simulated guest has nothing to flush, so freezing changes nothing."""
        with self._faults.around("common_pause.freeze"):
            yield {fabric_id: self._freeze(fabric_id) for fabric_id in fabric_ids}

    def _freeze(self, fabric_id: str) -> Freeze:
        if self._host.records.need(fabric_id).traits.guest_agent:
            return Freeze("app")
        return Freeze(reason="The guest has no agent.")

    @contextlib.contextmanager
    def frozen(self, fabric_id: str, guest_agent: bool) -> Iterator[str | None]:
        """Freeze the guest's file systems inside the context; yields the reason if they are not frozen."""
        if not guest_agent:
            yield "The guest has no agent."
            return
        with contextlib.ExitStack() as lock:
            reason = None
            if fabric_id not in self._paused:
                try:
                    lock.enter_context(pausing.still(self._host.root, fabric_id, AGENT_SECONDS))
                except errors.FabricError:
                    reason = f"The guest did not freeze within {AGENT_SECONDS:g} s."
            yield reason


def _too_long(budget_seconds: float) -> errors.DeadlineExceeded:
    return errors.DeadlineExceeded(
        f"The machines were resumed after {budget_seconds:g} s, before their views were open.",
        do="Give the group a larger budget or fewer members; replication goes on by itself.",
    )
