"""The shapes that cross a process border, with their version. Unknown fields are ignored, and what was added has a default, so vault and
appliances may be two releases apart.

    rest       between the vault and its clients
    control    between the vault and its appliances
    common     what both carry
"""

from ..ground.protocols import Spoken

RELEASES_APART = 2
PROTOCOL_VERSION = 2
"""Of the control protocol. It rises by one with every release; that of 2026-11-20 was the first."""
SPOKEN = Spoken(max(1, PROTOCOL_VERSION - RELEASES_APART), PROTOCOL_VERSION)
