"""What rescue says can be read by somebody in a hurry."""

import pytest

from secondsite.rescue import output


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("2026-11-25T03:34:37.520831+00:00", "2026-11-25 03:34:37Z"),
        ("2026-11-25T05:34:37+02:00", "2026-11-25 03:34:37Z"),
        ("", ""),
        ("soon", "soon"),
    ],
)
def test_an_instant_is_told_to_the_second_in_utc(kept, said):
    assert output.instant(kept) == said
