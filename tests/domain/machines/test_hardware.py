"""Which hardware a machine gets, by what its kernels boot with."""

import itertools

import pytest

from secondsite.domain.machines import hardware
from secondsite.domain.machines.hardware import Card, Drive, Kernel, Presence, System

ALL = sorted(
    {name for needs in hardware.DRIVERS.values() for name in needs} | {"virtio_net", "e1000e", "vmxnet3"}
)


def kernel(*booting, other=Presence.MISSING, default=True, release="6.1.0-1-amd64"):
    drivers = {name: Presence.INITRAMFS if name in booting else other for name in ALL}
    return Kernel(release, drivers, default)


def system(*kernels, **more):
    return System(
        **{"uefi": False, "fallback_loader": True, "tool": "initramfs-tools", **more}, kernels=kernels
    )


def blocking(found):
    return [each for each in found.hindrances if each.blocking]


def test_a_system_that_drives_everything_gets_the_fastest_and_the_others_are_named_after_it():
    found = hardware.decide(system(kernel(*ALL)))
    assert found.drives == tuple(Drive)
    assert (found.card, found.hindrances) == ("virtio", ())
    assert found.reason.startswith("virtio is the fastest hardware from which 6.1.0-1-amd64 boots as it is; ")


@pytest.mark.parametrize("drive", Drive)
def test_a_drive_is_given_only_with_all_the_drivers_that_it_needs(drive):
    needs = hardware.DRIVERS[drive]
    assert drive in hardware.decide(system(kernel(*needs))).drives
    for lacking in needs:
        assert drive not in hardware.decide(system(kernel(*(set(ALL) - {lacking})))).drives


def test_what_is_built_in_counts_and_what_is_only_installed_does_not():
    built_in = Kernel("1", dict.fromkeys(ALL, Presence.BUILT_IN), default=True)
    installed = Kernel("1", dict.fromkeys(ALL, Presence.MODULE), default=True)
    assert hardware.decide(system(built_in)).drives == tuple(Drive)
    assert hardware.decide(system(installed)).drives == ()


def test_without_a_known_default_each_kernel_must_boot():
    old = kernel("ahci", "sd_mod", default=False, release="5")
    new = kernel(*ALL, default=False, release="6")
    assert hardware.decide(system(old, new)).drives == (Drive.AHCI,)
    chosen = kernel(*ALL, release="6")
    assert hardware.decide(system(old, chosen)).drives == tuple(Drive)


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("initramfs-tools", "/etc/initramfs-tools/modules && update-initramfs -u -k all"),
        ("dracut", "dracut --force --regenerate-all"),
        ("", "Put these drivers into"),
    ],
)
def test_a_system_that_drives_nothing_here_is_refused_with_the_command_that_mends_it(tool, command):
    found = hardware.decide(system(kernel("nvme", other=Presence.MODULE), tool=tool, host_only=True))
    (refusal,) = blocking(found)
    assert found.drives == ()
    assert command in refusal.do
    assert "virtio_pci virtio_blk" in refusal.do
    assert "present hardware" in refusal.what


def test_a_kernel_without_such_drivers_is_refused_without_a_command_that_could_not_help():
    (refusal,) = blocking(hardware.decide(system(kernel())))
    assert "usual kernel" in refusal.do


@pytest.mark.parametrize("kernels", [(), (kernel(other=Presence.UNKNOWN),)])
def test_what_nobody_could_tell_is_tried_as_most_servers_are_and_said(kernels):
    found = hardware.decide(system(*kernels))
    assert found.drives == (Drive.AHCI,)
    assert not blocking(found)
    assert any("not known" in each.what for each in found.hindrances)


def test_drives_that_uefi_does_not_know_are_not_given_to_it():
    found = hardware.decide(system(kernel(*ALL), uefi=True))
    assert found.drives == (Drive.VIRTIO, Drive.VIRTIO_SCSI, Drive.AHCI)
    (refusal,) = blocking(hardware.decide(system(kernel("megaraid_sas", "sd_mod"), uefi=True)))
    assert "drives no hardware" in refusal.what


@pytest.mark.parametrize(("there", "blocks"), [(False, True), (None, False)])
def test_a_missing_fallback_loader_is_refused_and_one_that_nobody_saw_is_told(there, blocks):
    found = hardware.decide(system(kernel(*ALL), uefi=True, fallback_loader=there))
    (told,) = found.hindrances
    assert told.blocking is blocks
    assert "--removable" in told.do
    assert not hardware.decide(system(kernel(*ALL), uefi=False, fallback_loader=there)).hindrances


def test_secure_boot_is_told():
    found = hardware.decide(system(kernel(*ALL), uefi=True, secure_boot=True))
    assert ["Secure Boot" in each.what for each in found.hindrances] == [True]
    assert not blocking(found)


def test_a_root_that_only_a_tpm_opens_is_refused_and_one_that_waits_for_a_person_is_told():
    (refusal,) = blocking(hardware.decide(system(kernel(*ALL), opened_by="tpm")))
    assert "systemd-cryptenroll" in refusal.do
    found = hardware.decide(system(kernel(*ALL), opened_by="passphrase"))
    assert not blocking(found)
    assert "somebody at the console" in found.hindrances[0].what


def test_names_of_disks_that_stay_choose_the_drive_and_others_are_told():
    found = hardware.decide(system(kernel(*ALL), named=["/dev/sda1"]))
    assert found.drives[0] is Drive.VIRTIO_SCSI
    assert found.drives[-1] is Drive.VIRTIO
    assert "may be another disk" in found.hindrances[0].what
    lost = hardware.decide(system(kernel(*ALL), named=["/dev/nvme0n1p1"]))
    assert lost.drives[0] is Drive.VIRTIO
    assert "does not exist" in lost.hindrances[0].what


def test_cards_get_the_best_model_that_is_installed():
    base = dict.fromkeys(ALL, Presence.INITRAMFS)
    only = base | {"virtio_net": Presence.MISSING, "e1000e": Presence.MODULE}
    assert hardware.decide(system(Kernel("6", only, default=True))).card == "e1000e"
    none = only | {"e1000e": Presence.MISSING, "vmxnet3": Presence.MISSING}
    found = hardware.decide(system(Kernel("6", none, default=True)))
    assert "network" in found.hindrances[0].what


def test_a_card_known_by_its_name_is_told_with_the_file_that_keeps_the_name():
    card = Card("eno1", "52:54:00:00:00:01", ("/etc/network/interfaces",), by_name=True)
    (told,) = hardware.decide(system(kernel(*ALL), cards=[card])).hindrances
    assert "10-eno1.link" in told.do
    assert not told.blocking


@pytest.mark.parametrize("presences", [*itertools.product(Presence, repeat=2)])
def test_whatever_is_told_something_is_decided_and_nothing_that_cannot_boot_is_given(presences):
    one, other = presences
    drivers = {name: one if number % 2 else other for number, name in enumerate(ALL)}
    found = hardware.decide(system(Kernel("6", drivers, default=True)))
    assert found.reason.endswith(".")
    given = [drivers[name] for drive in found.drives for name in hardware.DRIVERS[drive]]
    assert all(each in hardware.BOOTS for each in given) or any(
        "not known" in each.what for each in found.hindrances
    )
    assert found.drives or blocking(found)
