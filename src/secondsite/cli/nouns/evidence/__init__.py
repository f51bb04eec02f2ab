"""secondsite evidence ...

commands  the commands
files     the files that they write, and verify
page      the page for people
"""

from .commands import app

__all__ = ["app"]
