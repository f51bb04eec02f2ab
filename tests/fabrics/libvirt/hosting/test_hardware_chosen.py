"""A machine of another platform gets hardware here that its own system boots from."""

import uuid
from pathlib import Path
from xml.etree import ElementTree

import pytest

from secondsite.domain.machines.hardware import CARDS, Drive
from secondsite.fabrics.interface import HostRequest, StartTrial
from secondsite.fabrics.libvirt.hosting import adapt
from secondsite.fabrics.libvirt.hosting.plain import drives, emulated
from secondsite.wire.common.machines import DiskDefinition, MachineDefinition, NicDefinition

TAG = "33333333-2222-4333-8444-555555555555"
MACS = ("aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02")
MiB = 1 << 20


def server(*wanted, disks=9, **more):
    return MachineDefinition(
        fabric_id="11111111-1111-4111-8111-111111111111", name="db01", fabric_kind="agent", vcpus=2,
        memory_bytes=64 * MiB, drives=wanted, native='{"a": "<model"}',
        disks=tuple(
            DiskDefinition(key=f"sd{chr(97 + number)}", size_bytes=MiB, format="raw", boot_order=number + 1)
            for number in range(disks)
        ),
        nics=tuple(NicDefinition(key=mac, mac=mac, model="e1000e") for mac in MACS),
        **more,
    )  # fmt: skip


def request(definition):
    return HostRequest(
        fabric_id=str(uuid.uuid4()), name="here", definition=definition, tag=TAG,
        disks={each.key: Path(f"/x/{each.key}.qcow2") for each in definition.disks},
        networks={MACS[0]: None, MACS[1]: "br7"},
    )  # fmt: skip


def place(*devices, kvm=True):
    return adapt.HostFeatures(kvm, frozenset(), Path("/c"), Path("/n"), devices=frozenset(devices))


def made(definition, *devices, kvm=True):
    return ElementTree.fromstring(adapt.adapted(request(definition), place(*devices, kvm=kvm)))


def attributes(root, path, name):
    return [each.get(name) for each in root.iterfind(path)]


@pytest.mark.parametrize(
    ("drive", "bus", "controllers", "machine"),
    [
        (Drive.VIRTIO, "virtio", [], "pc"),
        (Drive.VIRTIO_SCSI, "scsi", ["virtio-scsi"] * 2, "pc"),
        (Drive.PVSCSI, "scsi", ["vmpvscsi"] * 2, "pc"),
        (Drive.AHCI, "sata", [], "q35"),
        (Drive.MEGARAID, "scsi", ["lsisas1078"] * 2, "pc"),
    ],
)
def test_disks_are_attached_in_their_order_to_the_drive_by_the_names_that_they_have(
    drive, bus, controllers, machine
):
    root = made(server(drive))
    assert attributes(root, "devices/disk/target", "dev") == [f"sd{letter}" for letter in "abcdefghi"]
    assert set(attributes(root, "devices/disk/target", "bus")) == {bus}
    assert attributes(root, "devices/disk/boot", "order") == [str(number) for number in range(1, 10)]
    assert attributes(root, "devices/controller", "model") == controllers
    assert attributes(root, "os/type", "machine") == [machine]
    places = attributes(root, "devices/disk/address", "target")
    assert places == ([*map(str, (*range(7), 0, 1))] if controllers else [])


def test_a_host_takes_the_first_drive_that_its_qemu_has():
    wanted = server(Drive.VIRTIO, Drive.PVSCSI, Drive.AHCI)
    assert attributes(made(wanted, "ich9-ahci", "pvscsi"), "devices/controller", "model") == ["vmpvscsi"] * 2
    assert attributes(made(wanted, "ich9-ahci"), "devices/disk/target", "bus") == ["sata"] * 9
    assert drives.chosen(wanted, ["nvme"]) is None
    newer = server("unheard-of", Drive.AHCI)
    assert attributes(made(newer), "devices/disk/target", "bus") == ["sata"] * 9


def test_it_gets_what_a_server_has_and_no_processor_on_which_its_system_ends():
    root = made(server(Drive.VIRTIO))
    assert attributes(root, "cpu", "mode") == ["host-model"]
    assert attributes(made(server(Drive.VIRTIO), kvm=False), "cpu", "mode") == ["maximum"]
    assert attributes(root, "devices/channel/target", "name") == ["org.qemu.guest_agent.0"]
    assert attributes(root, "devices/serial/source", "path") == ["/c/here.log"]
    assert attributes(root, "devices/graphics/listen", "type") == ["none"]


def test_a_uefi_machine_gets_firmware_that_libvirt_picks_without_secure_boot():
    root = made(server(Drive.VIRTIO, firmware="uefi"))
    assert attributes(root, "os", "firmware") == ["efi"]
    assert attributes(root, "os/firmware/feature", "enabled") == ["no"]
    assert attributes(root, "os/type", "machine") == ["q35"]


def test_cards_are_known_by_their_mac_addresses():
    root = made(server(Drive.VIRTIO))
    assert attributes(root, "devices/interface/mac", "address") == [MACS[1]]
    assert attributes(root, "devices/interface/source", "bridge") == ["br7"]
    assert attributes(root, "devices/interface/model", "type") == ["e1000e"]


def test_what_it_has_in_place_of_its_own_hardware_is_told():
    (told,) = adapt.left_out(request(server(Drive.AHCI, firmware="uefi")), place("ich9-ahci"))
    assert told == (
        "its own hardware (it has AHCI (SATA) for its disks, cards of model e1000e, UEFI without Secure Boot)"
    )
    assert adapt.left_out(request(server()), place()) == ()


def test_devices_are_read_from_what_qemu_tells():
    told = 'Storage devices:\nname "ahci", bus PCI, alias "x"\nname "pvscsi", bus PCI\n'
    assert emulated.read(told) == {"ahci", "pvscsi"}


@pytest.mark.slow
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize("drive", Drive)
def test_a_machine_with_nine_disks_starts_at_each_drive_as_libvirt_has_it(host, drive, firmware):
    found = server(drive, firmware=firmware)
    assert not [each for each in host.fabric.hosting.check(found) if each.blocking]
    folder = host.root / f"try-{uuid.uuid4().hex[:6]}"
    assert not [*host.fabric.hosting.try_start(StartTrial(definition=found, folder=folder))]


@pytest.mark.slow
@pytest.mark.parametrize("drive", Drive)
def test_libvirt_keeps_the_names_of_the_disks_and_their_order_whatever_they_are_attached_to(host, drive):
    found = server(drive, disks=2)
    paths = {each.key: host.make_image(f"c-{uuid.uuid4().hex[:6]}", MiB) for each in found.disks}
    wanted = HostRequest(str(uuid.uuid4()), f"kept-{drive}", found, paths, {}, TAG)
    for _ in range(2):
        (words,) = host.fabric.hosting.create(wanted)
        assert "its own hardware (it has " in words
    kept = host.fabric.inventory.get(wanted.fabric_id).definition
    assert [(each.key, each.boot_order, Path(each.path)) for each in kept.disks] == [
        ("sda", 1, paths["sda"]), ("sdb", 2, paths["sdb"]),
    ]  # fmt: skip
    host.fabric.hosting.remove(wanted.fabric_id, TAG)


@pytest.mark.slow
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize("model", CARDS)
def test_a_card_of_each_model_is_taken_on_either_board(host, model, firmware):
    cards = (NicDefinition(key=MACS[0], mac=MACS[0], model=model),)
    found = server(Drive.VIRTIO, disks=0, firmware=firmware).model_copy(update={"nics": cards})
    bridge = next(each.name for each in host.fabric.networks.list() if each.active)
    assert not [*host.fabric.hosting.try_start(StartTrial(definition=found, networks={MACS[0]: bridge}))]


@pytest.mark.slow
def test_a_machine_for_which_qemu_has_nothing_is_refused_before(host):
    (refused,) = [each for each in host.fabric.hosting.check(server("unheard-of")) if each.blocking]
    assert "no hardware" in refused.what
