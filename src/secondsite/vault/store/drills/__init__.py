"""Test failovers that the vault starts.

tables   the rows
records  reads and writes them
"""

from .records import SqlDrillSchedules

__all__ = ["SqlDrillSchedules"]
