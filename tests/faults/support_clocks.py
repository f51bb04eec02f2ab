"""Processes whose clock a test can set, without touching the host's: libfaketime, which reads the offset from
a file.

Only the time of day is set; the monotonic clock goes on, as it does when an operator or a time service sets a
clock.
"""

import os
from pathlib import Path

from rig import processes

CLOCKED = Path(__file__).parent / "clocked"
CACHE_SECONDS = 1
"""So long a process may go by the clock as it was: reading the file each time cost more than all else
together."""
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class Clock:
    """The time of day of one process (a rig's Process) and of what Python it starts."""

    def __init__(self, process, file):
        self._file = file
        self.set(0)
        process.environment = {
            **process.environment, "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": str(CACHE_SECONDS), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1", "FAKETIME_SKIP_CMDS": "qemu-storage-daemon,qemu-img",
            "PYTHONPATH": f"{CLOCKED}{os.pathsep}{processes.environment()['PYTHONPATH']}",
        }  # fmt: skip

    def set(self, seconds):
        """So many seconds ahead of the host's, within CACHE_SECONDS from now."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        os.replace(new, self._file)
