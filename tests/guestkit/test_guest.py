"""Real boots of the guest under QEMU's own emulation (no KVM needed)."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import guestkit
from guestkit.disk import MARK_RECORDS
from rig.eventually import eventually
from tests.guestkit.running import running

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.longest]
HELD_SECONDS = 1.5
HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def built():
    return guestkit.build()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A disk with records that a guest left in good order, and the number of the last one."""
    folder = tmp_path_factory.mktemp("written")
    disk = guestkit.make_disk(folder / "disk.qcow2")
    return disk, write_some(folder, [disk])


@pytest.fixture
def copied(written, tmp_path):
    disk, last = written
    return Path(shutil.copy(disk, tmp_path / "disk.qcow2")), last


def change_records(disk, change):
    """Rewrite the record file of a disk that no machine uses; `change` maps its text to the new text."""
    raw, records = disk.with_suffix(".raw"), disk.with_suffix(".records")
    subprocess.run(["qemu-img", "convert", "-O", "raw", disk, raw], check=True, timeout=30)
    debugfs(raw, f"dump /records {records}")
    records.write_text(change(records.read_text()))
    debugfs(raw, "rm /records", f"write {records} records", MARK_RECORDS)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk], check=True, timeout=30)


def debugfs(raw, *requests):
    script = "\n".join(requests)
    subprocess.run(["/sbin/debugfs", "-w", "-f", "-", raw], input=script, text=True, check=True, timeout=30)


def write_some(folder, disks, count=5):
    """Boot, write at least `count` records, leave by the power button; the number of the last one."""
    with running(folder, disks) as guest:
        guest.console.wait_for(lambda console: console.last_record >= count)
        guest.press_power_button()
        guest.process.wait(15)
        return guest.console.boots[-1].bye


def complaint_after(folder, disks):
    with running(folder, disks) as guest:
        return guest.console.wait_for_boot(len(guest.console.boots) + 1).complaints


def cpu_seconds(process):
    user, system = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_a_guest_is_ready_within_ten_seconds_of_processor_time(tmp_path):
    # Processor time, since wall time says how busy the testing machine is: 4 s alone, more than 10 s beside
    # other work.
    disk = guestkit.make_disk(tmp_path / "disk.qcow2")
    with running(tmp_path, [disk]) as guest:
        boot = guest.console.wait_for_boot(1)
        assert cpu_seconds(guest.process) < 10
    assert boot.verified_last == 0


def test_the_power_button_ends_the_guest_and_the_next_boot_finds_every_record(tmp_path, copied):
    disk, last = copied
    assert last >= 5
    with running(tmp_path, [disk]) as guest:
        assert guest.console.wait_for_boot().verified_last == last


def test_a_killed_qemu_loses_no_acknowledged_record_on_any_disk(tmp_path):
    disks = [guestkit.make_disk(tmp_path / f"disk{number}.qcow2") for number in range(2)]
    for boot in range(1, 3):
        with running(tmp_path, disks, records_per_second=50, load_kib_per_second=256) as guest:
            found = guest.console.wait_for_boot(boot)
            assert found.complaints == ()
            before = found.verified_last
            guest.console.wait_for(lambda console, goal=before + 7: console.last_record >= goal)
            guest.process.kill()
            guest.process.wait(10)
            acknowledged = guest.console.last_record
    with running(tmp_path, disks) as guest:
        assert guest.console.wait_for_boot(3).verified_last >= acknowledged


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("\n3 ", "\n4 ", 1), "record 3 is missing"),
        (
            lambda text: "".join(text.splitlines(keepends=True)[:1] + text.splitlines(keepends=True)[2:]),
            "record 2 is",
        ),
        (lambda text: text[:-2] + "x\n", "damaged fill"),
        (lambda text: text.replace(text.split()[1], "1000000000", 1), "record 1 has a wrong checksum"),
    ],
    ids=["renumbered", "left out", "last byte changed", "time changed"],
)
def test_a_boot_finds_a_damaged_record(tmp_path, copied, change, said):
    disk, _ = copied
    change_records(disk, change)
    assert any(said in line for line in complaint_after(tmp_path, [disk]))


def test_a_torn_last_line_is_cut_off_and_written_anew(tmp_path, copied):
    disk, last = copied
    change_records(disk, lambda text: text + text.splitlines()[-1][:9])
    with running(tmp_path, [disk]) as guest:
        assert guest.console.wait_for_boot(1).verified_last == last
        guest.console.wait_for(lambda console: console.last_record >= last + 3)
        guest.process.kill()
        guest.process.wait(10)
    with running(tmp_path, [disk]) as guest:
        assert guest.console.wait_for_boot(2).verified_last >= last + 3


def test_a_disk_that_lags_behind_another_is_found(tmp_path):
    disks = [guestkit.make_disk(tmp_path / f"disk{number}.qcow2") for number in range(2)]
    write_some(tmp_path, disks)
    change_records(disks[1], lambda text: "".join(text.splitlines(keepends=True)[:-2]))
    assert any("disks are apart" in line for line in complaint_after(tmp_path, disks))


def test_records_are_as_long_as_asked_for(tmp_path):
    disk = guestkit.make_disk(tmp_path / "disk.qcow2")
    with running(tmp_path, [disk], record_bytes=300) as guest:
        guest.console.wait_for(lambda console: console.last_record >= 3)
        guest.press_power_button()
        guest.process.wait(15)
    lengths: list[Any] = []

    def measured(text):
        lengths.extend(map(len, text.splitlines(keepends=True)))
        return text

    change_records(disk, measured)
    assert set(lengths) == {300}


def test_the_agent_freezes_the_disk_and_thaws_it(tmp_path):
    disk = guestkit.make_disk(tmp_path / "disk.qcow2")
    with running(tmp_path, [disk], kind=guestkit.Kind.AGENT) as guest:
        guest.console.wait_for_boot(1)
        eventually(lambda: guest.console.last_record >= 3, within_seconds=20)
        assert guest.ask_agent("guest-fsfreeze-freeze") == 1
        assert guest.ask_agent("guest-fsfreeze-status") == "frozen"
        # One record may have been flushed before the freeze and not yet said.
        frozen_at = guest.console.last_record
        for _ in range(5):
            guest.ask_agent("guest-ping")
        assert guest.console.last_record <= frozen_at + 1
        assert guest.ask_agent("guest-fsfreeze-thaw") == 1
        eventually(lambda: guest.console.last_record >= frozen_at + 3, within_seconds=20)


def test_libvirt_starts_the_definition_on_a_bridge_and_shuts_it_down_gracefully(tmp_path):
    script = ["unshare", "--net", sys.executable, HERE / "libvirt_round.py", tmp_path]
    done = subprocess.run(script, timeout=110, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    console = guestkit.Console(tmp_path / "console.log")
    assert (console.boots[0].bye or 0) >= 3


def test_a_guest_that_watches_its_writes_says_how_long_it_was_held_up_and_leaves_in_order(tmp_path):
    disk = guestkit.make_disk(tmp_path / "disk.qcow2")
    with running(tmp_path, [disk], records_per_second=0, load_span_mib=16, gaps=True) as guest:
        # on a busy host a second may pass without a write
        guest.console.wait_for(lambda console: sum(gap.writes > 0 for gap in console.gaps) >= 3)
        assert all(gap.longest_ms > 0 for gap in guest.console.gaps if gap.writes)
        # one that falls between two rounds of the file is no gap
        assert max(_held(guest) for _ in range(3)) >= 1000 * HELD_SECONDS
        guest.press_power_button()
        guest.process.wait(60)  # the round of writes that has begun is written to its end
        assert guest.console.boots[-1].bye == 0


def _held(guest):
    """The longest gap of the seconds in which the whole guest was held, in milliseconds."""
    seen = len(guest.console.gaps)
    guest.process.send_signal(signal.SIGSTOP)
    time.sleep(HELD_SECONDS)
    guest.process.send_signal(signal.SIGCONT)
    guest.console.wait_for(lambda console: len(console.gaps) >= seen + 2)
    return max(gap.longest_ms for gap in guest.console.gaps[seen:])
