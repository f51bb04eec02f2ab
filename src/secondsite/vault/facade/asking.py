"""An order whose answer a face waits for, with a deadline."""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from ...domain import errors
from ...wire.base import Shape
from ...wire.control import Report
from ...wire.orders import Kind
from .. import ports
from .parts import Parts

LOOK_AGAIN_SECONDS = 1.0


def ask_and_wait(
    parts: Parts, appliances: Sequence[ports.ApplianceRecord], kind: Kind, payload: Shape, seconds: float
) -> list[dict[str, Any]]:
    """The facts that each appliance answers, all asked at once.

    Raises ApplianceUnreachable, DeadlineExceeded, or what an appliance could not do.
    """
    deadline = time.monotonic() + seconds
    waiting = [(appliance, f"ask-{uuid.uuid4().hex}") for appliance in appliances]
    for appliance, order_id in waiting:
        _ask(parts, appliance, order_id, kind, payload, seconds)
    return [_answer(parts, appliance, order_id, kind, payload, deadline) for appliance, order_id in waiting]


def _answer(
    parts: Parts, appliance: ports.ApplianceRecord, order_id: str, kind: Kind, payload: Shape, deadline: float
) -> dict[str, Any]:
    try:
        with parts.switchboard.listening(f"order/{order_id}") as arrived:
            while True:
                arrived.clear()
                report = _ask(parts, appliance, order_id, kind, payload, deadline - time.monotonic())
                if report is not None:
                    break
                _check(parts, appliance, kind, deadline)
                arrived.wait(min(LOOK_AGAIN_SECONDS, max(0.01, deadline - time.monotonic())))
    finally:
        parts.gateway.forget(order_id)
    if report.problem:
        raise report.problem.raised()
    return report.facts


def _ask(
    parts: Parts, appliance: ports.ApplianceRecord, order_id: str, kind: Kind, payload: Shape, seconds: float
) -> Report | None:
    return parts.gateway.ask(
        appliance.id, order_id, kind.value, None, payload.model_dump(mode="json"), seconds
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
