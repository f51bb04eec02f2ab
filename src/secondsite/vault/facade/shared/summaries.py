"""An overview of all machines. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from ....domain.health import Health
from ....domain.lifecycle import State
from ....wire import rest
from ...health import findings, machine_rpo
from ...health.findings import Situation
from ...store import ApplianceRecord


class Tally:
    """Counts machines one by one."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._states: Counter[State] = Counter()
        self._healths: Counter[Health] = Counter()
        self._findings: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._targets: Counter[str] = Counter()
        self._worst: tuple[float, str] | None = None

    def count(self, situation: Situation) -> None:
        machine = situation.machine
        found = findings.findings(situation, self._now)
        self._states[machine.state] += 1
        self._healths[findings.overall(machine, found)] += 1
        self._findings.update({each.code for each in found})
        self._sources[machine.source_site] += 1
        self._targets[machine.target_site] += 1
        measured = machine_rpo.measure(situation.status, self._now).rpo_seconds
        if measured is not None and machine.state in findings.REPLICATES:
            self._worst = max(self._worst or (measured, machine.name), (measured, machine.name))

    def summary(self, sites: Iterable[str], appliances: Sequence[ApplianceRecord]) -> rest.Summary:
        seconds, name = self._worst or (None, None)
        return rest.Summary(
            machines=self._states.total(),
            by_state=dict(sorted(self._states.items())),
            by_health=dict(sorted(self._healths.items())),
            findings=dict(sorted(self._findings.items())),
            worst_rpo_seconds=seconds,
            worst_rpo_machine=name,
            sites=tuple(self._site(site, appliances) for site in sites),
        )

    def _site(self, site: str, appliances: Sequence[ApplianceRecord]) -> rest.SiteSummary:
        there = [each for each in appliances if each.site == site]
        return rest.SiteSummary(
            name=site,
            appliances=len(there),
            connected=sum(each.connected for each in there),
            sources=self._sources[site],
            targets=self._targets[site],
        )
