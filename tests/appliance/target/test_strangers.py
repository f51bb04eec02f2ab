"""Strangers flood a data port while a source replicates to it: its cycles arrive as before, and the log
stays short."""

import subprocess
import sys
import time

import pytest
from structlog.testing import capture_logs

from rig.noise import noise
from secondsite.ground.units import KiB

pytestmark = pytest.mark.slow

IDLE, LOOPING, SECONDS = 2000, 200, 15
"""As many as the review had, and more."""


@pytest.fixture
def strangers(pair):
    command = [
        sys.executable,
        "-m",
        "rig.strangers",
        str(pair.target.port),
        str(IDLE),
        str(LOOPING),
        str(SECONDS),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_two_thousand_idle_and_two_hundred_looping_strangers_keep_no_cycle_out(pair, strangers):
    pair.protect().synchronized(60)
    cycles: list[float] = []
    with capture_logs() as logs:
        while strangers.poll() is None:
            began = time.monotonic()
            pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
            pair.cycle_now()
            cycles.append(time.monotonic() - began)
            assert not pair.source_status().findings
    made = int(strangers.stdout.read())
    told = [
        each
        for each in logs
        if each["event"] in ("visitors.refused", "connection.ended", "connection.crashed")
    ]
    print(
        f"{made} connections of strangers, {len(cycles)} cycles, the slowest took {max(cycles):.1f} s, "
        f"{len(told)} lines"
    )
    assert made > LOOPING
    assert len(cycles) > 3
    assert max(cycles) < 10
    assert len(told) < 20
