"""What appliances said of machines.

Its rooms:

    statuses  documents and figures
    points    a row for each
    rpo       the RPO series
"""

from .rpo import SqlRpoBlocks
from .statuses import SqlStatuses

__all__ = ["SqlRpoBlocks", "SqlStatuses"]
