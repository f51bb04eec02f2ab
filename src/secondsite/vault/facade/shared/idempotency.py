"""Idempotency keys: a request with one is carried out once, and a repeat gets the first answer.

The answer is written in the same transaction as the work, so a vault that is killed has done both or neither.
It is kept for a day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from ....domain import errors
from ....wire.common.base import Shape
from ....wire.rest import Job, JobAccepted
from ...store import AnswerRecord, Transaction
from ..parts import Parts

KEPT = timedelta(days=1)
S = TypeVar("S", bound=Shape)


@dataclass(frozen=True, slots=True)
class Once:
    """A request with its key: the caller (its token's digest), the key, and the digest of the whole request.
    `caller` may be filled in later, for calls without a token."""

    key: str
    request_sha256: str
    caller: str = ""


def known(parts: Parts, tx: Transaction, once: Once | None, shape: type[S]) -> S | None:
    """The answer that was given before; None the first time.

    Raises KeyReused when the key came with a different request, NotPossibleNow when the answer held a secret.
    """
    record = None if once is None else tx.answers.find(once.caller, once.key)
    if once is None or record is None or record.answered_at < parts.deps.lived() - KEPT:
        return None
    if record.request_sha256 != once.request_sha256:
        raise errors.KeyReused(f"The idempotency key '{once.key}' was used with another request before.")
    if record.answer is None:
        raise errors.NotPossibleNow(
            (
                f"The request with the idempotency key '{once.key}' was carried out; its answer is shown "
                "only once."
            ),
            do="Delete what it made, then ask again with a new key.",
        )
    return shape.model_validate(record.answer)


def carry_out(
    parts: Parts,
    tx: Transaction,
    once: Once | None,
    shape: type[S],
    work: Callable[[], S],
    *,
    secret: bool = False,
) -> S:
    """The result of `work`, done in this transaction; for a repeat, the first result. A `secret` result is
    not kept.

    Raises as `known` and `work` do.
    """
    if once is None:
        return _noted(parts, work())
    tx.one_at_a_time(f"answer {once.caller} {once.key}")
    tx.answers.forget(parts.deps.lived() - KEPT)
    before = known(parts, tx, once, shape)
    if before is not None:
        if parts.act is not None:
            parts.act.repeated = True
        return before
    answer = _noted(parts, work())
    kept = None if secret else answer.model_dump(mode="json")
    tx.answers.add(AnswerRecord(once.caller, once.key, once.request_sha256, kept, parts.now()))
    return answer


def _noted(parts: Parts, answer: S) -> S:
    """The answer, after naming its job in the audit log's entry."""
    if parts.act is not None and isinstance(answer, JobAccepted):
        parts.act.job_id = answer.job_id
    if parts.act is not None and isinstance(answer, Job):
        parts.act.job_id = answer.id
    return answer
