"""The adoption that a person asks for: first a dry run, then the same in earnest, in portions. Each portion
is adopted at its appliance first, and then here in one transaction: so whatever was interrupted is asked for
again, and nothing is adopted twice."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from .....domain import errors
from .....ground import seams
from .....wire.control.adopting import AdoptableMachine, AdoptableSite, ListAdoptable
from .....wire.control.orders import ADOPT, SHOW_KEPT
from .....wire.rest import adoption as rest
from ....fleet import settings_push
from ....store import ApplianceRecord, Transaction
from ...parts import Parts
from ...shared.answered_order import ask_and_wait
from .. import appliances
from . import advice, machines, settings
from .machines import PlannedRecord
from .records import AdoptionContext

SECONDS = 60.0
AT_ONCE = 20
"""The most machines of a portion: each is opened at its appliance."""
EACH_SECONDS = 20.0
"""With fewer seconds left of the request's time the portion ends."""


class Adoption:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def adopt(self, name_or_id: str, asked: rest.AdoptionRequest) -> rest.Adoption:
        """Adopt a portion. Raises NotFound, ApplianceUnreachable, DeadlineExceeded; ApprovalNeeded before the
        appliance did anything; NotPossibleNow for a site that cannot have that name."""
        with self._parts.store.reading() as tx:
            at = appliances.existing(self._parts, tx, name_or_id)
        if asked.other_site == at.site:
            raise errors.InvalidArgument(
                f"'{at.site}' is the site of appliance '{at.name}' itself.",
                do="Give the name of the site that its machines came from, with --other-site.",
            )
        payload = (
            ListAdoptable(after=asked.after)
            if asked.dry_run
            else ListAdoptable(after=asked.after, most=AT_ONCE)
        )
        (found,) = ask_and_wait(self._parts, [at], SHOW_KEPT, payload, SECONDS)
        _require_onward(at, asked.after, found)
        known = settings.names(found, at.site, asked.other_site)
        if asked.dry_run:
            return self._looked_at(at, found, known, is_first=not asked.after)
        return self._adopted(at, found, known)

    def _looked_at(
        self, at: ApplianceRecord, found: AdoptableSite, known: settings.Names, *, is_first: bool
    ) -> rest.Adoption:
        """The dry run: the same is done and rolled back. Settings for many machines are reported once."""
        said: list[str] = []
        plans: list[PlannedRecord] = []
        with contextlib.suppress(_Rehearsed), self._parts.store.transaction() as tx:
            around = self._around(tx, at, known)
            made = list(settings.put(tx, found, known, around.now))
            said += made if is_first else ()
            for each in found.machines:
                plans.append(machines.planned(tx, around, each))
                said += _written(tx, around, plans[-1])
            raise _Rehearsed
        return _told(at, found, said, plans, dry_run=True)

    def _adopted(self, at: ApplianceRecord, found: AdoptableSite, known: settings.Names) -> rest.Adoption:
        with self._parts.store.reading() as tx:
            around = self._around(tx, at, known)
            plans = [machines.planned(tx, around, each) for each in found.machines]
        self._parts.announce()
        taken = self._taken_in_time(at, plans)
        found = _as_far(found, taken)
        seams.reach("vault.adoption.taken")
        with self._parts.changing() as tx:
            tx.one_at_a_time("adoption")
            around = self._around(tx, at, known)
            said = list(settings.put(tx, found, known, around.now))
            ended = []
            for each in taken:
                ended.append(machines.planned(tx, around, each.found) if each.made is not None else each)
                said += _written(tx, around, ended[-1])
            self._parts.note(after=_told(at, found, said, ended, dry_run=False))
        self._parts.signals(settings_push.SITE)
        return _told(at, found, said, ended, dry_run=False)

    def _taken_in_time(self, at: ApplianceRecord, plans: Sequence[PlannedRecord]) -> list[PlannedRecord]:
        """The first of them at least, and others while there is time; the rest is asked for by the next
        request."""
        taken: list[PlannedRecord] = []
        for plan in plans:
            if taken and self._parts.seconds_left() < EACH_SECONDS:
                break
            taken.append(self._taken(at, plan))
        return taken

    def _taken(self, at: ApplianceRecord, plan: PlannedRecord) -> PlannedRecord:
        """Let the appliance take the machine over for this vault; what it then reports counts."""
        if plan.made is None:
            return plan
        try:
            (adopted,) = ask_and_wait(
                self._parts, [at], ADOPT, plan.asks, SECONDS, plan.found.id, plan.made.generation
            )
        except errors.SecondsiteError as problem:
            return PlannedRecord(
                plan.found, advice.left(plan.found, plan.before, problem), before=plan.before
            )
        return replace(plan, found=_as_said(plan.found, adopted.machine))

    def _around(self, tx: Transaction, at: ApplianceRecord, known: settings.Names) -> AdoptionContext:
        return AdoptionContext(at, known, machines.policy_of(tx, known), self._parts.now())


def _as_far(found: AdoptableSite, taken: Sequence[PlannedRecord]) -> AdoptableSite:
    if len(taken) == len(found.machines):
        return found
    return found.model_copy(update={"machines": found.machines[: len(taken)], "more": True})


def _require_onward(at: ApplianceRecord, after: str, found: AdoptableSite) -> None:
    """Raises InvalidArgument unless each portion goes further than the one before: or there would be no
    end."""
    if found.more and (not found.machines or found.machines[-1].id <= after):
        raise errors.InvalidArgument(
            (
                f"Appliance '{at.name}' reports that more machines follow, but repeats the same ones: asking "
                "would never end."
            ),
            do=(
                "Check the appliance: somebody else may control it, or may have changed its store. What it "
                "reported before is adopted."
            ),
        )


class _Rehearsed(Exception):
    """Ends a dry run: the transaction is rolled back."""


def _written(tx: Transaction, around: AdoptionContext, plan: PlannedRecord) -> Sequence[str]:
    return list(machines.write(tx, around, plan)) if plan.made is not None else ()


def _as_said(before: AdoptableMachine, now: AdoptableMachine) -> AdoptableMachine:
    """The machine as it was reported before: the number that the order itself brought there is no one
    else's."""
    odd = tuple(dict.fromkeys((*before.odd, *now.odd)))
    return now.model_copy(update={"generation": before.generation, "odd": odd})


def _told(
    at: ApplianceRecord,
    found: AdoptableSite,
    said: Sequence[str],
    plans: Sequence[PlannedRecord],
    *,
    dry_run: bool,
) -> rest.Adoption:
    return rest.Adoption(
        appliance=at.name,
        site=at.site,
        dry_run=dry_run,
        said_at=found.said_at,
        settings=tuple(said),
        missing=tuple(advice.missing(found, found.machines)),
        machines=tuple(plan.told for plan in plans),
        following=found.machines[-1].id if found.more else None,
    )
