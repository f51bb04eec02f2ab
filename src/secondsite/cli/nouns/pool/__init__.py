"""secondsite pool ...

Its rooms:

    commands   make, change, show and delete pools; release what nobody has any more
"""

from .commands import app

__all__ = ["app"]
