"""What a machine may be given at its second site, and which of its disks is the system disk."""

import pytest

from secondsite.domain.machines import properties, system_disk
from secondsite.ground.units import GiB, MiB, TiB


@pytest.mark.parametrize("name", ["web01-dr", "w", "9lives", "a.b_c+d-e", "x" * 63])
def test_a_name_is_one_that_every_hypervisor_takes(name):
    assert properties.name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-dr", ".hidden", "a/b", "a b", "a\n", "wéb", "x" * 64, "$(reboot)", "<a>"]
)
def test_any_other_is_refused(name):
    with pytest.raises(ValueError, match="63 letters"):
        properties.name(name)


def test_a_machine_has_at_least_one_vcpu_and_at_most_512():
    for count in (1, 2, 512):
        assert properties.vcpus(count) == count
    for count in (0, -1, 513):
        with pytest.raises(ValueError, match="1 to 512"):
            properties.vcpus(count)


def test_memory_has_bounds_and_is_counted_in_whole_mib():
    for size_bytes in (16 * MiB, 1 * GiB, 64 * TiB):
        assert properties.memory(size_bytes) == size_bytes
    for size_bytes in (0, 15 * MiB, 64 * TiB + MiB):
        with pytest.raises(ValueError, match="16 MiB to 64 TiB"):
            properties.memory(size_bytes)
    with pytest.raises(ValueError, match="whole MiB"):
        properties.memory(1 * GiB + 1)


@pytest.mark.parametrize(
    ("orders", "boots"),
    [
        ([("vda", 1), ("vdb", None)], "vda"),
        ([("vda", 3), ("vdb", 2)], "vdb"),
        ([("vda", None), ("vdb", None)], None),
        ([], None),
    ],
)
def test_the_system_disk_is_the_first_in_the_boot_order_or_not_known(orders, boots):
    assert system_disk.of(orders) == boots
