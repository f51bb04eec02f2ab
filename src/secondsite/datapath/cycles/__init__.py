"""Cycles at rest: files in the inbox, and in the journal once they were applied.

Its rooms:

    cycle_file     one file: header, frames as they arrived, trailer
    inbox          complete cycles that wait to be applied, and parts of those under way
    journal        cycles that were applied and are kept for a while
    entry          one cycle of the journal, and the name of its file
    damage         cycles of the journal that could not be read
    firmware       the firmware state that travels with a cycle
    header_checks  checks the values of a header
"""

from . import cycle_file, firmware, header_checks, inbox
from .cycle_file import CycleDisk, CycleHeader, CycleWriter, MissedSince
from .entry import Entry
from .firmware import MOST_BYTES, FirmwareFile
from .journal import CycleJournal, Start

__all__ = [
    "MOST_BYTES",
    "CycleDisk",
    "CycleHeader",
    "CycleJournal",
    "CycleWriter",
    "Entry",
    "FirmwareFile",
    "MissedSince",
    "Start",
    "cycle_file",
    "firmware",
    "header_checks",
    "inbox",
]
