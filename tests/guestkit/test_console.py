"""What a console log tells, without a guest."""

import pytest

import guestkit

LOG = """
BOOT web01
LAST 0 ok
READY
RECORD 1
RECORD 2
[   9.1] some kernel message
RECORD 3
REC
BOOT web01
LAST 3 ok
READY
RECORD 4
BYE 5
[    4.8] reboot: Power down
"""


@pytest.fixture
def console(tmp_path):
    (tmp_path / "log").write_text(LOG)
    return guestkit.Console(tmp_path / "log")


def test_each_boot_tells_what_it_verified_wrote_and_left(console):
    killed, orderly = console.boots
    assert (killed.verified_last, killed.last_record, killed.bye) == (0, 3, None)
    assert (orderly.verified_last, orderly.last_record, orderly.bye) == (3, 4, 5)
    assert console.last_record == 5


def test_a_line_still_being_written_is_not_counted(console):
    console.path.write_text(LOG + "BOOT web01\nLAST 5 ok\nRECORD 6\nRECORD 77")
    assert console.boots[-1].last_record == 6
    assert console.last_record == 6


def test_a_boot_that_finds_damage_says_so(console):
    console.path.write_text("BOOT x\nBAD vda: record 3 is missing\n")
    (boot,) = console.boots
    assert boot.complaints == ("BAD vda: record 3 is missing",)
    assert not boot.ready
    assert boot.verified_last is None


def test_a_log_that_is_not_there_is_empty(tmp_path):
    assert guestkit.Console(tmp_path / "none").boots == ()


def test_waiting_in_vain_ends_with_the_tail_of_the_log(console):
    with pytest.raises(guestkit.NotSaid, match="Power down"):
        console.wait_for("^NEVER", within_seconds=0.1)


def test_the_address_follows_from_the_mac():
    assert guestkit.address_of("52:54:00:0a:0b:ff") == "10.10.11.255"


def test_gaps_are_those_of_the_newest_boot(console):
    console.path.write_text("BOOT x\nGAP 9 1\nBOOT x\nCLOCK tsc\nGAP 1239 2940\nGAP 45080 12\nGAP 3")
    assert console.gaps == (guestkit.Gap(1.239, 2940), guestkit.Gap(45.08, 12))
