"""Recovery plans.

tables      the rows
repository  reads and writes them
"""

from .repository import SqlPlans

__all__ = ["SqlPlans"]
