"""secondsite notice ...

Its rooms:

    commands  the commands
    options   their options
    settings  a target's settings from these options
    tables    how targets are shown
"""

from .commands import app

__all__ = ["app"]
