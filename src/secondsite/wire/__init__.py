"""The shapes that cross a process border, with their version. Unknown fields are ignored, and what was added
has a default, so vault and appliances may be two releases apart.

    rest       between the vault and its clients
    control    between the vault and its appliances
    common     what both carry
"""
