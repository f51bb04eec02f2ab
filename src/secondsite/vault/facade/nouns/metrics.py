"""What a monitoring system reads."""

from ....domain.access.approvals import Stage
from ....jobs.storage import read
from ...metrics import appliance_series, machine_series, vault_series
from ...metrics.exposition import Exposition
from ...metrics.vault_series import VaultState
from ...store import Transaction
from ...watch.situations import SituationContext
from ..parts import Parts
from ..second_person import MOST_KEPT
from ..shared import prerendered_machines


class Metrics:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def exposition(self) -> Exposition:
        """All that the caller sees."""
        to, parts = Exposition(), self._parts
        with parts.store.reading() as tx:
            self._tell_machines(to, tx)
            for appliance in tx.appliances.list(parts.caller.grant.site):
                appliance_series.tell(to, appliance)
            if parts.caller.grant.site is None:
                vault_series.tell(to, self._vault(tx))
        return to

    def _tell_machines(self, to: Exposition, tx: Transaction) -> None:
        parts, now = self._parts, self._parts.now()
        around = SituationContext.of(tx, parts.facts, parts.authority, parts.deps.drill_counts)
        for situation in around.situations(tx, parts.facts, tx.machines.list(parts.caller.grant.site)):
            found = prerendered_machines.findings_of(situation, now)
            machine_series.tell(to, situation, found, now)

    def _vault(self, tx: Transaction) -> VaultState:
        parts = self._parts
        return VaultState(
            name=parts.about.name,
            version=parts.about.version,
            backup_at=parts.backups.last(tx),
            ca_ends_at=parts.authority.ends_at,
            lag_seconds=parts.loop_lag.most_seconds,
            approvals=len(tx.approvals.list((Stage.ASKED,), MOST_KEPT)),
            moving=read.count_moving(tx.session),
            ended=parts.ended_jobs.count(tx.session, parts.now()),
        )
