"""What an agent tells is taken as far as its shape goes, and made into a definition."""

import json
from datetime import UTC, datetime

import pytest

from secondsite.domain import errors
from secondsite.domain.machines.connecting import Line, System
from secondsite.domain.machines.hardware import Drive, Presence
from secondsite.fabrics.agent import telling

from .support_telling import DRIVERS, SERVER, server

AGENT = "7d1c1f0e-5d5e-4f1a-9a55-0a1b2c3d4e5f"
TOLD_AT = 1795992000.5
KEYS = {"wwn:naa.5000c500a1": "sda", "serial:S2": "sdb"}


def read(**changes):
    return telling.read("db01", server(**changes))


def defined(**changes):
    return telling.definition(AGENT, "db01", read(**changes), KEYS)


def kernel(**presences):
    drivers = dict.fromkeys(DRIVERS, "missing") | presences
    return {**SERVER["kernels"][0], "drivers": drivers}


def test_a_server_is_read_as_it_was_told():
    told = read()
    assert told.cards[0].mac == "aa:bb:cc:00:00:01"
    assert told.cards[0].gateways == ("192.0.2.1",)
    assert told.kernels[0].initramfs.startswith("/boot/")
    assert told.kernels[0].drivers["ahci"] is Presence.INITRAMFS
    assert not telling.obstacles(told, TOLD_AT)


def test_its_definition_has_the_disks_in_boot_order_and_the_best_hardware():
    made = defined()
    assert (made.fabric_id, made.fabric_kind, made.firmware) == (AGENT, "agent", "uefi")
    assert [(each.key, each.bus, each.boot_order) for each in made.disks] == [
        ("sda", "virtio", 1), ("sdb", "virtio", 2),
    ]  # fmt: skip
    assert [(each.key, each.model) for each in made.nics] == [
        ("aa:bb:cc:00:00:01", "virtio"), ("aa:bb:cc:00:00:02", "virtio"),
    ]  # fmt: skip
    assert made.drives == (Drive.VIRTIO, Drive.VIRTIO_SCSI, Drive.AHCI)


def test_its_definition_stays_while_what_is_free_and_what_time_it_is_change():
    later = {**SERVER["looks"], "clock": {"at": 1.0}, "restart_required": True}
    assert defined(looks=later) == defined()
    assert "ixgbe" in defined().native


@pytest.mark.parametrize(
    ("drivers", "bus"), [(("ahci", "sd_mod"), "sata"), (("vmw_pvscsi", "sd_mod"), "scsi"), ((), "virtio")]
)
def test_the_bus_of_its_disks_is_that_of_the_best_drive(drivers, bus):
    firmware = {"kind": "bios"}
    made = defined(firmware=firmware, kernels=[kernel(**dict.fromkeys(drivers, "initramfs"))])
    assert {each.bus for each in made.disks} == {bus}
    assert bool(made.drives) is bool(drivers)


def test_a_word_of_a_newer_agent_for_where_a_driver_is_counts_as_not_known():
    told = read(kernels=[kernel(ahci="unified-image")], news={"anything": 1})
    assert told.kernels[0].drivers["ahci"] is Presence.UNKNOWN


def test_what_its_operator_would_miss_is_an_obstacle_that_does_not_block():
    looks = {
        **SERVER["looks"], "ssh": {"listens": True, "ports": [2222], "let_in": "closed"},
        "newer_kernel": "6.1.0-51-amd64",
    }  # fmt: skip
    found = telling.obstacles(read(looks=looks), TOLD_AT)
    assert ["2222" in found[0].what, "6.1.0-51-amd64" in found[1].what] == [True, True]
    assert not any(each.blocking for each in found)
    assert not telling.obstacles(read(looks=None), TOLD_AT)


@pytest.mark.parametrize(("at_boot", "told"), [(False, True), (True, False), (None, False)])
def test_a_server_that_systemd_does_not_start_is_told_of_and_an_older_agent_says_nothing(at_boot, told):
    ssh = {"listens": True, "ports": [22], "let_in": "open"}
    ssh |= {} if at_boot is None else {"at_boot": at_boot}
    found = telling.obstacles(read(looks={**SERVER["looks"], "ssh": ssh}), TOLD_AT)
    assert ["start it at boot" in each.what for each in found] == [True] * told


def test_what_lets_somebody_connect_is_told_as_far_as_it_was_seen():
    ssh = {"listens": True, "at_boot": False, "ports": [22], "let_in": "unknown"}
    found = telling.sight(read(looks={**SERVER["looks"], "ssh": ssh}), TOLD_AT)
    assert found.lines == {Line.SSH_LISTENS: True, Line.SSH_AT_BOOT: False}
    assert (found.system, found.at) == (System.LINUX, datetime.fromtimestamp(TOLD_AT, UTC))


WRONG = {
    "a text for a number": {"vcpus": "4"},
    "no memory": {"memory_bytes": 0},
    "a number for a flag": {"host_only": 1},
    "more kernels than anybody has": {"kernels": [kernel()] * 17},
    "more cards": {"cards": SERVER["cards"] * 40},
    "more drivers": {"kernels": [{**kernel(), "drivers": {f"x{n}": "missing" for n in range(40)}}]},
    "a name that breaks out of a command": {"cards": [{**SERVER["cards"][0], "name": "eno1'; reboot '"}]},
    "a path that does": {"cards": [{**SERVER["cards"][0], "files": ["/etc/$(reboot)"]}]},
    "a release with a line's end": {"kernels": [{**kernel(), "release": "6\n1"}]},
    "a MAC address that is none": {"cards": [{**SERVER["cards"][0], "mac": "aa:bb"}]},
    "a device that is none": {"named": [{"device": "/dev/sda1\x1b[2J", "where": "/"}]},
    "a clock without a number": {"looks": {**SERVER["looks"], "clock": {"at": float("nan")}}},
    "a size that no database holds": {"disks": [{**SERVER["disks"][0], "size_bytes": 1 << 70}]},
    "no firmware": {"firmware": None},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=[*WRONG])
def test_what_no_agent_of_ours_would_tell_is_refused_in_words_of_ours(wrong):
    with pytest.raises(errors.FabricError) as raised:
        read(**wrong)
    assert "'db01' tells" in raised.value.message
    assert len(raised.value.message) < 500


def test_a_telling_longer_than_any_machine_needs_is_refused_before_it_is_looked_at():
    with pytest.raises(errors.FabricError, match="characters"):
        read(padding="x" * (1 << 20))


def test_the_most_that_can_be_told_fits_into_a_definition():
    most = read(kernels=[kernel()] * 16, cards=[SERVER["cards"][0]] * 64, disks=[SERVER["disks"][0]] * 1000)
    made = telling.definition(AGENT, "db01", most, KEYS)
    assert len(json.dumps(made.model_dump(mode="json"))) < 1 << 20


@pytest.mark.parametrize(("ahead", "words"), [(7200, "2 h ahead of"), (-3 * 365 * 86400, "1095 days behind")])
def test_a_clock_that_is_off_is_told_with_how_far(ahead, words):
    (found,) = telling.obstacles(read(), TOLD_AT - ahead)
    assert words in found.what
    assert not found.blocking
