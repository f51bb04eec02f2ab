"""Definitions came from another site: nothing in one becomes another option, another file or another
program."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from secondsite.rescue.problems import Problem
from secondsite.rescue.running import by_qemu, command_line, domain, request
from secondsite.rescue.running.command_line import MachineToRun
from secondsite.rescue.stand_ins import Standing
from secondsite.rescue.store import Point, Replica

PLAIN = MachineToRun(
    name="web01",
    uuid="6f1d1c0e-3a51-4c39-8f0b-8f6f2f1f0a11",
    definition={
        "disks": [{"key": "vda", "bus": "virtio"}, {"key": "sdb", "bus": "scsi"}],
        "nics": [{"key": "nic0", "mac": "52:54:00:00:00:01", "model": "virtio"}],
    },
    ours="",
    disks={"vda": Path("/s/vda.qcow2"), "sdb": Path("/s/sdb.qcow2")},
    encrypted_files={},
    key=None,
    taps={},
    macs={},
    vcpus=2,
    memory_bytes=512 * 2**20,
    variables=None,
    folder=Path("/s"),
    sockets=Path("/run/x"),
)


def option(wanted, name):
    line = command_line.command(wanted)
    return [line[at + 1] for at, word in enumerate(line) if word == name]


def test_a_machine_has_its_disks_in_order_its_card_and_its_memory():
    assert option(PLAIN, "-m") == ["512M"]
    assert [each.split(",")[0] for each in option(PLAIN, "-drive")] == [
        "file=/s/vda.qcow2",
        "file=/s/sdb.qcow2",
    ]
    assert option(PLAIN, "-device")[-1] == "virtio-net-pci,mac=52:54:00:00:00:01"


@pytest.mark.parametrize(
    "definition",
    [
        {"native": "<domain><os><type machine='pc,accel=x'/></os></domain>"},
        {"native": "<domain><os><type arch='../../bin/sh'/></os></domain>"},
        {"nics": [{"key": "n", "mac": "52:54:00:00:00:01,netdev=x"}]},
    ],
)
def test_a_word_that_could_be_more_than_a_word_is_refused(definition):
    with pytest.raises(Problem, match="not to be trusted"):
        command_line.command(replace(PLAIN, definition={**PLAIN.definition, **definition}))


def test_a_disk_key_that_could_be_more_than_a_word_is_refused():
    with pytest.raises(Problem, match="disk key"):
        command_line.command(replace(PLAIN, disks={"vda,x=y": Path("/s/x")}))


def test_a_name_with_a_comma_stays_a_name():
    assert option(replace(PLAIN, name="web,debug-threads=on"), "-name") == ["guest=web,,debug-threads=on"]


def test_a_kernel_that_another_site_names_is_not_booted():
    native = "<domain><os><type>hvm</type><kernel>/etc/shadow</kernel></os></domain>"
    assert "-kernel" not in command_line.command(
        replace(PLAIN, definition={**PLAIN.definition, "native": native})
    )
    assert option(replace(PLAIN, ours=native), "-kernel") == ["/etc/shadow"]


def test_every_file_of_an_encrypted_chain_gets_the_key():
    (drive,) = option(
        replace(PLAIN, disks={"vda": Path("/s/v")}, encrypted_files={"vda": 3}, key=Path("/k,1")), "-drive"
    )
    assert drive.count("encrypt.key-secret=key") == 3
    assert ",backing.backing.encrypt.key-secret=key" in drive
    assert option(replace(PLAIN, key=Path("/k,1")), "-object") == ["secret,id=key,file=/k,,1"]


READY = """<domain type='kvm'><name>web01</name><os><nvram>/old.fd</nvram></os><devices>
<disk type='file' device='disk'><source file='/old/vda.qcow2'/><target dev='vda'/></disk>
<disk type='file' device='disk'><source file='/old/vdb.qcow2'/><target dev='vdb'/></disk>
<disk type='file' device='cdrom'><target dev='sda'/></disk>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br9'/></interface>
<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br9'/></interface>
</devices></domain>"""


def test_a_card_that_is_to_be_connected_and_is_not_in_what_was_kept_ready_is_said():
    place = domain.Files(
        disks={"vda": Path("/new/vda.qcow2")},
        chains={},
        key_id=None,
        variables=None,
        networks={"52:54:00:00:00:09": "lan"},
    )
    with pytest.raises(Problem, match="lan for 52:54:00:00:00:09"):
        domain.placed(READY, place)


def test_what_was_kept_ready_gets_the_files_as_they_lie_now():
    place = domain.Files(
        disks={"vda": Path("/new/vda.qcow2")},
        chains={"vda": (Path("/new/vda.qcow2"), Path("/new/1.qcow2"))},
        key_id="4d1f",
        variables=Path("/new/VARS.fd"),
        networks={"52:54:00:00:00:01": "lan", "52:54:00:00:00:02": None},
    )
    text = domain.placed(READY, place)
    assert "/old" not in text
    assert text.count("<encryption") == 2
    assert text.count("<interface") == 1
    assert 'network="lan"' in text
    assert "vdb" not in text


def test_a_disk_that_came_after_what_was_kept_ready_is_there_too_in_a_free_place():
    """The machine was started without it, and nothing was said."""
    disks = {key: Path(f"/new/{key}.qcow2") for key in ("vda", "vdc", "wwn-5", "nvme1")}
    place = domain.Files(disks, {}, None, None, {}, buses={"wwn-5": "scsi"})
    assert domain.added(READY, place) == ["vdc", "nvme1", "wwn-5"]
    root = ElementTree.fromstring(domain.placed(READY, place))
    files = [each.get("file") for each in root.iterfind("devices/disk/source")]
    targets = [each.get("dev") for each in root.iterfind("devices/disk[source]/target")]
    places = dict(zip(files, targets, strict=True))
    assert places == {
        "/new/vda.qcow2": "vda",
        "/new/vdc.qcow2": "vdc",
        "/new/wwn-5.qcow2": "sdb",
        "/new/nvme1.qcow2": "vdd",
    }
    assert {each.get("type") for each in root.iterfind("devices/disk/driver")} == {"qcow2"}


AT_HOME = READY.replace("/old/vda", "/store/replicas/m1/runs/failover/vda").replace(
    "<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br9'/>",
    "<interface type='direct'><mac address='52:54:00:00:00:02'/><source dev='eth0'/>",
)


def test_of_a_machine_that_comes_home_only_the_disks_of_its_run_and_what_is_asked_for_change():
    place = domain.Files(
        disks={"vda": Path("/new/vda.qcow2")}, chains={}, key_id=None, variables=None, networks={},
        as_it_was=True
    )  # fmt: skip
    text = domain.placed(AT_HOME, place)
    assert "/new/vda.qcow2" in text
    assert "/old/vdb.qcow2" in text
    assert 'type="direct"' in text
    assert text.count("<interface") == 2
    away = replace(place, disks={**place.disks, "vdb": Path("/new/vdb.qcow2")})
    text = domain.placed(AT_HOME, away)
    assert "/new/vdb.qcow2" in text, "it came while the machine was away"
    assert "/old/vdb.qcow2" in text


def test_a_machine_that_comes_home_has_the_cards_with_which_it_left_and_not_those_of_its_points():
    away = Point("p1", 1, {"definition": {"nics": [{"key": "net0", "mac": "52:54:00:00:00:09"}]}})
    left = [{"key": "net0", "mac": "52:54:00:00:00:01"}, {"key": "net1", "mac": "52:54:00:00:00:02"}]
    start = {"nics": left, "networks": {"net0": "lan", "net1": None}, "as_it_was": True}
    home = Replica(Path("/s/replicas/m1"), {"machine_id": "m1", "runs": []}, (away,), start)
    assert request.cards_of(home, away) == left
    assert request.networks_of(home, away, request.Ways()) == {"net0": "lan", "net1": None}
    assert request.cards_of(replace(home, start={}), away)[0]["mac"] == "52:54:00:00:00:09"


GENERATION = "<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>"


def test_a_machine_with_a_generation_gets_another_one_since_it_goes_back_in_time():
    native = f"<domain>{GENERATION}<os><type arch='x86_64'/></os></domain>"
    assert "vmgenid,guid=auto" in option(replace(PLAIN, ours=native), "-device")
    assert "vmgenid,guid=auto" not in option(PLAIN, "-device")
    assert READY.startswith("<domain")
    ready = READY.replace("<devices>", f"{GENERATION}<devices>", 1)
    place = domain.Files(disks={}, chains={}, key_id=None, variables=None, networks={})
    made = {ElementTree.fromstring(domain.placed(ready, place)).findtext("genid") for _ in range(2)}
    assert len(made | {"43dc0cf8-809b-4adb-9bea-a9abb5f3d90e"}) == 3
    assert "genid" not in domain.placed(READY, place)


STANDS_IN = """<domain><devices>
<disk type='file' device='disk'><source file='/s/runs/failover/vda.qcow2'/><target dev='vda'/></disk>
<disk type='file' device='disk'><source file='/s/runs/failover/vdb.stand-in.qcow2'/><target dev='vdb'/></disk>
</devices></domain>"""


@pytest.mark.parametrize(("disks", "left"), [({"vda", "vdb"}, 2), ({"vda"}, 1)])
def test_what_stands_in_for_a_disk_is_in_its_place_if_it_was_made(disks, left):
    files = domain.Files({key: Path(f"/r/{key}.qcow2") for key in disks}, {}, None, None, {})
    root = ElementTree.fromstring(domain.placed(STANDS_IN, files))
    found = [each.get("file") for each in root.iterfind("devices/disk/source")]
    assert found == ["/r/vda.qcow2", "/r/vdb.qcow2"][:left]


def test_what_stands_in_comes_where_its_guest_looks_for_it():
    point = Point("p", 1, {"definition": {"disks": [{"key": "vda", "boot_order": 1}, {"key": "vdc"}]}})
    standing = Standing({"vdb": Path("/r/vdb.stand-in.qcow2")}, {"vdb": "virtio"})
    start = request.Start(Replica(Path("/s"), {}, (), {}), point, {}, None, request.Ways(), standing)
    assert [disk["key"] for disk in by_qemu.disks_of(start)] == ["vda", "vdb", "vdc"]
