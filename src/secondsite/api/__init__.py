"""The REST API of the vault: translates HTTP into calls of the facade, and errors into HTTP answers.

Its rooms:

    guard            authentication of every request, before its body is read
    bodies           reads request bodies, bounded in size and time
    credentials      the token or the session that a request shows
    access           the caller of a request, and whether the call is permitted
    permissions      the permission that each call needs
    replay_approved  carries out a request that was kept for approval
    headers          Location, ETag, If-Match and Idempotency-Key
    pages            pages of named records
    failures         every error as an ErrorBody
    prerendered      answers that are written as JSON once
    following/       streams of events
    way_answer       the answer that is a way into a drill's machine, and what requests say to it
    fast_path        the two most frequent calls, without the framework
    built_pages      pages that were built before, in front of everything else
    console          the web console, as such pages
    manual           the manual, as such pages
    routers          what all routes share
    routes/          the routes, by noun
    app              the application
"""

from .app import create

__all__ = ["create"]
