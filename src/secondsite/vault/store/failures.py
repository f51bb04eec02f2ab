"""What a database's refusal means: SQL errors stop here."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ...domain import errors


class Conflict(errors.DeadlineExceeded):
    """Another writer changed the same record first; nothing was written."""

    code = "conflict"
    default_do = "Look at the record again and repeat the request."


class StoreUnavailable(errors.SecondsiteError):
    """The database does not answer, or stayed locked for too long; nothing was written."""

    code = "store-unavailable"
    default_do = "Check that the vault's database runs and has space, then repeat the request."


@contextmanager
def translated() -> Iterator[None]:
    """Raises Conflict for a broken constraint, InvalidArgument for a value that the database cannot hold, and
    StoreUnavailable for a database that does not answer."""
    try:
        yield
    except exc.IntegrityError as error:
        raise Conflict(
            f"The records changed meanwhile, or still refer to each other: {error.orig}"
        ) from error
    except (exc.DataError, UnicodeEncodeError) as error:
        raise errors.InvalidArgument(
            "A value is too long, or has characters that cannot be stored."
        ) from error
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise StoreUnavailable(f"The vault's database failed: {error}") from error
