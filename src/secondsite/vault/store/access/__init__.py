"""Who may talk to the vault.

Its rooms:

    tokens          access tokens of people and programs
    people          people who log in with a name
    holders         both of them
    sessions        sessions of whoever logged in
    login_requests  command lines that wait for somebody's approval
    key_challenges  what security keys are asked, each once
    providers       providers of OpenID Connect, and log-ins on their way to one
    known_secrets   a cache of what secrets open
"""

from .holders import HolderRecord, Holders
from .key_challenges import KeyChallenge, KeyChallenges
from .known_secrets import Change, KnownSecrets
from .login_requests import LoginRequestRecord, LoginRequests
from .people import PEOPLE_LOCK, People, PersonRecord
from .providers import ProviderLogin, ProviderLogins, ProviderRecord, Providers
from .sessions import OpenSession, SessionRecord, Sessions
from .tokens import TokenRecord, Tokens

__all__ = [
    "PEOPLE_LOCK",
    "Change",
    "HolderRecord",
    "Holders",
    "KeyChallenge",
    "KeyChallenges",
    "KnownSecrets",
    "LoginRequestRecord",
    "LoginRequests",
    "OpenSession",
    "People",
    "PersonRecord",
    "ProviderLogin",
    "ProviderLogins",
    "ProviderRecord",
    "Providers",
    "SessionRecord",
    "Sessions",
    "TokenRecord",
    "Tokens",
]
