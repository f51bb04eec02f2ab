"""Queries for some of many rows, by their keys."""

import itertools
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Select, bindparam
from sqlalchemy.orm import Session

from .statement import PreparedStatement, Row

SIZES = (1, 8, 64, 256)
MOST_KEYS = SIZES[-1]
"""The most keys of one query: databases have limits."""


class SubsetQuery:
    """One query for some of many rows, by a key. A list of keys has no text before it is run: so the query is
    prepared for a few numbers of keys, and the last key is repeated to fill them. Safe from any thread."""

    def __init__(self, query: Select[*tuple[object, ...]], key: ColumnElement[str]) -> None:
        self._query = query
        self._key = key
        self._for: dict[int, PreparedStatement] = {}

    def all(self, session: Session, keys: Sequence[str]) -> Iterator[Row]:
        """The rows of all these keys, each once; in the query's order within each `MOST_KEYS` of them."""
        keys = tuple(dict.fromkeys(keys))
        for begin in range(0, len(keys), MOST_KEYS):
            some = keys[begin : begin + MOST_KEYS]
            size = next(each for each in SIZES if each >= len(some))
            padded = itertools.chain(some, itertools.repeat(some[-1], size - len(some)))
            values = {f"key_{number}": key for number, key in enumerate(padded)}
            yield from self._prepared(size).all(session, values)

    def _prepared(self, size: int) -> PreparedStatement:
        made = self._for.get(size)
        if made is None:
            keys = [bindparam(f"key_{number}", type_=self._key.type) for number in range(size)]
            made = self._for[size] = PreparedStatement(self._query.where(self._key.in_(keys)))
        return made
