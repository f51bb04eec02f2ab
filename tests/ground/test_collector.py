"""What is there when a process is ready is not walked again by the garbage collector."""

import subprocess
import sys

READY = """
import gc
from secondsite.ground.processes import collector
here = [[number] for number in range(100_000)]
collector.spare_what_is_here()
print(gc.get_freeze_count() > len(here), len(gc.get_objects()) < 1000)
"""


def test_what_is_there_is_spared(tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", READY], capture_output=True, text=True, check=True, timeout=30
    )
    assert said.stdout.split() == ["True", "True"]


SELDOM = """
import gc
from secondsite.ground.processes import collector
before = gc.get_threshold()
collector.look_at_all_seldom()
print(gc.get_threshold()[:2] == before[:2], gc.get_threshold()[2] > before[2])
"""


def test_only_what_lies_long_is_looked_at_more_seldom():
    said = subprocess.run(
        [sys.executable, "-c", SELDOM], capture_output=True, text=True, check=True, timeout=30
    )
    assert said.stdout.split() == ["True", "True"]


RESTING = """
import gc
from secondsite.ground.processes import collector
with collector.resting():
    before = gc.isenabled()
print(before, gc.isenabled())
"""


def test_nothing_is_collected_while_a_program_is_loaded():
    said = subprocess.run(
        [sys.executable, "-c", RESTING], capture_output=True, text=True, check=True, timeout=30
    )
    assert said.stdout.split() == ["False", "True"]
