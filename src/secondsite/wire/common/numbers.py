"""Limits for numbers, texts, lists and objects from another process, so that every database, file and sum can
hold them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, GetCoreSchemaHandler, JsonValue

from ...domain.counters import MOST
from ...ground.json_values import require_storable

LONGEST_TEXT = 4000
LONGEST_NAME = 255

Number = Annotated[int, Field(ge=0, le=MOST)]
"""An epoch, a generation, a cycle's or a vault's number, or a count: not larger than every database can
hold."""
Bytes = Annotated[int, Field(ge=0, le=MOST)]
"""A size in bytes."""


def _cut(value: object) -> object:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_cut)]
"""A sentence for people; a longer one is cut off."""
Name = Annotated[str, Field(max_length=LONGEST_NAME)]
"""The name of something."""


def _storable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    require_storable(value, takes_nul=True)  # a script may have said one
    return value


Json = Annotated[dict[str, JsonValue], AfterValidator(_storable)]
"""An object whose shape is checked later. It has no NaN, which PostgreSQL does not take."""
Kept = Annotated[dict[str, Any], AfterValidator(_storable)]
"""An object that is compared letter for letter with what was signed: of any length, and as deeply nested as
evidence is."""


@dataclass(frozen=True, slots=True)
class BoundedTuple:
    """A tuple with at most this many members. Checking ends at the first invalid member: a message of 1 MiB
    with nothing but invalid ones took the vault half a gigabyte for their error messages."""

    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return {**handler(source), "fail_fast": True, "max_length": self.most}


# Instants that callers name: bounded, so that every clock, database and subtraction can hold them.

YEARS = range(1970, 3000)


def _within_reach(at: datetime) -> datetime:
    """The instant, if its year is in range. The year is taken in UTC, because the instant is stored in
    UTC."""
    if at.year in range(YEARS.start - 1, YEARS.stop + 1) and (utc := at.astimezone(UTC)).year in YEARS:
        return utc
    raise ValueError(f"the year must be {YEARS.start} to {YEARS.stop - 1}, in UTC")


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


Instant = Annotated[AwareDatetime, AfterValidator(_within_reach)]
"""An instant, in UTC."""
InstantOrUtc = Annotated[datetime, AfterValidator(_utc), AfterValidator(_within_reach)]
"""An instant; one without a zone counts as UTC."""
