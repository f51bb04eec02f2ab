"""`secondsite vault ca ...`: the vault's certificate authority is replaced by another one.

Its rooms:

    acts      what is done, at the vault's host
    commands  how a person asks for it
"""

from .commands import app

__all__ = ["app"]
