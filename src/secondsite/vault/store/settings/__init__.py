"""What is set for single machines.

tables   the rows
records  reads and writes them
"""

from .records import SqlMachineSettings

__all__ = ["SqlMachineSettings"]
