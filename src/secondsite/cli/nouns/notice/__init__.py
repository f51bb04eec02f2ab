"""secondsite notice ...

Its rooms:

    commands  what is typed
    options   with which options
    settings  what these make of a target
    tables    how a target is shown
"""

from .commands import app

__all__ = ["app"]
