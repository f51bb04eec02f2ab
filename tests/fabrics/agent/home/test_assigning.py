"""Which disk of another server stands for which of the machine: nothing is guessed, nothing overwritten
unasked."""

import pytest

from secondsite.fabrics.agent.link import OtherDisks
from secondsite.fabrics.agent.rescued import assign
from secondsite.fabrics.agent.rescued.told import Held, OfferedDisk

GB = 10**9
ONE = {"sda": 100 * GB}
TWO = {"sda": 100 * GB, "sdb": 500 * GB}


def disk(serial, gb, holds=(), refused=""):
    return OfferedDisk(
        key=f"wwn:0x{serial}", name=f"sd{serial.lower()}", size_bytes=gb * GB, serial=serial,
        refused=refused, holds=tuple(Held(kind=each) for each in holds),
    )  # fmt: skip


def assigned(wanted, *offered, accepted=(), own=None, **decided):
    return assign("web01", wanted, offered, OtherDisks(**decided), accepted, own)


def test_by_size_where_only_one_is_large_enough():
    assert assigned(ONE, disk("X", 50), disk("Y", 120)).disks == {"sda": "wwn:0xY"}
    assert assigned(TWO, disk("X", 200), disk("Y", 600)).disks == {"sda": "wwn:0xX", "sdb": "wwn:0xY"}


def test_where_more_than_one_is_a_person_decides_by_the_command_that_is_told():
    (problem,) = assigned(ONE, disk("X", 120), disk("Y", 120)).problems
    assert problem.what == (
        "sda of web01 needs 100 GB: more than one disk is large enough. The server has X (sdx, 120.0 GB), "
        "Y (sdy, 120.0 GB)."
    )
    assert problem.do == "Choose one: 'secondsite appliance agents disks web01 --disk sda=SERIAL'."
    assert assigned(ONE, disk("X", 120), disk("Y", 120), chosen={"sda": "Y"}).disks == {"sda": "wwn:0xY"}


@pytest.mark.parametrize("text", ["X", "wwn:0xX", "0xX", "sdx"])
def test_a_disk_is_chosen_by_any_of_its_names(text):
    assert assigned(ONE, disk("X", 120), disk("Y", 120), chosen={"sda": text}).disks == {"sda": "wwn:0xX"}


def test_what_was_chosen_leaves_one_for_the_other():
    found = assigned(TWO, disk("X", 600), disk("Y", 600), chosen={"sda": "Y"})
    assert (found.disks, found.problems) == ({"sda": "wwn:0xY", "sdb": "wwn:0xX"}, ())


def test_a_smaller_one_is_refused_by_name_also_if_it_was_chosen():
    (problem,) = assigned(ONE, disk("X", 50), chosen={"sda": "X"}).problems
    assert problem.what == "sda of web01 needs 100 GB, and disk X (sdx, 50.0 GB) has 50 GB."
    (problem,) = assigned(ONE, disk("X", 50)).problems
    assert "no free disk is large enough. The server has X (sdx, 50.0 GB)" in problem.what


def test_one_with_sectors_of_another_size_is_refused_by_name():
    fine = disk("X", 120).model_copy(update={"sector_bytes": 4096})
    for sectors, problems in ((512, 1), (4096, 0), (0, 0)):
        found = assign("web01", ONE, [fine], OtherDisks(), sectors={"sda": sectors}).problems
        assert len(found) == problems
    (problem,) = assign("web01", ONE, [fine], OtherDisks(), sectors={"sda": 512}).problems
    assert "sda of web01 has sectors of 512 bytes, and disk X (sdx, 120.0 GB) of 4096" in problem.what


def test_somebodys_data_is_asked_for_by_name_and_not_twice():
    held = disk("X", 120, holds=["gpt", "lvm", "lvm"])
    (problem,) = assigned(ONE, held).problems
    assert problem.what == "Disk X (sdx, 120.0 GB) holds gpt, lvm, and would be overwritten as sda of web01."
    assert problem.do == "If that may go: 'secondsite appliance agents disks web01 --overwrite X'."
    assert not assigned(ONE, held, overwrite=("X",)).problems
    assert not assigned(ONE, held, accepted={"wwn:0xX"}).problems
    assert assigned(ONE, held, overwrite=("Y",)).problems


def test_what_cannot_be_is_told():
    both = {"sda": "X", "sdb": "X"}
    assert "was chosen for two disks" in assigned(TWO, disk("X", 600), chosen=both).problems[0].what
    assert "no disk 'Z'" in assigned(ONE, disk("X", 120), chosen={"sda": "Z"}).problems[0].what
    assert "has no disk sdq" in assigned(ONE, disk("X", 120), chosen={"sdq": "X"}).problems[0].what
    used = disk("X", 120, refused="md0 is assembled on it")
    assert "md0 is assembled" in assigned(ONE, used, chosen={"sda": "X"}).problems[0].what
    nameless = disk("X", 120).model_copy(update={"key": "table:1234"})
    assert "neither a WWN nor a serial number" in assigned(ONE, nameless).problems[0].what


def test_a_disk_may_stay_behind():
    found = assigned(TWO, disk("X", 120), chosen={"sdb": "none"})
    assert (found.disks, found.problems) == ({"sda": "wwn:0xX"}, ())


def test_where_one_disk_was_replaced_the_others_stay_what_they_were():
    own = {"sda": "wwn:0xX", "sdb": "wwn:0xGONE"}
    found = assigned(TWO, disk("X", 600, holds=["gpt"]), disk("Y", 600), own=own)
    assert (found.disks, found.problems) == ({"sda": "wwn:0xX", "sdb": "wwn:0xY"}, ())
