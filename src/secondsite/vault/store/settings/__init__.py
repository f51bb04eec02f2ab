"""What is set for single machines.

tables   the rows
records  reads and writes those of cards
checks   reads and writes those of checks
"""

from .checks import SqlMachineChecks
from .records import SqlMachineSettings

__all__ = ["SqlMachineChecks", "SqlMachineSettings"]
