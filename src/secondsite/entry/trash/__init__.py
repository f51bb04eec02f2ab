"""`secondsite appliance trash`: deleted history, at its own host.

Its rooms:

    acts      what a person there may do with it
    commands  how that is typed
"""

from .commands import app

__all__ = ["app"]
