"""secondsite evidence ...

commands  the commands
page      the page for people
"""

from .commands import app

__all__ = ["app"]
