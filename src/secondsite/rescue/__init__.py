"""Starts machines from a store when vault, first site and appliance are gone: one file, Python's standard
library and QEMU.

`bundle` packs this room into that file, which every appliance keeps beside its replicas. So nothing here
imports any other room, or anything that is not in Python's standard library.

Its rooms:

    main           the command line
    commands       one function for each command
    output         tables and sentences
    copies         recognizes a store that is a copy of another one
    store          what is in a store: machines, points, and their vault's data
    checking       checks that the files of a point are whole
    comparing/     checks that a point has the content that was sealed
    choosing       finds the point that was asked for
    owners         whose a replica is where hosts share a store, and how it is taken over
    exporting      writes a point as image files
    leasing        overlays to run on, recorded where an appliance finds them
    stand_ins      disks that stand in for those that were left out
    starting       starts and stops machines, and discards what they wrote
    running/       runs a machine, by plain QEMU or by libvirt
    store_notes    records what was done
    plans          the machines of a recovery plan, in its order
    keys           the key of an encrypted store
    files          files that survive a power cut, and notice their damage
    problems       the error, with what to do
    terminal_text  text that others wrote, as a terminal shows it
    bundle         this room as one file
"""

from .bundle import NAME, bundle
from .choosing import PROVEN
from .files import signed, trusted
from .store import CONFIGURATION, ENDED, GRADES, RECORD, RESERVE, RUN, START, read
from .store_notes import last_start

__all__ = [
    "CONFIGURATION",
    "ENDED",
    "GRADES",
    "NAME",
    "PROVEN",
    "RECORD",
    "RESERVE",
    "RUN",
    "START",
    "bundle",
    "last_start",
    "read",
    "signed",
    "trusted",
]
