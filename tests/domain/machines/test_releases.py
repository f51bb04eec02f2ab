"""Which of two releases is the older one, said by programs that may say anything."""

import pytest

from secondsite.domain.machines.releases import is_older


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "0.10.0", True),
        ("0.2.0", "0.2.1", True),
        ("0.2.0", "0.2.0", False),
        ("1.0.0", "0.9.9", False),
        ("unknown", "0.2.0", False),
        ("", "0.2.0", False),
        ("0.1", "0.2.0", False),
        ("0.1.0-dirty", "0.2.0", False),
        ("0.1.0", "next", False),
        ("9" * 40 + ".0.0", "0.2.0", False),
    ],
)
def test_only_numbers_are_compared(one, other, older):
    assert is_older(one, other) is older
