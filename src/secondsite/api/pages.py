"""Pages of records that have names."""

from collections.abc import Iterable
from typing import Annotated, Protocol, TypeVar

from fastapi import Query

from ..vault.facade.shared.paging import Place, page, place_of
from ..wire import rest


class HasName(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=HasName)
Paging = Annotated[rest.Paging, Query()]


def by_name(records: Iterable[N], paging: rest.Paging) -> tuple[tuple[N, ...], str | None]:
    """The records of the page, and the cursor of the next one. Raises InvalidArgument for a bad cursor."""
    after = place_of(paging.cursor, (str,))
    following = (each for each in sorted(records, key=_place) if after is None or _place(each) > after)
    return page(following, paging.limit, _place)


def _place(record: HasName) -> Place:
    return (record.name,)
