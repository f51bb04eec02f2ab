"""The REST face of the vault: HTTP in, the facade's words out, errors mapped to HTTP in one place.

Its rooms:

    guard            what comes before all: who asks, then the body
    bodies           the bounded body
    access           who asks
    permissions      what each call needs
    replay_approved  a request that was kept is asked again
    headers          where a job is, which edition was seen, what is to be done once
    pages            lists of named records
    failures         every error as an ErrorBody
    prerendered      answers that are written once
    following/       streams of what changes
    fast_path        the two calls that are asked most, without the framework
    routers          what all routes share
    routes/          per noun
    app              all of it together
"""

from .app import create

__all__ = ["create"]
