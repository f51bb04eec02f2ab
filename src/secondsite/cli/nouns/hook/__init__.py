"""secondsite hook ...

Its rooms:

    commands   set, show and clear hooks
"""

from .commands import app

__all__ = ["app"]
