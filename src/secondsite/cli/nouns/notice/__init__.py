"""secondsite notice ...

Its rooms:

    commands  the commands
    options   their options, and the settings that they make
    tables    how targets are shown
"""

from .commands import app

__all__ = ["app"]
