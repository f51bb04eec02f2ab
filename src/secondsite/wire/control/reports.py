"""Reads the facts of a report, in the shape of its order."""

import json
from typing import TypeVar

from pydantic import ValidationError

from ...domain import errors
from ...ground.units import MiB
from ..common.base import Problem, Shape
from ..common.numbers import LONGEST_TEXT
from .messages import Report
from .orders import Kind, OrderKind

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)

MOST_FACTS_BYTES = 4 * MiB
"""The most bytes of an order's facts; a picture of a screen has more than one MiB."""
OF_THE_VAULT = (
    errors.StoreUnavailable, errors.ApplianceUnreachable, errors.Unauthenticated, errors.Forbidden,
    errors.ApprovalNeeded,
    errors.ChangedMeanwhile, errors.Conflict, errors.KeyReused, errors.VaultUnreachable,
    errors.VaultSlow,
)  # fmt: skip
OF_ALL_MACHINES = frozenset({Kind.DISCOVER, Kind.SHOW_KEPT})
"""Orders whose facts may be as long as a message."""


def facts_of(order: OrderKind[P, F], report: Report) -> F:
    """The facts of a report of this order.

    Raises the problem that it reports, or InvalidArgument when its facts have another shape, or are more than
    is kept of them.
    """
    if report.problem is not None:
        raise _raised(report.problem)
    _require_bounded(order.kind, report)
    try:
        return order.facts.model_validate(report.facts)
    except ValidationError as problem:
        raise errors.InvalidArgument(
            f"The report of the order '{order.kind}' cannot be parsed: {first_of(problem)}",
            do="Upgrade vault and appliance to the same release.",
        ) from None


def _raised(problem: Problem) -> errors.SecondsiteError:
    """The error to raise for a reported problem. Codes that only the vault may use about itself are refused:
    a step would otherwise wait for the vault's database, or a user would be told that a token is invalid."""
    raised = problem.raised()
    if not isinstance(raised, OF_THE_VAULT):
        return raised
    return errors.Internal(
        f"The appliance answers '{problem.code}', which is not for it to say: {problem.message}",
        do="Look at the appliance: it may be in other hands.",
    )


def _require_bounded(kind: Kind, report: Report) -> None:
    """Raises InvalidArgument for facts that are too large: they are stored in the job's record, and everybody
    who looks at it gets them."""
    if kind in OF_ALL_MACHINES:
        return
    size = len(json.dumps(report.facts))
    if size > MOST_FACTS_BYTES:
        raise errors.InvalidArgument(
            (
                f"The report of the order '{kind}' has facts of {size // MiB} MiB; more than "
                f"{MOST_FACTS_BYTES // MiB} MiB are not taken."
            ),
            do="Look at the appliance that carried it out: it may be in other hands.",
        )


def first_of(problem: ValidationError) -> str:
    """The first error in words: a message may have a million."""
    for wrong in problem.errors(include_url=False, include_input=False, include_context=False)[:1]:
        return f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"[:LONGEST_TEXT]
    return ""
