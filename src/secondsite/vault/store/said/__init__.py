"""What appliances said of machines.

Its rooms:

    statuses  documents, figures and points
    rpo       the RPO series
"""

from .rpo import SqlRpoBlocks
from .statuses import SqlStatuses

__all__ = ["SqlRpoBlocks", "SqlStatuses"]
