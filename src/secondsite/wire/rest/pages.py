"""Long lists, a page at a time."""

from typing import Generic, TypeVar

from pydantic import ConfigDict, Field

from ..common.base import Shape

S = TypeVar("S", bound=Shape)
MOST_PER_PAGE = 1000


class Paging(Shape):
    """Which part of a list; each list adds its own filters."""

    # Parameters of a query are described as they are made, not when a schema is asked for.
    model_config = ConfigDict(use_attribute_docstrings=True)

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
