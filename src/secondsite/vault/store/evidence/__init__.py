"""Evidence of failovers and drills.

tables   the rows
records  reads and writes them
"""

from .records import SqlEvidence

__all__ = ["SqlEvidence"]
