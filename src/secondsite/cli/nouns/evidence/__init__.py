"""secondsite evidence ...: see `commands`."""

from .commands import app

__all__ = ["app"]
