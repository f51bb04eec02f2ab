"""An order whose answer a face waits for, with a deadline."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ....domain import errors
from ....wire.common.base import Shape
from ....wire.control import Report
from ....wire.control.orders import OrderKind
from ....wire.control.reports import facts_of
from ... import ports
from ..parts import Parts

LOOK_AGAIN_SECONDS = 1.0

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


def ask_and_wait(
    parts: Parts,
    appliances: Sequence[ports.ApplianceRecord],
    order: OrderKind[P, F],
    payload: P,
    seconds: float,
    machine_id: str | None = None,
    generation: int | None = None,
) -> list[F]:
    """What each appliance answers; all are asked at the same time. `machine_id` is the machine concerned, `generation` under which
    number.

    Raises ApplianceUnreachable, DeadlineExceeded (also when many wait already), or the problem that an appliance reports.
    """
    deadline = time.monotonic() + seconds
    questions = [
        _Question(appliance, f"ask-{uuid.uuid4().hex}", order, payload, machine_id, generation)
        for appliance in appliances
    ]
    with parts.waiting.one(parts.caller):
        for question in questions:
            _ask(parts, question, seconds)
        return [_answer(parts, question, deadline) for question in questions]


@dataclass(frozen=True, slots=True)
class _Question(Generic[P, F]):
    appliance: ports.ApplianceRecord
    order_id: str
    order: OrderKind[P, F]
    payload: P
    machine_id: str | None
    generation: int | None


def _answer(parts: Parts, question: _Question[P, F], deadline: float) -> F:
    try:
        with parts.signals.listening(f"order/{question.order_id}") as arrived:
            while True:
                arrived.clear()
                report = _ask(parts, question, deadline - time.monotonic())
                if report is not None:
                    break
                _check(parts, question, deadline)
                arrived.wait(min(LOOK_AGAIN_SECONDS, max(0.01, deadline - time.monotonic())))
    finally:
        parts.gateway.forget(question.order_id)
    return facts_of(question.order, report)


def _ask(parts: Parts, question: _Question[P, F], seconds: float) -> Report | None:
    return parts.gateway.ask(
        question.appliance.id,
        question.order_id,
        question.order.kind,
        question.machine_id,
        question.payload,
        seconds,
        generation=question.generation,
    )


def _check(parts: Parts, question: _Question[P, F], deadline: float) -> None:
    appliance = question.appliance
    if not parts.gateway.is_connected(appliance.id):
        raise errors.ApplianceUnreachable(
            f"Appliance '{appliance.name}' of site {appliance.site} has no connection to the vault."
        )
    if time.monotonic() > deadline:
        raise errors.DeadlineExceeded(
            f"Appliance '{appliance.name}' of site {appliance.site} did not answer '{question.order.kind}' in time."
        )
