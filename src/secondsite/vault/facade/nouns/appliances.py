"""Appliances: which are enrolled and connected, and how a new one gets in."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from ....domain import errors
from ....ground.plural import counted
from ....wire.rest.places import Appliance, EnrollAnswer, EnrollRequest, RegistrationKey
from ... import ports
from ...steps import authority
from ...steps.lost import finish_later
from ...watch import settings_push
from ..parts import Parts
from ..shared import secrets
from ..shared.once import Once, carry_out
from . import sites

KEY_LIVES = timedelta(hours=1)


class Appliances:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, site: str | None = None) -> Sequence[Appliance]:
        with self._parts.store.reading() as tx:
            found = tx.appliances.list(site)
            return [_shape(appliance) for appliance in found if self._parts.sees(appliance.site)]

    def show(self, name_or_id: str) -> Appliance:
        """Raises NotFound, or InvalidArgument when several have that name."""
        with self._parts.store.reading() as tx:
            return _shape(_existing(self._parts, tx, name_or_id))

    def delete(self, name_or_id: str) -> None:
        """From now on its certificate is refused, and its connection ends. Raises NotPossibleNow while machines depend on it, or
        jobs wait for it: a copy that runs there would be seen by nobody."""
        with self._parts.changing() as tx:
            appliance = _existing(self._parts, tx, name_or_id)
            self._parts.note(before=_shape(appliance))
            users = [
                machine.name
                for machine in tx.machines.list(appliance.site)
                if appliance.id in (machine.source_appliance_id, machine.target_appliance_id)
            ]
            if users:
                raise errors.NotPossibleNow(
                    f"Appliance '{appliance.name}' replicates {counted(len(users), 'machine')}.",
                    do="Disable their protection first: " + ", ".join(users[:10]),
                )
            _refuse_while_waited_for(tx, appliance)
            tx.appliances.remove(appliance.id)
        self._parts.gateway.hang_up(appliance.id)
        self._parts.signals(settings_push.SITE)

    def registration_key(self, site: str, once: Once | None = None) -> RegistrationKey:
        """A key that enrolls one appliance of the site within an hour. It is shown this once."""
        with self._parts.changing() as tx:
            work = partial(self._make_key, tx, site)
            return carry_out(self._parts, tx, once, RegistrationKey, work, secret=True)

    def enroll(self, request: EnrollRequest, once: Once | None = None) -> EnrollAnswer:
        """A certificate for the appliance's own key. Raises RegistrationRefused, or InvalidArgument for a bad
        request, which does not use the key up."""
        key_sha256 = secrets.digest(request.key.strip())
        if once is not None:
            once = replace(once, caller=f"enroll {key_sha256}")
        with self._parts.changing() as tx:
            return carry_out(
                self._parts, tx, once, EnrollAnswer, lambda: self._enroll(tx, request, key_sha256)
            )

    def _make_key(self, tx: ports.Transaction, site: str) -> RegistrationKey:
        key = secrets.new_key()
        expires_at = self._parts.now() + KEY_LIVES
        sites.existing(self._parts, tx, site)
        tx.keys.add(ports.KeyRecord(secrets.digest(key), site, expires_at))
        fingerprint = self._parts.authority.fingerprint
        return RegistrationKey(site=site, key=key, expires_at=expires_at, ca_fingerprint=fingerprint)

    def _enroll(self, tx: ports.Transaction, request: EnrollRequest, key_sha256: str) -> EnrollAnswer:
        now = self._parts.now()
        appliance_id = uuid.uuid4().hex
        key = tx.keys.use(key_sha256, now)
        certificate, expires_at = self._parts.authority.issue_appliance(request.csr_pem, appliance_id, now)
        record = ports.ApplianceRecord(appliance_id, request.name, key.site, now, expires_at)
        tx.appliances.put(record)
        self._parts.note(after=_shape(record))
        return EnrollAnswer(
            appliance_id=appliance_id,
            site=key.site,
            certificate_pem=certificate,
            ca_pem=self._parts.authority.ca_pem,
            control_url=self._parts.about.control_url,
        )


def _existing(parts: Parts, tx: ports.Transaction, name_or_id: str) -> ports.ApplianceRecord:
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


def _refuse_while_waited_for(tx: ports.Transaction, appliance: ports.ApplianceRecord) -> None:
    left = finish_later.waiting_for(tx, appliance.id)
    if left:
        jobs = ", ".join(f"{job.id[: authority.SHORT]} ({job.subject_name})" for job in left[:10])
        raise errors.NotPossibleNow(
            f"{counted(len(left), 'job')} will finish at appliance '{appliance.name}' what was left there when it was away. Without "
            "it a copy that its host starts would run unseen.",
            do=f"If its host never returns, cancel them first ('secondsite job cancel ID'): {jobs}.",
        )


def _shape(appliance: ports.ApplianceRecord) -> Appliance:
    hello = appliance.hello
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
        certificate_expires_at=appliance.certificate_expires_at,
        notes=hello.notes if hello else (),
    )
