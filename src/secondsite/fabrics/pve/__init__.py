"""What is there of a fabric of Proxmox VE. **No node of Proxmox VE has seen it yet**: it was tried with a
program that answers by the API's own schema.

It makes no machines, and reads no firmware state. So it is no whole fabric, and nobody can choose it.
docs/design/pve.md says what comes next.

Its rooms:

    access      addresses, the API token, and whose certificate is believed
    connection  calls to the REST API, by one of the nodes
    errors      what Proxmox VE answers instead, in our words
    shapes      what it tells, judged where it enters
    words       values that consist of parts
    marks       our tags on a machine
    definition  a machine in words that every fabric can translate
    hindrances  what a machine's operator should know
    machines    all machines, with few calls
    inventory   the machines, as every fabric tells them
    networks    bridges, and networks of the cluster
    tagging     our tag on a machine, and nothing touched without it
    tasks       long acts, waited for
    power       whether they run, and what forbids that
    cycles      views of their disks, by backups to a storage of ours
    site        all of that
"""

from .access import Access
from .site import PveSite

__all__ = ["Access", "PveSite"]
