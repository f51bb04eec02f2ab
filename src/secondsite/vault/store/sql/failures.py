"""Translates errors of the database into the domain's: SQL errors stop here."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ....domain import errors
from ....jobs.storage.transactions import Overtaken, is_passing


class ChangedMeanwhile(errors.Conflict, Overtaken):
    """Somebody else changed the record since this transaction read it. A job's transaction is repeated; a
    person is told."""


@contextmanager
def translated() -> Iterator[None]:
    """Raises Conflict for a broken constraint, InvalidArgument for a value that the database cannot hold, and
    StoreUnavailable for a database that does not answer."""
    try:
        yield
    except exc.IntegrityError as error:
        raise errors.Conflict("The records changed meanwhile, or still refer to each other.") from error
    except (exc.DataError, UnicodeEncodeError, OverflowError) as error:
        raise errors.InvalidArgument(
            "A value is too long, or has characters that cannot be stored."
        ) from error
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise errors.StoreUnavailable(f"The vault's database failed: {_said(error)}") from error
    except exc.InternalError as error:
        if not is_passing(error):
            raise
        raise errors.StoreUnavailable(f"The vault's database failed: {_said(error)}") from error
    except exc.StatementError as error:
        # before it reached the database: a date beyond the calendar, for example
        if isinstance(error, exc.DBAPIError) or not isinstance(error.orig, ValueError | OverflowError):
            raise
        raise errors.InvalidArgument("A value cannot be stored: it is out of range.") from error


def _said(error: exc.SQLAlchemyError) -> str:
    """What the database said, without the statement and its values."""
    said = error.orig if isinstance(error, exc.DBAPIError) else error
    return str(said).strip().partition("\n")[0]
