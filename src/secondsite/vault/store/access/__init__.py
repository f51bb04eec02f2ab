"""Who may talk to the vault.

Its rooms:

    tokens         access tokens of people and programs
    sessions       sessions of whoever logged in
    known_secrets  a cache of what secrets open
"""

from .known_secrets import Change, KnownSecrets
from .sessions import OpenSession, SessionRecord, Sessions
from .tokens import TokenRecord, Tokens

__all__ = [
    "Change",
    "KnownSecrets",
    "OpenSession",
    "SessionRecord",
    "Sessions",
    "TokenRecord",
    "Tokens",
]
