"""What a report says, in the shape of its order."""

from typing import TypeVar

from pydantic import ValidationError

from ...domain import errors
from ..common.base import Shape
from .messages import Report
from .orders import OrderKind

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


def facts_of(order: OrderKind[P, F], report: Report) -> F:
    """The facts of a report of this order.

    Raises the problem that it reports, or InvalidArgument when its facts have another shape.
    """
    if report.problem is not None:
        raise report.problem.raised()
    try:
        return order.facts.model_validate(report.facts)
    except ValidationError as problem:
        raise errors.InvalidArgument(
            f"The report of the order '{order.kind}' cannot be parsed: {problem}",
            do="Upgrade vault and appliance to the same release.",
        ) from None
