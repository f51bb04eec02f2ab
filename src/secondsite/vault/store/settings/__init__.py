"""What is set for single machines.

tables   the rows
records  reads and writes those of cards
checks   reads and writes those of checks
hooks    reads and writes those of hooks
properties  reads and writes those of names, vCPUs and memory
"""

from .checks import SqlMachineChecks
from .hooks import SqlMachineHooks
from .properties import SqlMachineProperties
from .records import SqlMachineSettings

__all__ = ["SqlMachineChecks", "SqlMachineHooks", "SqlMachineProperties", "SqlMachineSettings"]
