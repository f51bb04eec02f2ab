"""What is told before a machine comes home to a server with other hardware."""

import pytest

from secondsite.domain.machines.hardware import Kernel, Presence, System
from secondsite.domain.machines.other_server import hindrances

HAS = {
    "ahci": Presence.INITRAMFS, "sd_mod": Presence.BUILT_IN, "megaraid_sas": Presence.MODULE,
    "nvme": Presence.UNKNOWN,
}  # fmt: skip


def told(*drivers, uefi=False, server_uefi=False, fallback=None):
    kernel = Kernel("6.1.0-40-amd64", HAS, default=True)
    system = System(uefi=uefi, kernels=[kernel], tool="initramfs-tools", fallback_loader=fallback)
    return list(hindrances(system, drivers, uefi=server_uefi))


def test_nothing_of_a_server_that_its_system_drives():
    assert told("sd_mod", "ahci") == []


def test_a_driver_that_its_initramfs_lacks_is_told_with_the_command_that_mends_it():
    (found,) = told("sd_mod", "megaraid_sas")
    assert "had no megaraid_sas, by which the server reaches its disk" in found.what
    assert "megaraid_sas >> /etc/initramfs-tools/modules" in found.do
    assert not found.blocking


@pytest.mark.parametrize("name", ["nvme", "brand_new"])
def test_what_nobody_could_tell_is_told_as_that(name):
    (found,) = told(name)
    assert f"Nobody knows whether 6.1.0-40-amd64 starts from {name}" in found.what


def test_firmware_of_the_other_kind_blocks():
    for own, there in ((False, True), (True, False)):
        (found,) = told("ahci", uefi=own, server_uefi=there)
        assert (found.blocking, "was started by" in found.what) == (True, True)


def test_a_firmware_that_does_not_know_it_needs_a_loader_that_it_finds():
    assert told("ahci", uefi=True, server_uefi=True, fallback=True) == []
    (found,) = told("ahci", uefi=True, server_uefi=True, fallback=False)
    assert "no boot loader" in found.what
