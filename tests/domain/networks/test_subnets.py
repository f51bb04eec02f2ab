"""Names of machines as a name server takes them."""

import pytest

from secondsite.domain.networks import subnets


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Web 01", "web-01"),
        ("ignore", "vm-ignore"),
        ("Infinite", "vm-infinite"),
        ("2012", "vm-2012"),
        ("45m", "vm-45m"),
        ("45min", "45min"),
        ("1" * 80, "vm-" + "1" * 60),
        ("---", ""),
    ],
)
def test_a_machine_s_name_becomes_one_that_is_read_as_a_name_only(name, label):
    assert subnets.label(name) == label
