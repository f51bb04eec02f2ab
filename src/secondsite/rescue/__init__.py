"""Starts machines from a store when vault, first site and appliance are gone: one file, Python's standard
library and QEMU.

`bundle` packs this room into that file, which every appliance keeps beside its replicas. So nothing here
imports anything of ours from outside, and nothing that a bare Python has not.

Its rooms:

    main           what a person types
    commands       one function for each command
    output         tables and sentences
    copies         which store is a copy of another one
    store          what lies in a store: machines, points, what their vault said of them
    checking       whether the files of a point are whole
    comparing/     whether a point holds what was sealed
    choosing       which point is meant
    leasing        overlays to run on, recorded where an appliance finds them
    starting       a machine is started, stopped, or what it wrote is given up
    running/       a machine runs: by plain QEMU, or by libvirt
    store_notes    what was done is written down
    plans          the machines of a recovery plan, in its order
    keys           the key of an encrypted store
    files          files that survive a power cut, and notice their damage
    problems       what goes wrong, and what to do then
    terminal_text  text that others wrote, as a terminal shows it
    bundle         this room as one file
"""

from .bundle import NAME, bundle
from .choosing import PROVEN
from .files import signed, trusted
from .store import CONFIGURATION, GRADES, RECORD, RESERVE, RUN, START, read
from .store_notes import last_start

__all__ = [
    "CONFIGURATION",
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
