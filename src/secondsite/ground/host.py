"""What this process asks the host that it runs on."""

import sys
import time
import uuid
from functools import cache
from pathlib import Path

from .uptime import Uptime

SHARE = Path(sys.prefix) / "share"
"""What was installed beside the program: further limits for its services, the rules of alerts, the agent."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def uptime() -> Uptime:
    """How long the host has been running, now."""
    return Uptime(_boot(), time.clock_gettime(time.CLOCK_BOOTTIME))


@cache
def _boot() -> str:
    """The kernel's id for this boot of the host; without one, a new id for each process, so that time
    between two processes is not counted."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return str(uuid.uuid4())
