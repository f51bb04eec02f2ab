"""A record becomes a row and comes back; an upsert that SQLite and PostgreSQL both know."""

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import Column, Select, Table, case, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

R = TypeVar("R")
AT_ONCE = 1000
"""Values in one query: databases have limits."""
NO_VALUES: Mapping[str, str] = MappingProxyType({})


def row(record: object) -> dict[str, object]:
    """The fields of a dataclass by name, values as they are."""
    assert dataclasses.is_dataclass(record)
    assert not isinstance(record, type)
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def one(
    session: Session,
    record: type[R],
    query: Select[*tuple[object, ...]],
    values: Mapping[str, str] = NO_VALUES,
) -> R | None:
    """The record of the only row, or None; `values` are those of the query's parameters."""
    found = session.execute(query, values).mappings().one_or_none()
    return None if found is None else record(**found)


def many(
    session: Session,
    record: type[R],
    query: Select[*tuple[object, ...]],
    values: Mapping[str, str] = NO_VALUES,
) -> list[R]:
    """The records of all rows; `values` are those of the query's parameters."""
    return [record(**found) for found in session.execute(query, values).mappings()]


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as one query takes: databases have limits."""
    for begin in range(0, len(values), AT_ONCE):
        yield values[begin : begin + AT_ONCE]


def many_of(session: Session, record: type[R], key: Column[str], values: Sequence[str]) -> Iterator[R]:
    """The records of the rows whose `key` is one of these."""
    for some in parts(values):
        yield from many(session, record, select(key.table).where(key.in_(some)))


def upsert(  # type: ignore[explicit-any]
    session: Session,
    table: Table,
    values: Mapping[str, object],
    *,
    only: Collection[str] | None = None,
) -> None:
    """Insert the row; if its key is there already, replace the values given (or `only` those)."""
    replaced = tuple(values if only is None else sorted(only))
    # Values that are part of a statement stay in memory with it: an inventory of 1,000 machines stayed for good, 10 MB.
    session.execute(_upserting(_is_postgresql(session), table, replaced, False), dict(values))


def upsert_many(  # type: ignore[explicit-any]
    session: Session, table: Table, values: Sequence[Mapping[str, object]], *, rising: bool = False
) -> None:
    """The same for many rows with the same columns, in one statement that is prepared once; with `rising` a value that is there is
    replaced only by a higher one."""
    if values:
        statement = _upserting(_is_postgresql(session), table, tuple(values[0]), rising)
        session.connection().execute(statement, [dict(each) for each in values])


@functools.lru_cache(maxsize=100)
def _upserting(  # type: ignore[explicit-any]  # what its statements are made of
    is_postgresql: bool, table: Table, columns: Sequence[str], rising: bool
) -> postgresql.Insert | sqlite.Insert:
    insert = postgresql.insert(table) if is_postgresql else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    new = {name: insert.excluded[name] for name in columns if name not in keys}
    if not rising:
        return insert.on_conflict_do_update(index_elements=keys, set_=new)
    higher = {name: case((each > table.c[name], each), else_=table.c[name]) for name, each in new.items()}
    return insert.on_conflict_do_update(index_elements=keys, set_=higher)


def insert_new(  # type: ignore[explicit-any]
    session: Session, table: Table, values: Mapping[str, object]
) -> None:
    """Insert the row, unless its key is there already."""
    session.execute(_insert(session, table).on_conflict_do_nothing(), dict(values))


def _insert(  # type: ignore[explicit-any]
    session: Session, table: Table
) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if _is_postgresql(session) else sqlite.insert(table)


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
