"""Looks for what targets have to be told, and sends what waits. Without a target it makes one small query
every ten seconds."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from ...domain.notices.targets import MOST_PACE_SECONDS
from ...ground.periodic import Periodic
from ...jobs.model.catalogue import Catalogue
from ..steps.deps import Deps
from ..store import NoticeDelivery, NoticeTargetRecord
from . import quiet
from .couriers import Couriers
from .detection import Detection
from .findings import Findings

__all__ = ["Findings", "Teller"]

log = structlog.get_logger()

LOOK_SECONDS = 10.0
FINDINGS_SECONDS = 20.0
"""With 1,000 machines one round of their findings takes 36 ms, as a sample of the RPO series does."""
BUSY_SECONDS = 2.0
"""The pause in seconds while something is being sent, or waits."""
KEPT = timedelta(days=7)
"""How long notices are kept: longer than ended jobs are looked back for, so that each is told once."""
FORGOTTEN_EVERY_SECONDS = 3600.0


class Teller(Periodic):
    """The thread of notices. `settles_seconds`: how long after its start a vault tells no findings, until its
    appliances have connected and reported."""

    def __init__(
        self,
        deps: Deps,
        findings: Findings,
        catalogue: Catalogue,
        vault: str,
        owner: str,
        settles_seconds: float,
    ) -> None:
        """`vault` is the vault's name, `owner` this process's id."""
        super().__init__("notices", lambda error: log.error("notice.look-failed", exc_info=error), 0.1)
        self._store = deps.store
        self._now, self._lived = deps.now, deps.lived
        self._couriers = Couriers(deps.store, vault, owner, deps.now, deps.lived, self.wake)
        self._looking = Detection(deps.store, findings, deps.now, deps.lived, catalogue)
        self._settles_at = time.monotonic() + settles_seconds
        self._looked_at = self._found_at = self._forgot_at = float("-inf")
        self._waits = False

    @property
    def hear_of_job(self) -> Callable[[str | None], None]:
        """The function that the engine calls with changed jobs."""
        return self._looking.ends.hear

    def try_now(self, target: NoticeTargetRecord) -> str:
        """Send a test message; gives the answer of the other side. Raises NotDelivered."""
        return self._couriers.try_now(target)

    def look(self) -> None:
        self._couriers.cut_late()
        with self._store.reading() as tx:
            targets = [each for each in tx.notice_targets.list() if each.target.enabled]
        if targets:
            self._find(targets)
            self._waits = self._send(targets)
        else:
            self._waits = False
            self._looking.ends.take()

    def pause_seconds(self) -> float:
        return BUSY_SECONDS if self._waits or self._couriers.under_way else LOOK_SECONDS

    def stop(self, within_seconds: float = 2.0) -> None:
        super().stop(within_seconds)
        self._couriers.cut()

    def _find(self, targets: list[NoticeTargetRecord]) -> None:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS - BUSY_SECONDS:
            at_findings = now >= max(self._settles_at, self._found_at + FINDINGS_SECONDS)
            self._looking.look(targets, at_findings=at_findings)
            self._looked_at = now
            self._found_at = now if at_findings else self._found_at
        if now - self._forgot_at >= FORGOTTEN_EVERY_SECONDS:
            with self._store.transaction() as tx:
                tx.notices.forget(self._lived() - KEPT)
            self._forgot_at = now

    def _send(self, targets: list[NoticeTargetRecord]) -> bool:
        """Send what waits; gives whether something is left that has to be sent soon."""
        with self._store.reading() as tx:
            unsent = tx.notices.unsent()
            deliveries = tx.notice_targets.deliveries() if unsent else {}
        waits = False
        for each in targets:
            of_it = unsent.get(each.id)
            if of_it is None or (not of_it.critical and quiet.is_quiet(each.target.quiet, self._now())):
                continue
            rest = self._rest_seconds(deliveries.get(each.id))
            waits = waits or rest < LOOK_SECONDS
            if rest <= 0:
                self._couriers.deliver(each.id)
        return waits

    def _rest_seconds(self, delivery: NoticeDelivery | None) -> float:
        if delivery is None or delivery.next_at is None:
            return 0.0
        rest = (delivery.next_at - self._now()).total_seconds()
        # longer than any pause: the clock was set back
        return rest if rest <= MOST_PACE_SECONDS else 0.0
