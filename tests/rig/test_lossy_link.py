"""A link's far end keeps to itself."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
FIRST_AT_THE_FAR_END = """
import os, subprocess
from rig.lossy_link import LossyLink
from secondsite.ground.processes import children

def child():
    return children.start(["sleep", "60"], subprocess.DEVNULL, {"PATH": os.defpath})

with LossyLink() as link:
    for each in (link.call(child), child()):
        print(os.readlink(f"/proc/{each.pid}/ns/net") == os.readlink("/proc/self/ns/net"))
        each.kill()
        each.wait(10)
"""


def test_children_of_a_process_that_made_its_first_one_at_the_far_end_are_at_this_end():
    command = [sys.executable, "-c", FIRST_AT_THE_FAR_END]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["True", "True"], done.stderr
