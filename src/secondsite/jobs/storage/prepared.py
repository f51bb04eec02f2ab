"""Statements that run for every transition of every job.

On SQLite their text is made once, and goes to the driver itself: SQLAlchemy takes ten times as long to run a statement as SQLite does.
On PostgreSQL, where the way to the server takes longest, they are SQLAlchemy's.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, CursorResult, Dialect, Select, exc, or_
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

Values = Mapping[str, object]
Row = Mapping[str, Any]  # type: ignore[explicit-any]  # columns of all kinds
Process = Callable[[object], object]
Columns = tuple[Any, ...]  # type: ignore[explicit-any]
R = TypeVar("R")
NOTHING: Values = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement as SQLite takes it. `takes`: for each question mark the name of its value, what makes the driver's value of it, and
    the value that it has in every run. `gives`: the name of each column, and what makes our value of it."""

    sql: str
    takes: tuple[tuple[str, Process | None, object], ...]
    gives: tuple[tuple[str, Process | None], ...]

    def parameters(self, values: Values) -> tuple[object, ...]:
        return tuple(
            fixed if name not in values else values[name] if process is None else process(values[name])
            for name, process, fixed in self.takes
        )

    def row(self, found: tuple[object, ...]) -> dict[str, object]:
        return {
            name: value if process is None else process(value)
            for (name, process), value in zip(self.gives, found, strict=True)
        }


class Prepared:
    """One statement; it is given its values by name, the same ones each time. Safe from any thread."""

    def __init__(self, statement: Select[*tuple[object, ...]] | UpdateBase) -> None:
        self._statement = statement
        self._text: _Text | None = None

    def all(self, session: Session, values: Values) -> Sequence[Row]:
        """The rows, by the names of their columns."""
        if session.get_bind().dialect.name != "sqlite":
            return [dict(row) for row in session.execute(self._statement, values).mappings()]
        text = self._text or self._made(session)
        return [text.row(found) for found in _run(session, text, values)]

    def one(self, session: Session, values: Values) -> Row | None:
        """The only row, or None."""
        found = self.all(session, values)
        assert len(found) < 2
        return found[0] if found else None

    def change(self, session: Session, values: Values) -> int:
        """The number of rows that it changed."""
        if session.get_bind().dialect.name == "sqlite":
            return _run(session, self._text or self._made(session), values).rowcount
        changed = session.execute(self._statement, values)
        assert isinstance(changed, CursorResult)
        return changed.rowcount

    def _made(self, session: Session) -> _Text:
        self._text = _text(self._statement, session.get_bind().dialect)
        return self._text


class Gathered:
    """A statement whose rows come in one piece: SQLite's driver gives the interpreter's lock away for each row, and waits to get it back.
    Beside jobs a page of 101 rows took 100 ms for that alone. Columns hold text, whole numbers or nothing. Safe from any thread."""

    def __init__(self, statement: Select[*tuple[object, ...]]) -> None:
        self._statement = statement
        self._text: _Text | None = None

    def all(self, session: Session, values: Values = NOTHING) -> Sequence[Columns]:
        """The values of each row, in the order of the rows and columns."""
        piece = self.piece(session, values)
        if piece is None:
            return [tuple(row) for row in session.execute(self._statement, values)]
        return self.rows(session, piece)

    def piece(self, session: Session, values: Values = NOTHING) -> str | None:
        """All rows, as SQLite tells them: the same as long as nothing of them has changed. None on other databases."""
        if session.get_bind().dialect.name != "sqlite":
            return None
        (found,) = _run(session, self._of_sqlite(session), values).fetchone()
        assert isinstance(found, str)
        return found

    def rows(self, session: Session, piece: str) -> Sequence[Columns]:
        """What `piece` told."""
        text = self._of_sqlite(session)
        return [tuple(text.row(found).values()) for found in json.loads(piece)]

    def _of_sqlite(self, session: Session) -> _Text:
        if self._text is None:
            text = _text(self._statement, session.get_bind().dialect)
            columns = ", ".join(f'"{name}"' for name, _ in text.gives)
            self._text = replace(
                text, sql=f"SELECT json_group_array(json_array({columns})) FROM ({text.sql})"
            )
        return self._text


class Remembered(Generic[R]):
    """The records of a small table, which are made anew only when a row of it has changed. They are not to be changed. Safe from any
    thread."""

    def __init__(  # type: ignore[explicit-any]
        self, statement: Select[*tuple[object, ...]], make: Callable[..., R]
    ) -> None:
        self._rows = Gathered(statement)
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


def one_of(column: ColumnElement[str], words: Iterable[str]) -> ColumnElement[bool]:
    """SQL: the column has one of these. A list of values has no text before it is run."""
    return or_(*(column == word for word in sorted(words)))


def _run(session: Session, text: _Text, values: Values) -> sqlite3.Cursor:
    return run(session.connection(), text.sql, text.parameters(values))


def run(connection: Connection, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
    """On SQLite, by the driver itself; raises what SQLAlchemy raises."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        return driver.execute(sql, parameters)
    except sqlite3.Error as problem:
        raise exc.DBAPIError.instance(sql, parameters, problem, sqlite3.Error) from problem


def _text(statement: Select[*tuple[object, ...]] | UpdateBase, dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    fixed = compiled.params
    takes = tuple(
        _taken(name, fixed[name], compiled.binds[name].type, dialect) for name in compiled.positiontup or ()
    )
    return _Text(str(compiled), takes, tuple(_given(statement, dialect)))


def _taken(
    name: str, fixed: object, kind: TypeEngine[object], dialect: Dialect
) -> tuple[str, Process | None, object]:
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return name, process, process(fixed) if process else fixed


def _given(
    statement: Select[*tuple[object, ...]] | UpdateBase, dialect: Dialect
) -> Iterator[tuple[str, Process | None]]:
    for column in statement.exported_columns:
        yield column.name, column.type.dialect_impl(dialect).result_processor(dialect, None)
