"""Instants that callers name: bounded, so that every clock, database and subtraction can hold them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

YEARS = range(1970, 3000)


def _within_reach(at: datetime) -> datetime:
    """The year is asked in UTC, as the instant is kept and read again."""
    if at.year in range(YEARS.start - 1, YEARS.stop + 1) and (utc := at.astimezone(UTC)).year in YEARS:
        return utc
    raise ValueError(f"the year must be {YEARS.start} to {YEARS.stop - 1}, in UTC")


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


Instant = Annotated[AwareDatetime, AfterValidator(_within_reach)]
"""An instant, in UTC."""
InstantOrUtc = Annotated[datetime, AfterValidator(_utc), AfterValidator(_within_reach)]
"""The same; without a zone it is UTC already."""
