"""Statements that run for every transition of every job.

On SQLite their text is made once, and goes to the driver itself: SQLAlchemy takes ten times as long to run a
statement as SQLite does. On PostgreSQL, where the network to the server takes longest, they are run by
SQLAlchemy.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Select,
    Table,
    bindparam,
    exc,
    or_,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

Values = Mapping[str, object]
Row = Mapping[str, Any]  # type: ignore[explicit-any]  # columns of all kinds
Process = Callable[[object], object]
_NEW = "new_"
"""A prefix for values to set: SQLAlchemy reserves the names of the columns themselves."""


@dataclass(frozen=True, slots=True)
class Text:
    """A statement as SQLite takes it. `takes`: for each question mark the name of its value, its conversion
    to the driver's value, and its value if that is the same in every run. `gives`: the name of each column,
    and the conversion of its value."""

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


class PreparedStatement:
    """One statement; its values are given by name, the same names each time. Safe from any thread."""

    def __init__(self, statement: Select[*tuple[object, ...]] | UpdateBase) -> None:
        self._statement = statement
        self._text: Text | None = None

    def all(self, session: Session, values: Values) -> Sequence[Row]:
        """The rows, by the names of their columns."""
        if session.get_bind().dialect.name != "sqlite":
            return [dict(row) for row in session.execute(self._statement, values).mappings()]
        text = self._text or self._made(session)
        return [text.row(found) for found in run_text(session, text, values)]

    def one(self, session: Session, values: Values) -> Row | None:
        """The only row, or None."""
        found = self.all(session, values)
        assert len(found) < 2
        return found[0] if found else None

    def change(self, session: Session, values: Values) -> int:
        """The number of rows that it changed."""
        if session.get_bind().dialect.name == "sqlite":
            return run_text(session, self._text or self._made(session), values).rowcount
        changed = session.execute(self._statement, values)
        assert isinstance(changed, CursorResult)
        return changed.rowcount

    def change_each(self, session: Session, values: Sequence[Values]) -> None:
        """The same change with each of these values."""
        if session.get_bind().dialect.name == "sqlite":
            text = self._text or self._made(session)
            run_each(driver_of(session), text.sql, [text.parameters(each) for each in values])
        elif values:
            session.connection().execute(self._statement, [dict(each) for each in values])

    def _made(self, session: Session) -> Text:
        self._text = text_of(self._statement, session.get_bind().dialect)
        return self._text


def one_of(column: ColumnElement[str], words: Iterable[str]) -> ColumnElement[bool]:
    """SQL: the column has one of these values. (A list of values has no text before it is run.)"""
    return or_(*(column == word for word in sorted(words)))


def new_values(table: Table, names: Iterable[str]) -> dict[str, BindParameter[Any]]:  # type: ignore[explicit-any]
    """For `values(...)` of an update: parameters for these columns, whose values `as_new` names."""
    return {name: bindparam(f"{_NEW}{name}", type_=table.c[name].type) for name in names}


def as_new(values: Values) -> dict[str, object]:
    """Values of columns under the names that an update with `new_values` uses."""
    return {f"{_NEW}{name}": value for name, value in values.items()}


def run_text(session: Session, text: Text, values: Values) -> sqlite3.Cursor:
    return run_on(driver_of(session), text.sql, text.parameters(values))


def run(connection: Connection, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
    """Run SQL in SQLite's driver; raises what SQLAlchemy raises."""
    return run_on(_driver(connection.connection.dbapi_connection), sql, parameters)


def run_on(driver: sqlite3.Connection, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
    """As `run`, on the driver's connection."""
    try:
        return driver.execute(sql, parameters)
    except sqlite3.Error as problem:
        raise exc.DBAPIError.instance(sql, parameters, problem, sqlite3.Error) from problem


def run_each(driver: sqlite3.Connection, sql: str, parameters: Sequence[tuple[object, ...]]) -> None:
    """As `run_on`, once with each of these parameters."""
    try:
        driver.executemany(sql, parameters)
    except sqlite3.Error as problem:
        raise exc.DBAPIError.instance(sql, parameters, problem, sqlite3.Error) from problem


def driver_of(session: Session) -> sqlite3.Connection:
    """The driver's connection in the session's transaction. A session of `sessions` may have no SQLAlchemy
    connection."""
    direct = getattr(session, "direct", None)
    return _driver(session.connection().connection.dbapi_connection if direct is None else direct.driver)


def _driver(found: object) -> sqlite3.Connection:
    assert isinstance(found, sqlite3.Connection)
    return found


def text_of(statement: Select[*tuple[object, ...]] | UpdateBase, dialect: Dialect) -> Text:
    compiled = statement.compile(dialect=dialect)
    fixed = compiled.params
    takes = tuple(
        _taken(name, fixed[name], compiled.binds[name].type, dialect) for name in compiled.positiontup or ()
    )
    return Text(str(compiled), takes, tuple(_given(statement, dialect)))


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
