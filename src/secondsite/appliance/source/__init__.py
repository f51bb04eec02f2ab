"""Machines that are replicated from this site.

Its rooms:

    machine             one machine: its setup, its progress, who works on it now
    progress            how far its replication is, durably
    pace                how fast its passes go, and how long they take
    loop                the loop over all machines; it needs no vault
    cycle               one cycle: a frozen view, sent until it is durable there
    cycle_plan          what a cycle carries, and its header
    fence               keeps the old copy of a failed-over machine from starting
    machine_tag         our tag on a machine, put back where another program lost it
    arrivals            machines that may have come by live migration
    watch               looks after machines between their cycles
    powered_since       how long a machine has been on
    old_copies          old copies that an undone reprotect left here
    leftover_views      ends views that were left open, and drops old checkpoints
    acknowledge         records that a cycle was tried, and that it arrived
    idle                machines that wrote nothing
    disks_and_firmware  its disks and its firmware state
    left_out_disks      its disks that are left out, and what fills them
    slices              computes what one cycle of a pass sends
    digest_cache        the digest cache around one cycle
    view_trial          a view that is only tried
    rolling_scan        compares what no mark covers, where tracking may miss a write
    cycle_guard         ends cycles that would hurt their machine
    scratch_reserve     space that is released when scratch space runs out
"""

from . import leftover_views, machine_tag, progress
from .cycle_guard import CycleInterrupted, Overtaken
from .cycle_plan import CycleRequest
from .fence import Fences
from .loop import Replication
from .machine import Source

__all__ = [
    "CycleInterrupted",
    "CycleRequest",
    "Fences",
    "Overtaken",
    "Replication",
    "Source",
    "leftover_views",
    "machine_tag",
    "progress",
]
