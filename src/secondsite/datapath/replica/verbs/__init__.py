"""The verbs of a replica, one per file; `replica.Replica` is their face.

Its rooms:

    create            make a replica
    remove            delete a replica, move it, or keep its points elsewhere
    apply             apply a cycle to the head, seal the point it asks for
    unaligned_writes  write frames of any alignment, keep the digests correct
    seal              the head becomes a recovery point
    prune             drop points, merge layers that nobody needs
    shorten_chains    merged layers that keep every chain short
    holds             points that retention must not drop
    disks             add and remove disks
    resize            a disk became larger or smaller
    runs              overlays for machines to run on, and their commit
    overlays          makes the overlays, on chains that every libvirt starts
    stand_ins         disks that stand in for those that were left out
    roll_forward      bring an overlay to an instant between points
    read_journal      cycles of the journal, every frame verified
    verify            read a point and compare its digests
    copy_out          copy a point's disks to images of their own
    view              offer a point's disks to whoever reads them as a machine would
    stats             points, sizes and counts
    seed              write the pieces of a shipped copy
    change_key        change the customer's key, without copying
"""

from . import (
    apply,
    change_key,
    copy_out,
    create,
    disks,
    holds,
    prune,
    read_journal,
    remove,
    runs,
    seal,
    seed,
    shorten_chains,
    stand_ins,
    stats,
    verify,
    view,
)

__all__ = [
    "apply",
    "change_key",
    "copy_out",
    "create",
    "disks",
    "holds",
    "prune",
    "read_journal",
    "remove",
    "runs",
    "seal",
    "seed",
    "shorten_chains",
    "stand_ins",
    "stats",
    "verify",
    "view",
]
