"""What is set for single machines.

tables   the rows
records  reads and writes those of cards
checks   reads and writes those of checks
properties  reads and writes those of names, vCPUs and memory
"""

from .checks import SqlMachineChecks
from .properties import SqlMachineProperties
from .records import SqlMachineSettings

__all__ = ["SqlMachineChecks", "SqlMachineProperties", "SqlMachineSettings"]
