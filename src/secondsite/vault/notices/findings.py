"""The findings of all machines, for notices. Each machine is looked at by one vault process: the one to which
its target's appliance is connected; others know less of it, and later."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...domain.health import HealthFinding
from ...domain.notices import happenings
from ...domain.notices.happenings import Happening
from ...domain.notices.marks import Key, Mark
from ...domain.notices.targets import Subscription
from ...ground.plural import counted
from ...wire.rest.validation import TO_BE_KNOWN
from ..fleet.status_intake import StatusIntake
from ..health import disbelief, findings
from ..health.backups import Backups
from ..interfaces import Authority
from ..steps.deps import Deps
from ..store import MachineRecord, Transaction
from ..watch.situations import SituationContext

OF_THE_VAULT = ""
"""Stands for the vault in place of a machine's id."""
CONFIGURATION, CONFIGURATION_FLAWED = "configuration", "configuration-flawed"
"""Stands for the configuration in place of a machine's id, which has 32 digits."""


@dataclass(frozen=True, slots=True)
class FindingsSnapshot:
    """The findings at one round. `findings` are of the machines that were looked at, by machine and code;
    `others` are the machines that another process looks at."""

    findings: Mapping[Key, tuple[str, HealthFinding]]
    others: frozenset[str]

    def wanted(self, wanted: Subscription) -> dict[Key, Happening]:
        return {
            key: happenings.finding_came(name, key.machine_id, finding)
            for key, (name, finding) in self.findings.items()
            if happenings.wants_finding(wanted, finding)
        }

    def of_these(self, marks: Mapping[Key, Mark]) -> dict[Key, Mark]:
        """The marks of these machines, and of machines that are no longer protected: their findings are
        over."""
        return {key: mark for key, mark in marks.items() if key.machine_id not in self.others}


class Findings:
    """Finds the findings. `backups` tells of the vault's backups; `name` is the vault's."""

    def __init__(
        self, deps: Deps, facts: StatusIntake, authority: Authority, backups: Backups, name: str
    ) -> None:
        self._backups = backups
        self._name = name
        self._gateway = deps.gateway
        self._facts = facts
        self._authority = authority
        self._now = deps.now
        self._drill_counts = deps.drill_counts

    def look(self, tx: Transaction) -> FindingsSnapshot:
        around = SituationContext.of(tx, self._facts, self._authority, self._drill_counts)
        now = self._now()
        machines = tx.machines.list()
        ours = [each for each in machines if self._is_ours(each, around)]
        found = dict(self._of_the_vault(tx, now))
        for situation in around.situations(tx, self._facts, ours):
            of = situation.machine
            for finding in _together(findings.findings(situation, now)):
                found[Key(of.id, finding.code)] = of.name, finding
        found |= _configuration(tx)
        mine = {each.id for each in ours}
        return FindingsSnapshot(found, frozenset(each.id for each in machines if each.id not in mine))

    def _of_the_vault(
        self, tx: Transaction, now: datetime
    ) -> Iterator[tuple[Key, tuple[str, HealthFinding]]]:
        """The findings of the vault itself: every process finds the same in the database."""
        finding = self._backups.finding(tx, now)
        for each in (finding, disbelief.of_vault(tx.appliances.list())):
            if each is not None:
                yield Key(OF_THE_VAULT, each.code), (f"vault {self._name}", each)

    def _is_ours(self, machine: MachineRecord, around: SituationContext) -> bool:
        sides = (machine.target_appliance_id, machine.source_appliance_id)
        for each in sides:
            appliance = around.appliances.get(each)
            if appliance is not None and appliance.connected:
                return self._gateway.holds(each)
        return True


def _configuration(tx: Transaction) -> dict[Key, tuple[str, HealthFinding]]:
    """The flaws of the last validation, as one finding; what is only information is left out."""
    last = tx.validations.last()
    flaws = () if last is None else last.flaws
    wrong = [each for each in flaws if each.kind not in TO_BE_KNOWN]
    if not wrong:
        return {}
    what = (
        f"{counted(len(wrong), 'thing')} in the configuration to look at. The first: {wrong[0].about}: "
        f"{wrong[0].what}"
    )
    finding = HealthFinding(CONFIGURATION_FLAWED, what, min(each.since for each in wrong))
    return {Key(CONFIGURATION, finding.code): (CONFIGURATION, finding)}


def _together(findings: Sequence[HealthFinding]) -> Iterator[HealthFinding]:
    """Findings of one code as one: both appliances of a machine may report it."""
    by_code: dict[str, HealthFinding] = {}
    for each in findings:
        first = by_code.get(each.code)
        by_code[each.code] = (
            each if first is None else HealthFinding(each.code, f"{first.told} {each.told}", first.since)
        )
    return iter(by_code.values())
