"""The shapes that cross a process border, with their version. Unknown fields are ignored, so neighbours may differ
by one version.

    rest       between the vault and its clients
    control    between the vault and its appliances
    common     what both carry
"""

PROTOCOL_VERSION = 1
