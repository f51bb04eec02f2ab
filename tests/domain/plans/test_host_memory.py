"""Whether a host has the memory for all machines of a run together."""

import pytest

from secondsite.domain.plans.host_memory import HostMemory, MemoryUse, warning, warnings
from secondsite.ground.units import GiB

pytestmark = pytest.mark.always
GB = 1000**3


def host(free=32 * GB):
    return HostMemory("b1", 32 * GB, free)


def test_ten_machines_that_need_more_than_their_host_has_are_told_with_both_figures():
    assert warning(host(), [MemoryUse(1, 4 * GB)] * 10) == (
        "the 10 machines of group 1 at host b1 need 40.0 GB of memory together, which has 32.0 GB"
    )


def test_what_is_not_free_now_is_told_apart_from_what_the_host_does_not_have():
    said = warning(host(free=10 * GB), [MemoryUse(1, 8 * GB), MemoryUse(3, 8 * GB)])
    assert said == (
        "the 2 machines of groups 1, 3 at host b1 need 16.0 GB of memory together, which has 10.0 GB of "
        "32.0 GB free now"
    )


def test_enough_memory_is_no_warning_nor_is_one_machine_nor_a_host_that_does_not_say():
    assert warning(host(), [MemoryUse(1, 16 * GB)] * 2) is None
    assert warning(host(), [MemoryUse(1, 64 * GB)]) is None
    assert warnings({}, {"b1": [MemoryUse(1, 64 * GiB)] * 2}) == ()
