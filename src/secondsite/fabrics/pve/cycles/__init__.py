"""Cycles of replication of machines of Proxmox VE: each is a backup to a storage that keeps nothing, and
hands the disks to the appliance at the same node. **No node of Proxmox VE has seen any of this.**

Its rooms:

    words     what the plugin at the node says, judged where it enters
    line      the conversation with one backup
    provider  where the plugin dials
    records   what is known of each machine's marks
    backup    the backup as a task of the node
    tracking  views of disks, out of all that
"""

from .tracking import PveTracking, Replicated

__all__ = ["PveTracking", "Replicated"]
