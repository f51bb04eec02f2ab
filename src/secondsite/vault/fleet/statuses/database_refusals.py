"""Data that the database refuses, for another reason than being away: it would refuse it again."""

from collections.abc import Callable

import structlog

from ....domain import errors

log = structlog.get_logger()


def is_written(what: str, write: Callable[[], None]) -> bool:
    """Whether the write was accepted; False if the database refused it. Raises StoreUnavailable."""
    try:
        write()
    except errors.StoreUnavailable:
        raise
    except Exception:
        log.exception("status.not-written", what=what)
        return False
    return True
