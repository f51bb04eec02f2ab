"""A move of a real guest's disks while its database commits, with vault and appliance killed at every seam of
it; and what a power cut leaves at the new place."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import guestkit
from guestkit import services
from rig.eventually import eventually
from rig.images import qemu_img
from secondsite.ground import seams
from tests.e2e import support_e2e as e2e
from tests.support import command_line

SEAMS = ("fabric.settle.noted", "fabric.settle.made", "fabric.settle.copying", "fabric.settle.equal",
         "fabric.settle.marked", "fabric.settle.moved", "appliance.settle.moved",
         "appliance.replica.removed")  # fmt: skip
MORE = 5
COMMITTING: dict[str, Any] = {
    "kind": guestkit.Kind.SQLITE,
    "workload": guestkit.Workload(records_per_second=6, load_kib_per_second=16),
}
"""A guest whose database commits rows beside the writer's records."""


def settled_with_a_death_at_each_seam(rig, name, *words, site="b"):
    """The machine settles, by one job; its guest writes and commits on after each death, and does not
    boot."""
    console, appliance = rig.console(site, name), rig.appliances[site]
    boots, file = len(console.boots), rig.seam_file(f"appliance-{site}")
    seams.order(file, 1, seam=SEAMS[0])
    job = command_line.told(rig, "machine", "settle", name, *words, "--yes", "--no-wait")["job_id"]
    for later in (*SEAMS[1:], None):
        eventually(lambda: not appliance.is_alive, 120)
        rig.vault.kill()
        goes_on(console)
        if later is not None:
            seams.order(file, 1, seam=later)
        rig.vault.start()
        appliance.start()
    ended = rig.wait_for_job(job)
    assert ended.state == "succeeded", rig.describe(ended)
    assert len(console.boots) == boots


def goes_on(console):
    """It writes records and commits rows, now."""
    record, row = console.last_record + MORE, console.last_row + MORE
    console.wait_for(lambda seen: seen.last_record >= record and seen.last_row >= row, 60)


def rows_after_a_power_cut(rig, name, disk, site="b"):
    """The guest's QEMU is killed, and started again: how many rows had been acknowledged, and how many there
    are, by the disk's bits and by the guest alike."""
    console = rig.console(site, name)
    boots = len(console.boots)
    goes_on(console)
    (pid,) = rig.qemus(name)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not rig.qemus(name), 30)
    acknowledged, there = console.last_row, rows_of(disk)
    e2e.ask(rig, site, "start_again", name=name)
    assert e2e.booted(console, boots + 1).verified_rows == there
    goes_on(console)
    return acknowledged, there


def rows_of(disk):
    """How many rows a disk that nobody writes to holds, in a database that is whole: read from a copy of its
    bits."""
    with tempfile.TemporaryDirectory(prefix="secondsite-rows-", dir="/var/tmp") as folder:
        raw, database = Path(folder, "raw"), Path(folder, "rows.db")
        qemu_img("convert", "-U", "-f", "raw", "-O", "raw", disk, raw)  # its appliance may read it too
        # as its next mount would; 1: the journal was replayed
        mended = subprocess.run(["/sbin/e2fsck", "-fy", raw], capture_output=True, timeout=60, check=False)
        assert mended.returncode in (0, 1), mended.stdout
        for name in ("rows.db", "rows.db-wal"):
            dumped = ["/sbin/debugfs", "-R", f"dump /{name} {folder}/{name}", str(raw)]
            subprocess.run(dumped, capture_output=True, timeout=60, check=True)
        with contextlib.closing(sqlite3.connect(database)) as opened:
            ((said,),) = opened.execute(services.ROWS_CHECK)
    word, count, whole = said.split(" ", 2)
    assert (word, whole) == ("ROWS", "ok"), said
    return int(count)
