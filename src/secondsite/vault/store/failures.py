"""What a database's refusal means: SQL errors stop here."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ...domain import errors


@contextmanager
def translated() -> Iterator[None]:
    """Raises Conflict for a broken constraint, InvalidArgument for a value that the database cannot hold, and
    StoreUnavailable for a database that does not answer."""
    try:
        yield
    except exc.IntegrityError as error:
        raise errors.Conflict(
            f"The records changed meanwhile, or still refer to each other: {error.orig}"
        ) from error
    except (exc.DataError, UnicodeEncodeError) as error:
        raise errors.InvalidArgument(
            "A value is too long, or has characters that cannot be stored."
        ) from error
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise errors.StoreUnavailable(f"The vault's database failed: {error}") from error
