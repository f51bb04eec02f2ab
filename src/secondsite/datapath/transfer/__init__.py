"""One cycle from a source's disks to the target's inbox, or directly to the head.

Its rooms:

    sender              the source's half
    pump                frames ahead of the link
    changed_pages       the pages of a dirty range that the target lacks
    compare             what differs between a disk here and its replica there
    held_digests        what the target holds, asked between cycles
    receiver            the target's half
    incoming_cycle      one cycle coming in
    read_ahead          frames received by a thread of their own
    unchanged_machines  machines that wrote nothing, many in one message
    admission           what the receiver asks the owner of the replicas
"""

from ..errors import CycleRefused
from . import held_digests
from .admission import Accept, Write
from .compare import ReadableDisk
from .receiver import FULL, serve
from .sender import CycleResult, DiskPlan, offer, send_cycle
from .unchanged_machines import UnchangedState, tell

__all__ = [
    "FULL",
    "Accept",
    "CycleRefused",
    "CycleResult",
    "DiskPlan",
    "ReadableDisk",
    "UnchangedState",
    "Write",
    "held_digests",
    "offer",
    "send_cycle",
    "serve",
    "tell",
]
