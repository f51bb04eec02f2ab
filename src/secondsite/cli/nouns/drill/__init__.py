"""secondsite drill ...

Its rooms:

    commands   run now
    schedules  what is started by the vault: set, list, show, pause, resume, remove
"""

from .commands import app

__all__ = ["app"]
