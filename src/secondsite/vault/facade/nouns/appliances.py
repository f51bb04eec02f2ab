"""Appliances: which are enrolled and connected, and the enrollment of new ones."""

import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from ....domain import errors
from ....domain.lifecycle import Verb
from ....ground import certificates
from ....ground.plural import counted
from ....jobs.model.failures import Refused
from ....wire.common.base import APPLIANCE_ID
from ....wire.rest.places import (
    Appliance,
    DrainedAppliance,
    EnrollAnswer,
    EnrollRequest,
    RegistrationKey,
    ReplacementKeyCreate,
)
from ...fleet import settings_push
from ...fleet.admission import NO_KEY
from ...operations import drain_host
from ...steps import authority
from ...steps.absent_site import finish_later
from ...steps.operation import MachineOperation
from ...steps.reversal import further_site
from ...store import ApplianceRecord, KeyRecord, Transaction
from ..parts import Parts
from ..shared import secrets
from ..shared.idempotency import Once, carry_out
from . import sites

KEY_LIVES = timedelta(hours=1)


class Appliances:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, site: str | None = None) -> Sequence[Appliance]:
        with self._parts.store.reading() as tx:
            known = [each for each in tx.appliances.list(site) if self._parts.sees(each.site)]
            return [_shape(appliance, known) for appliance in known]

    def show(self, name_or_id: str) -> Appliance:
        """Raises NotFound, or InvalidArgument when several have that name."""
        with self._parts.store.reading() as tx:
            appliance = existing(self._parts, tx, name_or_id)
            return _shape(appliance, tx.appliances.list(appliance.site))

    def delete(self, name_or_id: str) -> None:
        """Delete the appliance: from now on its certificate is refused, and its connection ends. Raises
        NotPossibleNow while machines depend on it, or jobs wait for it: nobody would see a copy that runs
        there."""
        with self._parts.changing() as tx:
            appliance = existing(self._parts, tx, name_or_id)
            self._parts.note(before=_shape(appliance))
            users = [
                machine.name
                for machine in tx.machines.list()
                if appliance.id
                in (machine.source_appliance_id, machine.target_appliance_id, machine.coming_appliance_id)
            ]
            if users:
                raise errors.NotPossibleNow(
                    f"Appliance '{appliance.name}' replicates {counted(len(users), 'machine')}.",
                    do="Disable their protection first: " + ", ".join(users[:10]),
                )
            _refuse_while_waited_for(tx, appliance)
            further_site.give_up(tx, appliance)
            tx.appliances.remove(appliance.id)
            tx.links.revoke(appliance.id)
        self._parts.gateway.hang_up(appliance.id)
        self._parts.signals(settings_push.SITE)

    def drain(self, name_or_id: str) -> DrainedAppliance:
        """Place nothing new there from now on, as before a maintenance of its host, and have other hosts take
        over what lies there in stores that they reach. A repetition moves what has come since, or failed.
        Raises NotFound, or InvalidArgument when several have that name."""
        with self._parts.changing() as tx:
            before, after = self._drained(tx, name_or_id, self._parts.now())
            move, by = self._parts.operations[Verb.MOVE_REPLICA], self._parts.caller.name
            assert isinstance(move, MachineOperation)
            drained = drain_host.submit(self._parts.deps, move, tx, before, by)
            return DrainedAppliance(**dict(after), job_id=drained.job_id, stays=drained.stays)

    def resume(self, name_or_id: str) -> Appliance:
        """End that; what was moved stays where it is now. Raises as `drain`."""
        with self._parts.changing() as tx:
            before, after = self._drained(tx, name_or_id, None)
            job_id = drain_host.under_way(tx, before.id)
            if job_id is not None:
                with suppress(Refused):  # the last ones are moved just now
                    self._parts.jobs.cancel(tx.session, job_id)
            return after

    def _drained(
        self, tx: Transaction, name_or_id: str, since: datetime | None
    ) -> tuple[ApplianceRecord, Appliance]:
        """The appliance before, and as it is now."""
        before = existing(self._parts, tx, name_or_id)
        tx.appliances.drain(before.id, before.drained_at or since if since else None)
        after = _shape(existing(self._parts, tx, before.id))
        self._parts.note(before=_shape(before), after=after)
        return before, after

    def registration_key(self, site: str, once: Once | None = None) -> RegistrationKey:
        """A key with which one appliance of the site can enroll within an hour. It is shown only once."""
        with self._parts.changing() as tx:
            work = partial(self._make_key, tx, site)
            return carry_out(self._parts, tx, once, RegistrationKey, work, secret=True)

    def replacement_key(
        self, name_or_id: str, wanted: ReplacementKeyCreate, once: Once | None = None
    ) -> RegistrationKey:
        """A key with which an appliance can enroll within an hour in place of this one: it gets the same id,
        and the key that the former one had no longer counts. It is shown only once."""
        with self._parts.changing() as tx:
            appliance = existing(self._parts, tx, name_or_id)
            work = partial(self._make_replacement_key, tx, appliance, wanted)
            made = carry_out(self._parts, tx, once, RegistrationKey, work, secret=True)
        if wanted.refuse_now:
            self._cut(appliance.id)
        return made

    def enroll(self, request: EnrollRequest, once: Once | None = None) -> EnrollAnswer:
        """A certificate for the appliance's own key; a key that it had before no longer counts. Raises
        RegistrationRefused, or InvalidArgument for a bad request, which does not use the registration key
        up."""
        key_sha256 = secrets.digest(request.key.strip())
        if once is not None:
            once = replace(once, caller=f"enroll {key_sha256}")
        replaced: set[str] = set()
        with self._parts.changing() as tx:
            work = partial(self._enroll, tx, request, key_sha256, replaced)
            answer = carry_out(self._parts, tx, once, EnrollAnswer, work)
        for appliance_id in replaced:
            self._cut(appliance_id)
        return answer

    def _cut(self, appliance_id: str) -> None:
        """End connections with a key that no longer counts, here and at all data ports."""
        self._parts.gateway.hang_up(appliance_id)
        self._parts.signals(settings_push.SITE)

    def _make_key(self, tx: Transaction, site: str, replaces: str | None = None) -> RegistrationKey:
        key = secrets.new_key()
        expires_at = self._parts.now() + KEY_LIVES
        sites.existing(self._parts, tx, site)
        tx.keys.add(KeyRecord(secrets.digest(key), site, expires_at, replaces=replaces))
        fingerprint = self._parts.authority.fingerprint
        return RegistrationKey(
            site=site, replaces=replaces, key=key, expires_at=expires_at, ca_fingerprint=fingerprint
        )

    def _make_replacement_key(
        self, tx: Transaction, appliance: ApplianceRecord, wanted: ReplacementKeyCreate
    ) -> RegistrationKey:
        self._parts.note(before=_shape(appliance), after=wanted)
        if wanted.refuse_now:
            tx.appliance_keys.put(appliance.id, NO_KEY)
            tx.links.revoke(appliance.id)
            tx.appliances.put(replace(appliance, connected=False))
        return self._make_key(tx, appliance.site, appliance.id)

    def _enroll(
        self, tx: Transaction, request: EnrollRequest, key_sha256: str, replaced: set[str]
    ) -> EnrollAnswer:
        now = self._parts.now()
        key = tx.keys.use(key_sha256, now)
        returning = _returning(tx, key, request.appliance_id)
        if returning is None:
            _require_replaced(tx, key, request.appliance_id)
        known_id = key.replaces or returning
        if known_id is not None:
            _require_its_sites_only(tx, known_id, key.site)
        appliance_id = known_id or uuid.uuid4().hex
        certificate, expires_at = self._parts.authority.issue_appliance(request.csr_pem, appliance_id, now)
        before = _replaced(tx, key) or tx.appliances.find(appliance_id)
        replaced |= {before.id} if before else set()
        new = before or ApplianceRecord(appliance_id, request.name, key.site, now, expires_at)
        record = replace(new, name=request.name, certificate_expires_at=expires_at, connected=False)
        tx.appliances.put(record)
        tx.links.revoke(appliance_id)
        tx.appliance_keys.put(appliance_id, certificates.key_of_request(request.csr_pem))
        self._parts.note(before=_shape(before) if before else None, after=_shape(record))
        return EnrollAnswer(
            appliance_id=appliance_id,
            site=key.site,
            certificate_pem=certificate,
            ca_pem=self._parts.authority.ca_pem,
            control_url=self._parts.about.control_url,
        )


def _returning(tx: Transaction, key: KeyRecord, appliance_id: str | None) -> str | None:
    """The id of an appliance that enrolls again after its former vault was lost: it keeps the id if no other
    has it here, or if it was created as a name of that site by an adoption. None for any other."""
    if appliance_id is None or key.replaces is not None or not re.fullmatch(APPLIANCE_ID, appliance_id):
        return None
    known = tx.appliances.find(appliance_id)
    is_name = (
        known is not None and known.last_seen_at is None and tx.appliance_keys.find(appliance_id) is None
    )
    return appliance_id if known is None or (is_name and known.site == key.site) else None


def _require_replaced(tx: Transaction, key: KeyRecord, appliance_id: str | None) -> None:
    """Raises RegistrationRefused for an appliance with an id that it would not keep."""
    if appliance_id is None or appliance_id == key.replaces:
        return
    if not re.fullmatch(APPLIANCE_ID, appliance_id):
        raise errors.RegistrationRefused(
            "The appliance has an id that no vault gives out.",
            do=(
                "Look in its folder for what has changed its configuration. Enroll it as a new appliance, in "
                "an empty folder."
            ),
        )
    known = tx.appliances.find(appliance_id)
    if known is not None and known.site != key.site:
        raise errors.RegistrationRefused(
            f"The appliance has the id '{appliance_id}', which '{known.name}' of site {known.site} has "
            f"here; the registration key is one of site {key.site}.",
            do=f"If it is of site {known.site}, use a key of that. If '{known.name}' has taken an id that "
            f"is not its own, delete it: 'secondsite appliance delete {appliance_id}'; then enroll this one "
            "again.",
        )
    what = "another appliance" if key.replaces else "none: it enrolls a new one"
    raise errors.RegistrationRefused(
        f"The appliance has the id '{appliance_id}', and the registration key replaces {what}.",
        do="Make a key for it: 'secondsite appliance create-registration-key --replace APPLIANCE'.",
    )


def _require_its_sites_only(tx: Transaction, appliance_id: str, site: str) -> None:
    """Raises RegistrationRefused for an id that machines have at other sites: the appliance would be sent
    their orders."""
    elsewhere = [
        machine.name
        for machine in tx.machines.list()
        for side_id, side in (
            (machine.source_appliance_id, machine.source_site),
            (machine.target_appliance_id, machine.target_site),
            (machine.coming_appliance_id, further_site.coming_to(tx, machine)),
        )
        if side_id == appliance_id and side != site
    ]
    if elsewhere:
        raise errors.RegistrationRefused(
            f"The id '{appliance_id}' stands for an appliance of another site at "
            f"{counted(len(elsewhere), 'machine')}: "
            f"{', '.join(elsewhere[:10])}.",
            do="Enroll a new appliance of this site, and protect its machines with that.",
        )


def _replaced(tx: Transaction, key: KeyRecord) -> ApplianceRecord | None:
    """The appliance that is replaced. Raises RegistrationRefused if it is gone."""
    if key.replaces is None:
        return None
    appliance = tx.appliances.find(key.replaces)
    if appliance is None:
        raise errors.RegistrationRefused(
            "The appliance that the registration key replaces was deleted meanwhile.",
            do="Make a key for a new appliance, with --site.",
        )
    return appliance


def existing(parts: Parts, tx: Transaction, name_or_id: str) -> ApplianceRecord:
    """The appliance. Raises NotFound, or InvalidArgument when several have that name."""
    seen = [appliance for appliance in tx.appliances.list() if parts.sees(appliance.site)]
    for appliance in seen:
        if appliance.id == name_or_id:
            return appliance
    named = [appliance for appliance in seen if appliance.name == name_or_id]
    if len(named) > 1:
        ids = ", ".join(appliance.id for appliance in named)
        raise errors.InvalidArgument(
            f"{len(named)} appliances are named '{name_or_id}'.", do=f"Use an id: {ids}."
        )
    if not named:
        raise errors.NotFound.named("appliance", name_or_id)
    return named[0]


def _refuse_while_waited_for(tx: Transaction, appliance: ApplianceRecord) -> None:
    left = finish_later.waiting_for(tx, appliance.id)
    if left:
        jobs = ", ".join(f"{job.id[: authority.SHORT]} ({job.subject_name})" for job in left[:10])
        raise errors.NotPossibleNow(
            f"{counted(len(left), 'job')} will finish at appliance '{appliance.name}' what could not "
            "be done while it was away. Without it nobody would see a copy that its host starts.",
            do=f"If its host never returns, cancel them first ('secondsite job cancel ID'): {jobs}.",
        )


def _reaches(appliance: ApplianceRecord, other: ApplianceRecord) -> bool:
    """Whether it has proven that it reaches a store of the other one, of its own site."""
    has, signs = appliance.capacity, other.capacity.signs if other.capacity is not None else ()
    is_near = appliance.site == other.site and appliance.id != other.id
    return has is not None and is_near and has.reaches(each.token for each in signs)


def _shape(appliance: ApplianceRecord, known: Sequence[ApplianceRecord] = ()) -> Appliance:
    """The appliance; `known`: those whose stores it may reach."""
    hello, has = appliance.hello, appliance.capacity
    return Appliance(
        id=appliance.id,
        name=appliance.name,
        site=appliance.site,
        connected=appliance.connected,
        last_seen_at=appliance.last_seen_at,
        fabric_kind=hello.fabric_kind if hello else None,
        accelerated=hello.accelerated if hello else None,
        data_addresses=hello.data_addresses if hello else (),
        version=hello.version if hello else None,
        store_free_bytes=appliance.store_free_bytes,
        stores=appliance.stores,
        host=hello.host if hello else None,
        capacity=has and has.model_copy(update={"signs": (), "proven": ()}),
        reaches=tuple(each.name for each in known if _reaches(appliance, each)),
        drained_at=appliance.drained_at,
        certificate_expires_at=appliance.certificate_expires_at,
        notes=hello.notes if hello else (),
    )
