"""Targets of notices."""

import time
import uuid
from collections.abc import Sequence

from ....domain import errors
from ....domain.lifecycle import Verb
from ....domain.notices import targets
from ....domain.notices.targets import Mail, NoticeTarget, QuietHours, Subscription, Webhook
from ....wire import rest
from ...notices import quiet
from ...notices.delivery import NotDelivered
from ...notices.detection import LOCK
from ...store import NoticeDelivery, NoticeTargetRecord, Transaction, Unsent
from ..parts import Parts
from ..shared import secrets
from ..shared.editions import Seen, require
from ..shared.idempotency import Once, carry_out

MOST = 20
"""The most targets: each needs a thread while a message is sent to it."""


class NoticeTargets:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[rest.NoticeTarget]:
        """All targets, by name."""
        with self._parts.store.reading() as tx:
            deliveries, unsent = tx.notice_targets.deliveries(), tx.notices.unsent()
            return [
                _info(each, deliveries.get(each.id), unsent.get(each.id)) for each in tx.notice_targets.list()
            ]

    def show(self, name: str) -> rest.NoticeTarget:
        """One target. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _shown(tx, _existing(tx, name))

    def create(self, request: rest.NoticeTargetCreate, once: Once | None = None) -> rest.NoticeTarget:
        """Create a target. Raises AlreadyExists, InvalidArgument for a target that is not possible,
        NotPossibleNow for one too many."""
        target = _target(request)
        targets.check(target, request.secret)

        def make() -> rest.NoticeTarget:
            tx.one_at_a_time(LOCK)
            _require_room(tx, request.name)
            now = self._parts.now()
            made = NoticeTargetRecord(uuid.uuid4().hex, request.name, target, request.secret, now, now)
            tx.notice_targets.put(made)
            info = _info(made)
            self._parts.note(after=info)
            return info

        with self._parts.changing() as tx:
            info = carry_out(self._parts, tx, once, rest.NoticeTarget, make)
        self._parts.notices.wake()
        return info

    def update(
        self, name: str, request: rest.NoticeTargetChange, seen: Seen | None = None
    ) -> rest.NoticeTarget:
        """Raises NotFound, ChangedMeanwhile, InvalidArgument."""
        target = _target(request)
        with self._parts.changing() as tx:
            record, before = _editable(tx, name, seen)
            secret = _secret(record, target, request.secret)
            targets.check(target, secret)
            changed = NoticeTargetRecord(
                record.id, name, target, secret, record.created_at, self._parts.now()
            )
            tx.notice_targets.put(changed)
            _try_at_once(tx, record.id)
            info = _shown(tx, changed)
            self._parts.note(before, info)
        self._parts.notices.wake()
        return info

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Raises NotFound, ChangedMeanwhile."""
        with self._parts.changing() as tx:
            record, before = _editable(tx, name, seen)
            self._parts.note(before=before)
            tx.notice_targets.remove(record.id)

    def test(self, name: str) -> rest.NoticeTest:
        """Send a test message now; gives the server's answer. Raises NotFound."""
        with self._parts.changing() as tx:
            record = _existing(tx, name)
        began = time.monotonic()
        try:
            delivered, said = True, self._parts.notices.try_now(record)
        except NotDelivered as problem:
            delivered, said = False, str(problem)
        seconds = round(time.monotonic() - began, 3)
        return rest.NoticeTest(delivered=delivered, said=said, seconds=seconds)


def _existing(tx: Transaction, name: str) -> NoticeTargetRecord:
    found = tx.notice_targets.find(name)
    if found is None:
        raise errors.NotFound.named("target of notices", name, "notice list")
    return found


def _editable(tx: Transaction, name: str, seen: Seen | None) -> tuple[NoticeTargetRecord, rest.NoticeTarget]:
    tx.one_at_a_time(LOCK)
    record = _existing(tx, name)
    info = _shown(tx, record)
    require(seen, info, f"Target of notices '{name}'")
    return record, info


def _require_room(tx: Transaction, name: str) -> None:
    there = tx.notice_targets.list()
    if any(each.name == name for each in there):
        raise errors.AlreadyExists(f"There is a target of notices '{name}' already.")
    if len(there) >= MOST:
        raise errors.NotPossibleNow(
            f"There are {MOST} targets of notices already.", do="Delete one: 'secondsite notice list'."
        )


def _secret(record: NoticeTargetRecord, target: NoticeTarget, given: str | None) -> str | None:
    """The secret for the target. Raises InvalidArgument rather than send a secret to another server than it
    was given for."""
    if given is not None:
        return given
    if target.mail is not None and target.mail.user is None:
        return None
    given_for, now = [(each.where, secrets.trusted(each.ca_pem)) for each in (record.target, target)]
    if record.secret is not None and given_for != now:
        raise errors.InvalidArgument(
            (
                f"The target of notices '{record.name}' changes to another server or user, but its "
                "secret was given for the former one."
            ),
            do="Give the secret again, with --secret-file.",
        )
    return record.secret


def _try_at_once(tx: Transaction, target_id: str) -> None:
    """Send at once: whoever changes a target that fails has probably corrected it."""
    going = tx.notice_targets.deliveries().get(target_id)
    if going is not None and going.failures:
        kept = NoticeDelivery(target_id, sent_at=going.sent_at, said=going.said, given_up=going.given_up)
        tx.notice_targets.put_delivery(kept)


def _target(request: rest.NoticeTargetSettings) -> NoticeTarget:
    """The target that is asked for. Raises InvalidArgument for an unknown verb or time zone."""
    known = {verb.value for verb in Verb}
    unknown = [each for each in request.wanted.verbs if each not in known]
    if unknown:
        raise errors.InvalidArgument(
            f"No such verb: {', '.join(unknown[:5])}.", do=f"There are: {', '.join(sorted(known))}."
        )
    if request.quiet is not None:
        quiet.zone_of(request.quiet.zone)
    return NoticeTarget(
        webhook=Webhook(request.webhook.url) if request.webhook else None,
        mail=Mail(**request.mail.model_dump()) if request.mail else None,
        wanted=Subscription(**request.wanted.model_dump()),
        quiet=QuietHours(**request.quiet.model_dump()) if request.quiet else None,
        repeat_seconds=request.repeat_seconds,
        pace_seconds=request.pace_seconds,
        ca_pem=request.ca_pem,
        enabled=request.enabled,
    )


def _shown(tx: Transaction, record: NoticeTargetRecord) -> rest.NoticeTarget:
    return _info(record, tx.notice_targets.deliveries().get(record.id), tx.notices.unsent().get(record.id))


def _info(
    record: NoticeTargetRecord,
    going: NoticeDelivery | None = None,
    unsent: Unsent | None = None,
) -> rest.NoticeTarget:
    of, going = record.target, going or NoticeDelivery(record.id)
    return rest.NoticeTarget(
        name=record.name,
        webhook=rest.WebhookShape(url=of.webhook.url) if of.webhook else None,
        mail=rest.MailShape.model_validate(of.mail, from_attributes=True) if of.mail else None,
        wanted=rest.NoticeFilter.model_validate(of.wanted, from_attributes=True),
        quiet=rest.QuietHoursShape.model_validate(of.quiet, from_attributes=True) if of.quiet else None,
        repeat_seconds=of.repeat_seconds,
        pace_seconds=of.pace_seconds,
        ca_pem=of.ca_pem,
        enabled=of.enabled,
        has_secret=record.secret is not None,
        created_at=record.created_at,
        changed_at=record.changed_at,
        delivery=rest.NoticeDelivery(
            sent_at=going.sent_at,
            said=going.said,
            failures=going.failures,
            failing_since=going.failing_since,
            next_at=going.next_at,
            waiting=unsent.notices if unsent else 0,
            given_up=going.given_up,
        ),
    )
