"""Requests that wait for a second person's approval: shown, granted, refused, withdrawn."""

from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote

from ....domain import errors
from ....domain.access import approvals, hidden
from ....domain.access.approvals import OPEN, SECRET, Rules, Stage
from ....domain.access.chain import Entry, Outcome
from ....wire import rest
from ...store import ApprovalRecord, Transaction
from .. import holders, second_person
from ..acts import append, text_of
from ..callers import THE_VAULT, Caller
from ..parts import Parts
from ..shared.idempotency import Once, carry_out
from ..shared.paging import Place, page, place_of
from .tokens import stays_in_charge

EVERY = rest.ApprovalQuery()
MOST_OF_A_MESSAGE = 1000


class Approvals:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, query: rest.ApprovalQuery = EVERY) -> rest.ApprovalPage:
        """Raises InvalidArgument for a bad cursor."""
        before = place_of(query.cursor, (int,))
        with self._parts.store.reading() as tx:
            found = tx.approvals.list(
                query.stage, second_person.MOST_KEPT * 2, int(before[0]) if before else None
            )
        items, following = page((each for each in found if self._sees(each)), query.limit, _place)
        return rest.ApprovalPage(
            items=tuple(_shape(each, self._parts.now()) for each in items), next=following
        )

    def show(self, number: int) -> rest.Approval:
        """One request for approval. Raises NotFound."""
        return _shape(self.existing(number), self._parts.now())

    def existing(self, number: int) -> ApprovalRecord:
        """The record. Raises NotFound, also for one that the caller does not see."""
        with self._parts.store.reading() as tx:
            return self._existing(tx, number)

    def settings(self) -> rest.ApprovalSettings:
        with self._parts.store.reading() as tx:
            return _settings(tx.approvals.rules())

    def change(self, wanted: rest.ApprovalSettings) -> rest.ApprovalSettings:
        """Set the verbs that need approval. Raises InvalidArgument for an unknown verb, NotPossibleNow while
        nobody could approve, ApprovalNeeded once the setting is in force."""
        rules = Rules(approvals.checked(wanted.verbs), wanted.lasts_seconds)
        with self._parts.changing() as tx:
            if rules.verbs:
                approvals.require_two(
                    [holders.of(each) for each in tx.holders.list() if stays_in_charge(each)]
                )
            self._parts.note(_settings(tx.approvals.rules()), _settings(rules))
            tx.approvals.set_rules(rules)
        return _settings(rules)

    def asker_to_grant(self, number: int) -> Caller | None:
        """The asker, for whom the request may now be carried out if the caller's roles allow the same; None
        when it was carried out already.

        Raises NotFound, NotPossibleNow for a request that no longer waits, Forbidden for a caller who does
        not count as a second person.
        """
        now = self._parts.now()
        with self._parts.store.reading() as tx:
            record = self._existing(tx, number)
            if record.stage is Stage.DONE:
                return None
            second_person.require_open(record, now)
            second_person.require_second(tx, record, self._parts.caller.token_sha256, now)
            asker = holders.valid(tx, record.who, record.token_sha256, now)
            return holders.caller(asker, record.token_sha256, record.address)

    def grant_later(self, number: int) -> None:
        """Grant a request that is carried out when its asker repeats it. Raises as `asker_to_grant` does."""
        with self._parts.changing() as tx:
            record = self._open(tx, number)
            caller = self._parts.caller
            second_person.require_second(tx, record, caller.token_sha256, self._parts.now())
            granted = replace(record, stage=Stage.GRANTED, by=caller.name, by_sha256=caller.token_sha256)
            tx.approvals.put(granted)

    def refuse(self, number: int, request: rest.ApprovalRefusal, once: Once | None = None) -> rest.Approval:
        """Refuse a request. Raises NotFound, NotPossibleNow, or Forbidden for a caller who may not make the
        same request."""

        def end() -> rest.Approval:
            record = self._open(tx, number)
            self._parts.caller.require(record.permission, f"refuse {record.verb}")
            return self._end(tx, record, Stage.REFUSED, request.reason)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.Approval, end)

    def withdraw(self, number: int, once: Once | None = None) -> rest.Approval:
        """Withdraw a request. Raises NotFound, NotPossibleNow, or Forbidden for others than the asker."""

        def end() -> rest.Approval:
            record = self._open(tx, number)
            if record.token_id != self._parts.caller.token_id:
                raise errors.Forbidden(
                    f"Request {number} was asked by '{record.who}'.",
                    do=f"Refuse it: 'secondsite approval refuse {number}'.",
                )
            return self._end(tx, record, Stage.WITHDRAWN)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.Approval, end)

    def tried(self, number: int, problem: str) -> None:
        """Note that a granted request could not be carried out: it still waits."""
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time(second_person.LOCK)
            record = self._existing(tx, number)
            if record.stage in OPEN:
                tx.approvals.put(replace(record, tried=problem[:MOST_OF_A_MESSAGE]))

    def expire(self) -> None:
        """End the requests whose time is over, with an entry in the audit log."""
        now, lived = self._parts.now(), self._parts.deps.lived()
        with self._parts.store.reading() as tx:
            if not any(each.expires_at <= lived for each in tx.approvals.open()):
                return
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time(second_person.LOCK)
            due = [each for each in tx.approvals.open() if each.expires_at <= lived]
            for record in due:
                over = second_person.ended(record.request)
                tx.approvals.put(replace(record, request=over, stage=Stage.EXPIRED, ended_at=now))
            for record in due:
                append(tx, self._expired(record))

    def _expired(self, record: ApprovalRecord) -> Entry:
        told = text_of({"verb": record.verb, "asked_by": record.who})
        return Entry(
            at=self._parts.now(), who=THE_VAULT.name, token_id="", address="", verb="expire",
            object=f"/approvals/{record.number}", outcome=Outcome.EXPIRED, details=told,
        )  # fmt: skip

    def _end(self, tx: Transaction, record: ApprovalRecord, stage: Stage, why: str = "") -> rest.Approval:
        by = self._parts.caller.name if stage is Stage.REFUSED else record.by
        over = second_person.ended(record.request)
        ended = replace(record, request=over, stage=stage, ended_at=self._parts.now(), by=by, why=why)
        tx.approvals.put(ended)
        self._parts.note(after=_shape(ended, self._parts.now()))
        return _shape(ended, self._parts.now())

    def _open(self, tx: Transaction, number: int) -> ApprovalRecord:
        tx.one_at_a_time(second_person.LOCK)
        record = self._existing(tx, number)
        second_person.require_open(record, self._parts.now())
        return record

    def _existing(self, tx: Transaction, number: int) -> ApprovalRecord:
        record = tx.approvals.find(number)
        if record is None or not self._sees(record):
            raise errors.NotFound.named("request for approval", str(number), "approval list")
        return record

    def _sees(self, record: ApprovalRecord) -> bool:
        """Whether the caller sees it: its asker does, and whoever has the asker's whole scope."""
        return record.token_id == self._parts.caller.token_id or self._parts.sees(record.site)


def is_secret(record: ApprovalRecord) -> bool:
    return record.verb in SECRET


def _settings(rules: Rules) -> rest.ApprovalSettings:
    return rest.ApprovalSettings(verbs=rules.verbs, lasts_seconds=rules.lasts_seconds)


def _place(record: ApprovalRecord) -> Place:
    return (record.number,)


def _shape(record: ApprovalRecord, now: datetime) -> rest.Approval:
    asked = record.request
    return rest.Approval(
        number=record.number,
        stage=second_person.stage_now(record, now),
        verb=record.verb,
        asked=rest.ApprovalRequest(
            method=asked.method,
            path=asked.path,
            query=unquote(asked.query),
            body=hidden.text_without_secrets(asked.body if asked.understood is None else asked.understood),
            if_match=asked.headers.get("if-match"),
            machines=tuple(
                rest.ApprovalMachine(
                    id=each.id, name=each.name, source_site=each.source_site, target_site=each.target_site
                )
                for each in asked.about
            ),
        ),
        permission=record.permission,
        who=record.who,
        asked_at=record.asked_at,
        expires_at=record.expires_at,
        ended_at=record.ended_at,
        by=record.by,
        why=record.why,
        tried=record.tried,
        code=record.code,
        job_id=record.job_id,
    )
