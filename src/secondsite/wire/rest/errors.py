"""The shape of errors in answers, and codes of findings."""

from typing import Annotated, Generic, TypeVar

from pydantic import ConfigDict, Field

from ...domain import health
from ..common.base import Problem, Shape

FindingCode = Annotated[str, Field(json_schema_extra={"enum": sorted(health.CATALOGUE)})]
"""A code of docs/reference/health.md. A client also accepts those that only a newer vault knows."""


class ErrorBody(Shape):
    """The body of every answer with a status of 400 or above."""

    error: Problem
    """What happened, and what to do."""


# Long lists, a page at a time.

S = TypeVar("S", bound=Shape)
MOST_PER_PAGE = 1000


class Paging(Shape):
    """Which part of a list; each list adds its own filters. A filter that is not known is refused: passed
    over, it would give the whole list."""

    # Parameters of a query are described as they are made, not when a schema is asked for.
    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    limit: int = Field(100, ge=1, le=MOST_PER_PAGE)
    """How many at most."""
    cursor: str | None = Field(None, max_length=1000)
    """The `next` of the previous page, given with the same filters."""


class Page(Shape, Generic[S]):
    """A part of a list."""

    items: tuple[S, ...]
    """In the list's order."""
    next: str | None = None
    """Give it as `cursor`, with the same filters, for the next page; null: this is the end of the list."""
