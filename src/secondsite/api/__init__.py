"""The REST face of the vault: HTTP in, the facade's words out, errors mapped to HTTP in one place.

Its rooms:

    access      who asks
    failures    every error as an ErrorBody
    places, policies, machines, jobs    routes, per noun
    events      a job's tree as server-sent events
    app         all of it together
"""

from .app import create

__all__ = ["create"]
