"""OpenID Connect, as far as a log-in needs it: the code flow with PKCE.

What it loads for that comes with the first log-in. Its rooms:

    fetching   a provider is asked, within a time and for a short answer
    discovery  what a provider says of itself, and its keys
    flow       the address that a browser is sent to, and what its code is exchanged for
    id_tokens  whether a provider signed this
"""

from .discovery import Discovery
from .fetching import require_certificates
from .flow import Exchange, Started, claims_of, require_issuer, start

__all__ = [
    "Discovery",
    "Exchange",
    "Started",
    "claims_of",
    "require_certificates",
    "require_issuer",
    "start",
]
