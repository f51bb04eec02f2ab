"""An order whose answer a face waits for, with a deadline."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...domain import errors
from ...wire.base import Shape
from ...wire.control import Report
from ...wire.orders import Kind
from .. import ports
from .parts import Parts

LOOK_AGAIN_SECONDS = 1.0


def ask_and_wait(
    parts: Parts,
    appliances: Sequence[ports.ApplianceRecord],
    kind: Kind,
    payload: Shape,
    seconds: float,
    machine_id: str | None = None,
) -> list[dict[str, Any]]:
    """The facts that each appliance answers, all asked at once; `machine_id` names the machine that it is about.

    Raises ApplianceUnreachable, DeadlineExceeded, or what an appliance could not do.
    """
    deadline = time.monotonic() + seconds
    questions = [
        _Question(appliance, f"ask-{uuid.uuid4().hex}", kind, payload, machine_id) for appliance in appliances
    ]
    for question in questions:
        _ask(parts, question, seconds)
    return [_answer(parts, question, deadline) for question in questions]


@dataclass(frozen=True, slots=True)
class _Question:
    appliance: ports.ApplianceRecord
    order_id: str
    kind: Kind
    payload: Shape
    machine_id: str | None


def _answer(parts: Parts, question: _Question, deadline: float) -> dict[str, Any]:
    try:
        with parts.switchboard.listening(f"order/{question.order_id}") as arrived:
            while True:
                arrived.clear()
                report = _ask(parts, question, deadline - time.monotonic())
                if report is not None:
                    break
                _check(parts, question.appliance, question.kind, deadline)
                arrived.wait(min(LOOK_AGAIN_SECONDS, max(0.01, deadline - time.monotonic())))
    finally:
        parts.gateway.forget(question.order_id)
    if report.problem:
        raise report.problem.raised()
    return report.facts


def _ask(parts: Parts, question: _Question, seconds: float) -> Report | None:
    payload = question.payload.model_dump(mode="json")
    return parts.gateway.ask(
        question.appliance.id, question.order_id, question.kind.value, question.machine_id, payload, seconds
    )


def _check(parts: Parts, appliance: ports.ApplianceRecord, kind: Kind, deadline: float) -> None:
    if not parts.gateway.is_connected(appliance.id):
        raise errors.ApplianceUnreachable(
            f"Appliance '{appliance.name}' of site {appliance.site} has no connection to the vault."
        )
    if time.monotonic() > deadline:
        raise errors.DeadlineExceeded(
            f"Appliance '{appliance.name}' of site {appliance.site} did not answer '{kind}' in time."
        )
