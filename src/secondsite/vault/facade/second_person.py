"""Requests that wait for a second person, until they are carried out.

A change that needs approval is made up to its end and rolled back: so everything that would be refused is
refused at once, and only a possible request is kept. Whoever approves it makes the same attempt under their
own name, which shows that their roles and scope would allow it. Then it is carried out under the asker's
name; the approval commits with the change.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from ...domain import errors
from ...domain.access import approvals, hidden
from ...domain.access.approvals import OPEN, SECRET, SETTINGS, Rules, Stage
from ...domain.access.chain import Outcome
from ...domain.lifecycle import Verb
from ...ground.units import KiB
from ..store import ApprovalRecord, AskedMachine, PendingRequest, Store, Transaction
from . import holders
from .acts import MOST_OF_A_PATH, Act, ApprovalGrant, Rehearsal

LOCK = "approvals"
MOST_OPEN_OF_A_TOKEN, MOST_OPEN, MOST_KEPT = 20, 200, 1000
MOST_BODY_BYTES, MOST_QUERY = 64 * KiB, 2000
ENDED_KEPT = timedelta(days=90)


class Rehearsed(Exception):
    """Ends a rehearsal: the request would have changed something; nothing was changed."""


class Waits(Exception):
    """The request needs approval; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One transaction of an act, with the approval setting and the times that count for it."""

    tx: Transaction
    act: Act
    rules: Rules
    now: datetime
    lived: datetime


def begin(tx: Transaction, act: Act, now: datetime, lived: datetime) -> Moment:
    """Reads the setting before the change, which may be a change of the setting itself."""
    if act.name == SETTINGS:
        tx.one_at_a_time(LOCK)
    return Moment(tx, act, tx.approvals.rules(), now, lived)


def settle(at: Moment, outcome: Outcome) -> None:
    """Decides about the act, before it is recorded and committed. Raises Waits, Rehearsed, NotPossibleNow or
    Forbidden."""
    act = at.act
    if isinstance(act.approval, Rehearsal):
        raise Rehearsed
    if act.approval is None and not act.begun and not act.repeated and at.rules.guard(act.names):
        act.approval = _granted(at)
    if isinstance(act.approval, ApprovalGrant):
        _carry_out(at, act.approval, outcome)
    act.begun = outcome is Outcome.BEGUN


def ask(store: Store, at: Moment) -> errors.ApprovalNeeded:
    """Keeps the request, once, and gives the error for its asker. Raises InvalidArgument, or NotPossibleNow
    when too many wait."""
    with store.transaction() as tx:
        at = replace(at, tx=tx)
        tx.one_at_a_time(LOCK)
        record = _twin(at) or _kept(at)
    at.act.waits = True
    return _needed(record)


def stage_now(record: ApprovalRecord, now: datetime) -> Stage:
    """The request's stage: expired if it has waited too long by the clock. It is ended for good only by lived
    time: a clock that was ahead ends none."""
    return Stage.EXPIRED if record.stage in OPEN and record.expires_at <= now else record.stage


def ended(request: PendingRequest) -> PendingRequest:
    """The request once it is over: without the secrets that carrying it out would have taken."""
    understood = request.understood
    return replace(
        request,
        body=hidden.text_without_secrets(request.body),
        understood=None if understood is None else hidden.text_without_secrets(understood),
    )


def require_open(record: ApprovalRecord, now: datetime) -> None:
    """Raises NotPossibleNow for a request that no longer waits."""
    stage = stage_now(record, now)
    if stage not in OPEN:
        raise errors.NotPossibleNow(
            f"Request {record.number} ({record.verb}, asked by '{record.who}') is {stage}.",
            do=f"See 'secondsite approval show {record.number}'; whoever still wants it asks again.",
        )


def require_second(tx: Transaction, record: ApprovalRecord, by_sha256: str, now: datetime) -> None:
    """Raises Forbidden unless this secret's holder is a second person, NotPossibleNow when one of the two
    tokens is no longer valid."""
    asker = holders.valid(tx, record.who, record.token_sha256, now)
    approver = holders.valid(tx, record.by or "of the second person", by_sha256, now)
    approvals.require_second(holders.of(asker), holders.of(approver))


def _granted(at: Moment) -> ApprovalGrant:
    """The granted request that its asker repeats, since its answer is a secret. Raises Waits."""
    at.tx.one_at_a_time(LOCK)
    twin = _twin(at)
    if twin is None or twin.by_sha256 is None:
        raise Waits
    return ApprovalGrant(twin.number, twin.by_sha256, twin.by or "")


def _carry_out(at: Moment, granted: ApprovalGrant, outcome: Outcome) -> None:
    """Marks the request as done, in the transaction of the change: so it is carried out once. For what an
    appliance does, that is marked when it has done it."""
    at.tx.one_at_a_time(LOCK)
    record = at.tx.approvals.find(granted.number)
    assert record is not None
    if not at.act.begun:
        require_open(record, at.now)
        require_second(at.tx, record, granted.by_sha256, at.now)
        _require_same_machines(at, record)
    at.act.tell("approval", {"number": record.number, "asked_by": record.who, "granted_by": granted.by})
    if outcome is Outcome.DONE:
        at.tx.approvals.put(
            replace(
                record, request=ended(record.request), stage=Stage.DONE, ended_at=at.now,
                by=granted.by, by_sha256=granted.by_sha256, code=at.act.code, job_id=at.act.job_id, tried="",
            )
        )  # fmt: skip


def _require_same_machines(at: Moment, record: ApprovalRecord) -> None:
    """Raises NotPossibleNow if the names mean something else now: the second person looked at the machine,
    plan or policy that had the name then, as it was."""
    if not _is_of_the_same(at.act, record):
        raise errors.NotPossibleNow(
            (
                f"A name in request {record.number} ({record.verb}, asked by '{record.who}') belongs to "
                "another machine now, or to something that was changed since: a machine may have been moved."
            ),
            do=f"Refuse it: 'secondsite approval refuse {record.number}'. Whoever still wants it asks again.",
        )


def _is_of_the_same(act: Act, record: ApprovalRecord) -> bool:
    """Whether the act is about the same machines, plans and policies as the request was, which were not
    changed since."""
    asked = record.request
    if set(asked.machines) != act.machines:
        return False
    present = act.about.values() if asked.about else ()  # an earlier release kept only the names
    return _ways(asked.about, record.verb) == _ways(present, record.verb)


def _ways(about: Iterable[AskedMachine], verb: str) -> set[AskedMachine]:
    """The machines without what the verb does not ask about: a name, and whether a test failover came and
    went."""
    if verb != Verb.CLEANUP_TEST_FAILOVER:
        about = [replace(each, drill_generation=0) for each in about]
    return {replace(each, name="") for each in about}


def _twin(at: Moment) -> ApprovalRecord | None:
    """The same request of the same token or person, if it still waits, and counts: after a change of its
    asker nobody can grant it any more."""
    wanted = (at.act.caller.token_id, _digest(at.act))
    for record in at.tx.approvals.open():
        same = (record.token_id, record.request_sha256) == wanted and record.expires_at > at.now
        same = same and _is_of_the_same(at.act, record)
        if same and holders.stands_in(at.tx, record.token_sha256, at.now):
            return record
    return None


def _kept(at: Moment) -> ApprovalRecord:
    act, caller = at.act, at.act.caller
    _require_bounded(at)
    assert act.permission is not None
    number = at.tx.approvals.next_number()
    record = ApprovalRecord(
        number, Stage.ASKED, act.name, act.permission,
        PendingRequest(
            act.method, act.object, act.query, dict(act.headers), act.body.decode(),
            tuple(sorted(act.machines)), act.understood(), tuple(act.about.values())
        ), _digest(act),
        caller.name, caller.token_id, caller.token_sha256, caller.grant.site, caller.address,
        at.now, at.now + timedelta(seconds=at.rules.lasts_seconds),
    )  # fmt: skip
    at.tx.approvals.forget(at.lived - ENDED_KEPT, number - MOST_KEPT)
    at.tx.approvals.put(record)
    act.tell("approval", {"number": number, "expires_at": record.expires_at.isoformat()})
    act.record(at.tx, at.now, Outcome.ASKED)
    return record


def _require_bounded(at: Moment) -> None:
    act = at.act
    names = [name for name, _ in parse_qsl(act.query, keep_blank_values=True)]
    if len(set(names)) < len(names):
        raise errors.InvalidArgument(
            f"{act.name} needs a second person's approval, and its query has a parameter twice.",
            do="Give each once.",
        )
    if len(act.body) > MOST_BODY_BYTES or len(act.query) > MOST_QUERY or len(act.object) >= MOST_OF_A_PATH:
        raise errors.InvalidArgument(
            f"{act.name} needs a second person's approval, and the request is too long to be kept for that.",
            do="Name fewer machines at once.",
        )
    unexpired = [record for record in at.tx.approvals.open() if record.expires_at > at.now]
    mine = [record for record in unexpired if record.token_id == act.caller.token_id]
    if len(mine) >= MOST_OPEN_OF_A_TOKEN or len(unexpired) >= MOST_OPEN:
        raise errors.NotPossibleNow(
            f"{act.name} needs a second person's approval, and {len(mine)} requests of '{act.caller.name}' "
            f"({len(unexpired)} of all) wait for one.",
            do="Let them be granted, refused or withdrawn first: 'secondsite approval list'.",
        )


def _needed(record: ApprovalRecord) -> errors.ApprovalNeeded:
    until = f"{record.expires_at:%Y-%m-%d %H:%M:%SZ}"
    again = ", then repeat the request: only you are shown the secret" if record.verb in SECRET else ""
    needed = errors.ApprovalNeeded(
        (
            f"{record.verb} needs a second person's approval: request {record.number}, until {until}. "
            "Nothing was done yet."
        ),
        do=f"Let another person type 'secondsite approval grant {record.number}'{again}.",
    )
    needed.number = record.number
    return needed


def _digest(act: Act) -> str:
    """The digest of the request's content: order and blanks of a body do not matter, nor does the idempotency
    key."""
    body = act.understood()
    what = [
        act.method,
        act.object,
        act.query,
        act.headers.get("if-match"),
        json.loads(body) if body else None,
    ]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
