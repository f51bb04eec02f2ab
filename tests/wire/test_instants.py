"""Instants are asked in UTC, as they are kept: one that was within reach in its own zone could not be read
again."""

import pytest
from pydantic import TypeAdapter, ValidationError

from secondsite.datapath.cycles import header_checks
from secondsite.wire.common.numbers import Instant, InstantOrUtc

OUTSIDE = (
    "2999-12-31T23:59:59-12:00", "1970-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "3000-01-01T00:00:00Z",
)  # fmt: skip
INSIDE = (
    "1970-01-01T00:00:00Z",
    "2999-12-31T23:59:59Z",
    "3000-01-01T00:00:00+12:00",
    "1969-12-31T23:59:59-12:00",
)


@pytest.mark.parametrize("kind", [Instant, InstantOrUtc])
@pytest.mark.parametrize("said", OUTSIDE)
def test_what_is_outside_in_utc_is_refused(kind, said):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(said)
    with pytest.raises(ValueError, match="not in the years"):
        header_checks.instant(said)


@pytest.mark.parametrize("said", INSIDE)
def test_what_is_taken_is_read_again(said):
    at = TypeAdapter(Instant).validate_python(said)
    assert TypeAdapter(Instant).validate_python(at.isoformat()) == at
    assert header_checks.instant(header_checks.instant(said)) == at.isoformat()
