"""Copies the tables of a vault on PostgreSQL, each to a file in PostgreSQL's own text format. No program of
PostgreSQL is needed, so none has to match the server's release."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, inspect, make_url, select, text

from ....domain import errors
from ....jobs.storage import database
from ..machines.records import MACHINES
from ..migration.revisions import revision
from ..processes import PROCESSES
from ..sql.failures import translated

if TYPE_CHECKING:
    import psycopg

TABLES = "tables.json"
OWN = "alembic_version"
PIECE_BYTES = 1 << 18


def copy_out(url: str, folder: Path) -> str:
    """Copy all tables as they are at one instant. Nothing waits for it."""
    with _connected(url, "REPEATABLE READ") as connection:
        found = revision(connection)
        if found is None:
            raise errors.NotFound(
                f"The database {shown(url)} has no tables.",
                do="Look at 'database_url' in the home's vault.json.",
            )
        listed = [(name, _columns(connection, name)) for name in _in_order(connection)]
        for name, columns in listed:
            _write(connection, name, columns, folder / name)
    (folder / TABLES).write_text(json.dumps(listed))
    return found


def require_empty(url: str) -> None:
    with _connected(url) as connection:
        if not _is_free(connection):
            raise errors.NotPossibleNow(
                (
                    f"The database {shown(url)} belongs to a vault already, and its contents are never "
                    "overwritten."
                ),
                do="Make an empty one with 'createdb', and name it with --database-url.",
            )


def copy_in(url: str, folder: Path, to: str) -> None:
    """Copy all rows in one transaction, or none. Tables that an interrupted restore has made are used."""
    from ..migration import upgrading  # Alembic and its scripts are ten megabytes

    engine = database.connect(url)
    try:
        with translated():
            upgrading.upgrade(engine, to)
            with engine.begin() as connection:
                _require(connection, url, to)
                _fill(connection, folder)
    finally:
        engine.dispose()


def shown(url: str) -> str:
    """The URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def _require(connection: Connection, url: str, wanted: str) -> None:
    found = revision(connection)
    if found != wanted or not _is_free(connection):
        raise errors.NotPossibleNow(
            (
                f"The database {shown(url)} is not empty: its tables are those of revision {found}, the "
                f"backup's of {wanted}."
            ),
            do="Make an empty one with 'createdb', and name it with --database-url.",
        )


def _is_free(connection: Connection) -> bool:
    """Whether no vault has run on it, as 'vault init' decides it."""
    if revision(connection) is None:
        return True
    used = (MACHINES, PROCESSES)
    return not any(connection.execute(select(func.count()).select_from(each)).scalar_one() for each in used)


def _fill(connection: Connection, folder: Path) -> None:
    listed: list[tuple[str, list[str]]] = json.loads((folder / TABLES).read_text())
    known = {name: set(_columns(connection, name)) for name in _in_order(connection)}
    for name, columns in listed:
        if not set(columns) <= known.get(name, set()):
            raise errors.InvalidArgument(f"The backup has a table {name} that its release never had.")
    everything = ", ".join(_quoted(name) for name in known)
    connection.execute(text(f"TRUNCATE {everything} CASCADE"))
    for name, columns in listed:
        _read(connection, name, columns, folder / name)
    for name, there in known.items():
        _count_on(connection, name, sorted(there))


def _write(connection: Connection, table: str, columns: Sequence[str], to: Path) -> None:
    with _told(table), to.open("wb") as file, _driver(connection).cursor() as cursor:
        with cursor.copy(f"COPY {_quoted(table)} ({_list(columns)}) TO STDOUT".encode()) as copy:
            for piece in copy:
                file.write(piece)


def _read(connection: Connection, table: str, columns: Sequence[str], source: Path) -> None:
    with _told(table), source.open("rb") as file, _driver(connection).cursor() as cursor:
        with cursor.copy(f"COPY {_quoted(table)} ({_list(columns)}) FROM STDIN".encode()) as copy:
            while piece := file.read(PIECE_BYTES):
                copy.write(piece)


def _count_on(connection: Connection, table: str, columns: Sequence[str]) -> None:
    """Let numbers that the database gives continue after the existing ones."""
    for column in columns:
        asked = {"table": _quoted(table), "column": column}
        sequence = connection.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), asked).scalar()
        if sequence is not None:
            highest = (
                f"SELECT setval(:sequence, coalesce(max({_quoted(column)}), 0) + 1, false) FROM "
                f"{_quoted(table)}"
            )
            connection.execute(text(highest), {"sequence": sequence})


def _in_order(connection: Connection) -> list[str]:
    """The tables, each after those that it refers to."""
    found = inspect(connection).get_sorted_table_and_fkc_names()
    return [name for name, _ in found if name is not None and name != OWN]


def _columns(connection: Connection, table: str) -> list[str]:
    return [each["name"] for each in inspect(connection).get_columns(table)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(_quoted, names))


def _driver(connection: Connection) -> "psycopg.Connection":
    driver: psycopg.Connection | None = connection.connection.driver_connection
    assert driver is not None
    return driver


@contextlib.contextmanager
def _told(table: str) -> Iterator[None]:
    """Translates errors: copying bypasses SQLAlchemy, and so do its errors."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise errors.StoreUnavailable(
            f"The table {table} could not be copied: {str(error).strip().partition(chr(10))[0]}."
        ) from error


@contextlib.contextmanager
def _connected(url: str, isolation: str = "READ COMMITTED") -> Iterator[Connection]:
    engine = database.connect(url)
    try:
        with translated(), engine.connect().execution_options(isolation_level=isolation) as connection:
            yield connection
    finally:
        engine.dispose()
