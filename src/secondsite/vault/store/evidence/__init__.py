"""Evidence of failovers and drills.

tables     the rows
records    reads and writes evidence
run_times  the same of what runs took
"""

from .records import SqlEvidence
from .run_times import SqlRunTimes

__all__ = ["SqlEvidence", "SqlRunTimes"]
