"""Orders whose answer a client waits for, with a deadline."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ....domain import errors
from ....wire.common.base import Shape
from ....wire.control import Report
from ....wire.control.orders import OrderKind
from ....wire.control.reports import facts_of
from ...store import ApplianceRecord
from ..parts import Parts

LOOK_AGAIN_SECONDS = 1.0
NEIGHBOUR_SECONDS = 5.0
MOMENT_SECONDS = 0.1
LEAST_SECONDS = 1.0
"""With fewer seconds left an appliance is not asked: it could not answer in time."""

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


def ask_and_wait(
    parts: Parts,
    appliances: Sequence[ApplianceRecord],
    order: OrderKind[P, F],
    payload: P,
    seconds: float,
    machine_id: str | None = None,
    generation: int | None = None,
) -> list[F]:
    """The answer of each appliance; all are asked at the same time, and as long as the request's client
    listens. `machine_id` is the machine concerned, `generation` its number.

    Raises ApplianceUnreachable, DeadlineExceeded (also when many wait already), or the problem that an
    appliance reports.
    """
    seconds = _within(parts, appliances, seconds)
    deadline = time.monotonic() + seconds
    questions = [
        _Question(appliance, f"ask-{uuid.uuid4().hex}", order, payload, machine_id, generation)
        for appliance in appliances
    ]
    with parts.waiting.one(parts.caller):
        for question in questions:
            _ask(parts, question, seconds)
        return [_answer(parts, question, deadline) for question in questions]


UNANSWERED: Final = (errors.ApplianceUnreachable, errors.DeadlineExceeded, errors.FabricError)
"""Errors that mean that an appliance cannot be asked now."""


def ask_each(
    parts: Parts,
    appliances: Sequence[ApplianceRecord],
    order: OrderKind[P, F],
    payload: P,
    seconds: float,
) -> list[F | errors.SecondsiteError]:
    """What each appliance answers, or the error if it does not; all are asked at the same time. Once one has
    answered the others have NEIGHBOUR_SECONDS left. Raises DeadlineExceeded as `ask_and_wait`."""
    deadline = time.monotonic() + _within(parts, appliances, seconds)
    questions = [
        _Question(appliance, f"ask-{uuid.uuid4().hex}", order, payload, None, None)
        for appliance in appliances
    ]
    found: dict[str, F | errors.SecondsiteError] = {}
    one_answered = False
    with parts.waiting.one(parts.caller):
        try:
            while left := [each for each in questions if each.order_id not in found]:
                with parts.signals.listening(f"order/{left[0].order_id}") as arrived:
                    for question in left:
                        _look(parts, question, deadline, found)
                        if not one_answered and _is_answered(found, question):
                            one_answered = True
                            deadline = min(deadline, time.monotonic() + NEIGHBOUR_SECONDS)
                    if left[0].order_id not in found:
                        arrived.wait(MOMENT_SECONDS)
        finally:
            for question in questions:
                parts.gateway.forget(question.order_id)
    return [found[question.order_id] for question in questions]


def _within(parts: Parts, appliances: Sequence[ApplianceRecord], seconds: float) -> float:
    """How many seconds they have. Raises DeadlineExceeded when earlier questions of the request have left
    none."""
    left = parts.seconds_left()
    if appliances and left < LEAST_SECONDS:
        named = ", ".join(f"'{each.name}' of site {each.site}" for each in appliances)
        raise errors.DeadlineExceeded(
            f"Appliance {named} was not asked: earlier questions took all the time that the request had."
        )
    return min(seconds, left)


def _look(
    parts: Parts, question: "_Question[P, F]", deadline: float, found: dict[str, F | errors.SecondsiteError]
) -> None:
    try:
        report = _ask(parts, question, max(0.0, deadline - time.monotonic()))
        if report is not None:
            found[question.order_id] = facts_of(question.order, report)
        else:
            _check(parts, question, deadline)
    except errors.StoreUnavailable:
        raise
    except errors.SecondsiteError as problem:
        found[question.order_id] = problem


def _is_answered(found: Mapping[str, object], question: "_Question[P, F]") -> bool:
    return not isinstance(found.get(question.order_id), errors.SecondsiteError | None)


@dataclass(frozen=True, slots=True)
class _Question(Generic[P, F]):
    appliance: ApplianceRecord
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
            f"Appliance '{appliance.name}' of site {appliance.site} did not answer '{question.order.kind}' "
            "in time."
        )
