"""The REST face of the vault: HTTP in, the facade's words out, errors mapped to HTTP in one place.

Its rooms:

    access         who asks
    headers        where a job is, which edition was seen, what is to be done once
    pages          lists of named records
    failures       every error as an ErrorBody
    event_streams  changes, awaited in the event loop
    routes/        per noun
    app            all of it together
"""

from .app import create

__all__ = ["create"]
