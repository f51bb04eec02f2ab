"""Change tracking: checkpoints, and frozen views of machines that run or are off.

Its rooms:

    tracking        the interface of this room
    view_kinds      the two ways to view a machine that runs, and which one it gets
    view_plan       what such a view is to be made of, and its scratch files
    backup_job      the view by libvirt's backup job
    scratch_folders  whether scratch space answers
    filter_view     the view by QEMU's copy-before-write filters
    filters         takes such filters out, whoever put them in
    job_lifeline    a process that ends the view if its owner dies
    trials          views that are only tried
    waiting_calls   whether another program waits for a machine
    iothreads       machines that a view could crash
    shared_storage  whether other hosts reach a disk's file
    kept_changes    what a shutdown writes to disks that keep no bitmaps
    moving_disks    takes bitmaps along when a disk moves to another file
    powered_off     the view of a machine that is off
    bitmaps         our dirty bitmaps and checkpoints
    image_identity  which file a bitmap belongs to
    left_files      recorded states of the files of a machine that is off
    unwritten       whether anything was written since a checkpoint
    trackable       obstacles to tracking a machine
"""

from typing import Final

AUTOMATIC: Final = "automatic"
"""The kind of view that suits a machine best."""
BACKUP_JOB: Final = "backup-job"
"""The kind of view that every QEMU can have."""

__all__ = ["AUTOMATIC", "BACKUP_JOB"]
