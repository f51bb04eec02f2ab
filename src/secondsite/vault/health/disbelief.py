"""Reports of appliances that were not believed, since nobody can have counted so far (ADR 146): a finding
names the appliance until it connects again and its reports are possible."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import structlog

from ...domain.health import HealthFinding
from ..store import ApplianceRecord, DisbelievedRecord, Transaction

CODE = "not-believed"
log = structlog.get_logger()


def note(tx: Transaction, appliance_id: str, what: str, now: datetime) -> None:
    """Note that the appliance reports something impossible; `what` is a part of a sentence about the
    appliance. Only the first report is kept: nobody can cause many writes."""
    appliance = tx.appliances.find(appliance_id)
    if appliance is None or appliance.disbelieved is not None:
        return
    log.warning("appliance.not-believed", appliance=appliance_id, name=appliance.name, what=what)
    tx.appliances.put(replace(appliance, disbelieved=DisbelievedRecord(what, now)))


def end(tx: Transaction, appliance_id: str) -> None:
    """End the finding: the appliance has connected again."""
    appliance = tx.appliances.find(appliance_id)
    if appliance is not None and appliance.disbelieved is not None:
        tx.appliances.put(replace(appliance, disbelieved=None))


def of_machine(*appliances: ApplianceRecord | None) -> Iterator[HealthFinding]:
    """The findings of a machine with these appliances."""
    for appliance in appliances:
        if appliance is not None and appliance.disbelieved is not None:
            yield HealthFinding(
                CODE, _sentence(appliance, appliance.disbelieved), appliance.disbelieved.since
            )


def of_vault(appliances: Iterable[ApplianceRecord]) -> HealthFinding | None:
    """The finding of the vault, for appliances that may have no machine."""
    said = [(each, each.disbelieved) for each in appliances if each.disbelieved is not None]
    if not said:
        return None
    what = " ".join(_sentence(*each) for each in said)
    return HealthFinding(CODE, what, min(disbelieved.since for _, disbelieved in said))


def _sentence(appliance: ApplianceRecord, disbelieved: DisbelievedRecord) -> str:
    return f"Appliance '{appliance.name}' of site {appliance.site} {disbelieved.what}. That was not believed."
