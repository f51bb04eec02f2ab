"""Which appliances could hold a machine's replica: each is asked, and the reason is given if one does not fit
(S-007, S-272, S-279, S-282)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .....domain import errors, lifecycle, shell
from .....domain.lifecycle import Verb
from .....wire.control.checks import CheckSource, CheckTarget, Obstacles, SourceCheckFact
from .....wire.rest.preflights import (
    ApplianceCandidate,
    ApplianceCandidates,
    EligibilityQuery,
    PreflightObstacle,
)
from ....steps import disks, enabling, lookup
from ....steps.reversal import alternate_location, capacity, checking, further_site
from ....steps.reversal.alternate_location import ReprotectArguments
from ....store import ApplianceRecord, MachineRecord
from ...parts import Parts
from ...shared import discovery
from .. import machines
from . import appliance_checks
from .protection_readiness import Eligibility

DRAINED = "It is drained: nothing new is placed there."
ALTERNATE = ReprotectArguments(location="alternate")
ORIGINAL = ReprotectArguments()


@dataclass(frozen=True, slots=True)
class CandidateReport:
    """What both sites reported about one appliance; `ours` is None if the site where the machine runs could
    not be asked."""

    ours: SourceCheckFact | None
    obstacles: tuple[PreflightObstacle, ...]

    @property
    def blocking(self) -> PreflightObstacle | None:
        return next((each for each in self.obstacles if each.blocking), None)


def look(
    parts: Parts,
    record: MachineRecord,
    running: ApplianceRecord,
    appliance: ApplianceRecord,
    wanted: ReprotectArguments,
) -> CandidateReport:
    """The check of a reprotect to that appliance. Raises nothing: an appliance that cannot be asked is an
    obstacle."""
    wanted = wanted.model_copy(update={"appliance_id": appliance.id, "site": appliance.site})
    if wanted.goes_on(record):
        try:
            further_site.require_able(record, appliance.site)
        except errors.NotPossibleNow as problem:
            return CandidateReport(None, (appliance_checks.problem(appliance.site, problem, blocking=True),))

    def question(ours: SourceCheckFact) -> tuple[CheckTarget, Obstacles]:
        with parts.store.reading() as tx:
            new = disks.as_large_as(alternate_location.turned(tx, record, wanted), ours.sizes)
            needed, elsewhere = ours.needed_bytes, wanted.is_new(record)
            payload = checking.of_target(tx, new, wanted, needed_bytes=needed, elsewhere=elsewhere)
            return payload, capacity.of(tx, appliance, new)

    asks = CheckSource(fabric_id=record.target_fabric_id, disks=record.disks)
    return _both(parts, running, appliance, asks, question, record.id)


def _both(
    parts: Parts,
    running: ApplianceRecord,
    appliance: ApplianceRecord,
    asks: CheckSource,
    question: Callable[[SourceCheckFact], tuple[CheckTarget, Obstacles]],
    machine_id: str | None,
) -> CandidateReport:
    site = appliance.site
    if appliance.drained_at is not None and machine_id is None:
        do = f"Choose another one, or 'secondsite appliance resume {shell.arguments(appliance.name)}'."
        return CandidateReport(None, (appliance_checks.obstacle(site, DRAINED, do),))
    if not parts.gateway.is_connected(appliance.id):
        what = f"Appliance '{appliance.name}' has no connection to the vault."
        do = "Start it, or find out why it cannot connect; or choose another one."
        return CandidateReport(None, (appliance_checks.obstacle(site, what, do),))
    addresses = appliance.hello.data_addresses if appliance.hello else ()
    try:
        ours = appliance_checks.source(
            parts, running, asks.model_copy(update={"peer_addresses": addresses}), machine_id
        )
    except errors.SecondsiteError as problem:
        return CandidateReport(None, (appliance_checks.problem(running.site, problem, blocking=True),))
    found = [*appliance_checks.at(running.site, ours)]
    try:
        payload, limit = question(ours)
        found += [
            *appliance_checks.at(site, appliance_checks.target(parts, appliance, payload, machine_id)),
            *appliance_checks.at(site, limit),
        ]
    except errors.SecondsiteError as problem:
        found.append(appliance_checks.problem(site, problem, blocking=True))
    return CandidateReport(ours, tuple(sorted(found, key=lambda each: not each.blocking)))


class Candidates:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def to_come_back(self, machine: str) -> ApplianceCandidates:
        """The candidates of the site that the machine came from, and of all others but the one where it runs.
        Raises NotFound, and NotPossibleNow for a machine that cannot be reprotected now."""
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
            lifecycle.require(Verb.REPROTECT, record.name, record.state, record.drill_state)
            running = tx.appliances.find(record.target_appliance_id)
            known = further_site.appliances(tx, record)
        if running is None:
            raise errors.NotFound(f"The appliance of {record.name} is no longer enrolled.")

        def candidate(appliance: ApplianceRecord) -> tuple[ApplianceCandidate, CandidateReport]:
            return self._to_come_back(record, running, appliance)

        return self._answer(record.name, record.source_site, known, candidate)

    def to_protect(self, site: str, machine: str, query: EligibilityQuery) -> ApplianceCandidates:
        """The candidates of the site that would hold the replica. Raises as Eligibility.of."""
        eligibility = Eligibility(self._parts)
        found, running = eligibility.looked_for(site, machine, query)
        try:
            taken = eligibility.chosen(found, running, query)[0].id
        except errors.NotPossibleNow:
            taken = ""
        with self._parts.store.reading() as tx:
            known = lookup.appliances_of(tx, query.target)
        definition = found.definition
        chosen = lookup.chosen_disks(found, ())

        def question(ours: SourceCheckFact) -> tuple[CheckTarget, Obstacles]:
            payload = CheckTarget(
                definition=definition,
                name=definition.name,
                fabric_id=enabling.at_site(definition, query.target),
                needed_bytes=ours.needed_bytes or 0,
                encrypted=query.encrypt,
            )
            return payload, Obstacles()

        def candidate(appliance: ApplianceRecord) -> tuple[ApplianceCandidate, CandidateReport]:
            asks = CheckSource(fabric_id=definition.fabric_id, disks=chosen)
            looked = _both(self._parts, running, appliance, asks, question, None)
            return self._shape(appliance, looked, chosen=appliance.id == taken), looked

        return self._answer(found.name, query.target, known, candidate)

    def _to_come_back(
        self, record: MachineRecord, running: ApplianceRecord, appliance: ApplianceRecord
    ) -> tuple[ApplianceCandidate, CandidateReport]:
        looked = look(self._parts, record, running, appliance, ALTERNATE)
        own = appliance.id == record.source_appliance_id
        shape = self._shape(appliance, looked, chosen=own, machine_id=record.id)
        if not further_site.has_disks(record, appliance):
            return shape, looked
        why = look(self._parts, record, running, appliance, ORIGINAL).blocking
        update = {
            "had_the_machine": True,
            "original": why is None,
            "why_not_original": None if why is None else why.what,
        }
        return shape.model_copy(update=update), looked

    def _shape(
        self, appliance: ApplianceRecord, looked: CandidateReport, *, chosen: bool, machine_id: str = ""
    ) -> ApplianceCandidate:
        hello = appliance.hello
        with self._parts.store.reading() as tx:
            coming = tx.machines.coming_home(appliance.id, machine_id)
        return ApplianceCandidate(
            id=appliance.id,
            name=appliance.name,
            site=appliance.site,
            host=hello.host if hello else None,
            fits=looked.blocking is None,
            chosen=chosen,
            store_free_bytes=appliance.store_free_bytes,
            disks_coming_home=coming,
            most_disks_home=hello.most_disks_home if hello else None,
            seconds_to_reach=looked.ours.peer_seconds if looked.ours else None,
            obstacles=looked.obstacles,
        )

    def _answer(
        self,
        machine: str,
        site: str,
        known: Sequence[ApplianceRecord],
        candidate: Callable[[ApplianceRecord], tuple[ApplianceCandidate, CandidateReport]],
    ) -> ApplianceCandidates:
        by_id = {each.id: each for each in known}
        found = discovery.at_once(list(by_id), lambda each: candidate(by_id[each]))
        needed = (looked.ours.needed_bytes for _, looked in found if looked.ours is not None)
        ordered = sorted(
            (shape for shape, _ in found), key=lambda each: (not each.fits, each.site != site, each.name)
        )
        return ApplianceCandidates(
            machine=machine, site=site, needed_bytes=next(needed, None), appliances=tuple(ordered)
        )
