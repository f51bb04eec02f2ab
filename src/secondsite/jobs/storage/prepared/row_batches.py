"""All rows of a query in one piece."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from .statement import Text, Values, run_text, text_of

Columns = tuple[Any, ...]  # type: ignore[explicit-any]
R = TypeVar("R")
NOTHING: Values = MappingProxyType({})


class BatchStatement:
    """A query whose rows come in one piece: SQLite's driver releases the interpreter's lock for each row, and
    waits to get it back. While jobs ran, a page of 101 rows took 100 ms for that alone. Columns hold text,
    whole numbers or nothing. Safe from any thread."""

    def __init__(self, statement: Select[*tuple[object, ...]]) -> None:
        self._statement = statement
        self._text: Text | None = None

    def all(self, session: Session, values: Values = NOTHING) -> Sequence[Columns]:
        """The values of each row, in the order of the rows and columns."""
        piece = self.piece(session, values)
        if piece is None:
            return [tuple(row) for row in session.execute(self._statement, values)]
        return self.rows(session, piece)

    def piece(self, session: Session, values: Values = NOTHING) -> str | None:
        """All rows as one text of SQLite's, equal as long as no row has changed. None on other databases."""
        if session.get_bind().dialect.name != "sqlite":
            return None
        (found,) = run_text(session, self._of_sqlite(session), values).fetchone()
        assert isinstance(found, str)
        return found

    def rows(self, session: Session, piece: str) -> Sequence[Columns]:
        """The rows that `piece` gave."""
        text = self._of_sqlite(session)
        if not any(process for _, process in text.gives):
            return [tuple(found) for found in json.loads(piece)]
        return [tuple(text.row(found).values()) for found in json.loads(piece)]

    def _of_sqlite(self, session: Session) -> Text:
        if self._text is None:
            text = text_of(self._statement, session.get_bind().dialect)
            columns = ", ".join(f'"{name}"' for name, _ in text.gives)
            self._text = replace(
                text, sql=f"SELECT json_group_array(json_array({columns})) FROM ({text.sql})"
            )
        return self._text


class CachedRecords(Generic[R]):
    """The records of a small table, made again only when one of its rows has changed. Callers may not change
    them. Safe from any thread."""

    def __init__(  # type: ignore[explicit-any]
        self, statement: Select[*tuple[object, ...]], make: Callable[..., R]
    ) -> None:
        self._rows = BatchStatement(statement)
        self._make = make
        self._last: tuple[str, Sequence[R]] | None = None

    def all(self, session: Session) -> Sequence[R]:
        piece, last = self._rows.piece(session), self._last
        if piece is None:
            return [self._make(*found) for found in self._rows.all(session)]
        if last is None or last[0] != piece:
            made = tuple(self._make(*found) for found in self._rows.rows(session, piece))
            last = self._last = (piece, made)
        return last[1]
