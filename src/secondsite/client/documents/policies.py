"""The limits of a policy's values, told by field."""

from collections.abc import Iterator

from ...domain import errors
from ...wire.common.policies import PolicyShape
from .kinds import PolicyDocument


def limits_of(document: PolicyDocument) -> Iterator[tuple[str, str]]:
    """Which field lies out of its limits, and why."""
    defaults = PolicyShape(name=document.name)
    for field in sorted(set(PolicyShape.model_fields) - {"name"}):
        try:
            defaults.model_copy(update={field: getattr(document, field)}).to_domain()
        except errors.InvalidArgument as error:
            yield field, f"{error.message} {error.do}"
