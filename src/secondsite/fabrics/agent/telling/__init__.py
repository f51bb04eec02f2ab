"""What an agent tells of its machine, and what follows from it.

Nothing of it is believed further than its shape: who has the machine has the agent's key.

Its rooms:

    words       what a word, a path or a device may look like
    cards       network cards
    kernels     installed kernels, and the drivers that each boots with
    looks       what its operator should know before the hour of need
    machine     all of it
    reading     takes it from an answer
    hardware    the hardware that its system boots from, and what speaks against its start
    definition  the machine as it is defined elsewhere
"""

from .definition import definition
from .hardware import hardware, obstacles, sight, system
from .looks import Looks
from .machine import ToldMachine
from .reading import read

__all__ = ["Looks", "ToldMachine", "definition", "hardware", "obstacles", "read", "sight", "system"]
