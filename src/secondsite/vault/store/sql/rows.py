"""Makes a row of a record, and a record of a row; an upsert that works on SQLite and PostgreSQL."""

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Select, Table, case
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from ....jobs.storage.prepared import PreparedStatement, as_new, new_values

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

R = TypeVar("R")
AT_ONCE = 1000
"""The most values in one query: databases have limits."""


def row(record: object) -> dict[str, object]:
    """The fields of a dataclass by name, values as they are."""
    assert dataclasses.is_dataclass(record)
    assert not isinstance(record, type)
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def one(session: Session, record: type[R], query: Select[*tuple[object, ...]]) -> R | None:
    """The record of the only row, or None."""
    found = session.execute(query).mappings().one_or_none()
    return None if found is None else record(**found)


def many(session: Session, record: type[R], query: Select[*tuple[object, ...]]) -> list[R]:
    """The records of all rows."""
    return [record(**found) for found in session.execute(query).mappings()]


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """The values in parts, each small enough for one query."""
    for begin in range(0, len(values), AT_ONCE):
        yield values[begin : begin + AT_ONCE]


def upsert(  # type: ignore[explicit-any]
    session: Session,
    table: Table,
    values: Mapping[str, object],
    *,
    only: Collection[str] | None = None,
) -> None:
    """Insert the row; if its key is there already, replace the values given (or `only` those)."""
    replaced = tuple(values) if only is None else tuple(sorted(only))
    statement = _upserting(_is_postgresql(session), table, tuple(values), replaced, False)
    statement.change_each(session, (as_new(values),))


def upsert_many(  # type: ignore[explicit-any]
    session: Session, table: Table, values: Sequence[Mapping[str, object]], *, rising: bool = False
) -> None:
    """As `upsert`, for many rows with the same columns; with `rising` an existing value is replaced only by a
    higher one."""
    if values:
        columns = tuple(values[0])
        statement = _upserting(_is_postgresql(session), table, columns, columns, rising)
        statement.change_each(session, [as_new(each) for each in values])


@functools.lru_cache(maxsize=100)
def _upserting(  # type: ignore[explicit-any]
    is_postgresql: bool, table: Table, columns: Sequence[str], replaced: Sequence[str], rising: bool
) -> PreparedStatement:
    """The statement, made once for the same columns, and without values: a kept statement would keep its
    values, and an inventory of 1,000 machines was 10 MB."""
    insert = _insert(is_postgresql, table).values({**new_values(table, columns), **_defaults(table, columns)})
    keys = [column.name for column in table.primary_key]
    new = {name: insert.excluded[name] for name in replaced if name not in keys}
    if not rising:
        return PreparedStatement(insert.on_conflict_do_update(index_elements=keys, set_=new))
    higher = {name: case((each > table.c[name], each), else_=table.c[name]) for name, each in new.items()}
    return PreparedStatement(insert.on_conflict_do_update(index_elements=keys, set_=higher))


def _defaults(  # type: ignore[explicit-any]
    table: Table, columns: Sequence[str]
) -> dict[str, object]:
    """The defaults of the other columns."""
    others = [column for column in table.c if column.name not in columns]
    defaults = ((each.name, each.default) for each in others)
    return {name: given.arg for name, given in defaults if isinstance(given, ScalarElementColumnDefault)}


def insert_new(  # type: ignore[explicit-any]
    session: Session, table: Table, values: Mapping[str, object]
) -> None:
    """Insert the row, unless its key is there already."""
    session.execute(_insert(_is_postgresql(session), table).on_conflict_do_nothing(), dict(values))


def _insert(  # type: ignore[explicit-any]
    is_postgresql: bool, table: Table
) -> "postgresql.Insert | sqlite.Insert":
    if is_postgresql:
        from sqlalchemy.dialects import postgresql  # 2 MB that a vault on SQLite need not hold

        return postgresql.insert(table)
    return sqlite.insert(table)


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
