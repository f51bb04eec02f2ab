"""`secondsite vault join`: one more process of a vault, on another host.

Its rooms:

    acts      a home is made for it
    commands  how a person asks for it
"""

from .commands import vault_join

__all__ = ["vault_join"]
