"""Death at the first seam of an operation, then at the second, and so on until it ends untouched."""

import shutil

from secondsite.datapath.replica.replica import Replica
from tests.datapath.support_chain import Seams, dying

LOOK_EVERY = 3
"""What a death leaves is looked at each time; what the repeated operation makes of it, each third time: to
read all points takes most of the time."""


def sweep(template, daemon, operation, check, at_least):
    """Let `operation` die at every seam in turn, repeat it on a reopened replica, and `check` the result."""
    for kill_at in range(1, 200):
        folder = template.with_name(f"at{kill_at}")
        shutil.copytree(template, folder)
        seams = Seams()
        victim = Replica.open(folder, daemon, seams)
        victim.points()
        seams.arm(kill_at)
        with dying() as died:
            operation(victim)
        seams.kill_at = None
        heir = victim
        if died:
            if kill_at % 3 == 0:
                daemon.stop()
            heir = Replica.open(folder, daemon)
            check(heir, done=False)
            operation(heir)
        if kill_at % LOOK_EVERY == 1 or not died:
            check(heir, done=True)
        heir.close()
        shutil.rmtree(folder)
        if not died:
            assert kill_at > at_least, seams.reached
            return
    raise AssertionError("the operation never ends")
