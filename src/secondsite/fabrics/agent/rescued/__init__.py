"""The disks of rescued machines as files here: what a replica stands on while a machine comes home.

Its rooms:

    assigning  which disk of another server stands for which of the machine
    disks     the files of all rescued machines: attached, watched, detached
    exports   one machine's files: FUSE exports of a storage daemon of its own
    half_written  disks that are not written to the end
    mounts    what a daemon that died leaves mounted
    told      what a rescued machine tells, judged
"""

from . import told
from .assigning import Assignment, assign
from .disks import QUICK_SECONDS, RESCUE_AWAY_DO, RescuedDisks

__all__ = ["QUICK_SECONDS", "RESCUE_AWAY_DO", "Assignment", "RescuedDisks", "assign", "told"]
