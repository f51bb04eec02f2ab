"""Recovery plans.

tables   the rows
records  reads and writes them
"""

from .records import SqlPlans

__all__ = ["SqlPlans"]
