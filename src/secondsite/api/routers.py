"""Routers with the dependencies that all calls share; their routes are built once, as the application serves
them.

A router that is included makes FastAPI build all of its routes a second time at the first request: that took
0.4 s of processor time of a vault that had just started.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Depends
from starlette.routing import BaseRoute

from . import access, failures
from .permissions import BASE

PERMITTED, NAMED = Depends(access.permitted), Depends(access.named)


def guarded(tag: str) -> APIRouter:
    """A router for calls that need a token with their permission."""
    return APIRouter(prefix=BASE, tags=[tag], dependencies=[PERMITTED], responses=failures.ANSWERS)


def open_to_all(tag: str) -> APIRouter:
    """A router for calls without a token."""
    return APIRouter(prefix=BASE, tags=[tag], dependencies=[NAMED], responses=failures.ANSWERS)


def routes(guarded_ones: Sequence[APIRouter], open_ones: Sequence[APIRouter]) -> list[BaseRoute]:
    """The routes of all these routers. Raises TypeError for a router that is neither guarded nor open: its
    callers would not be authenticated."""
    for needs, routers in ((PERMITTED, guarded_ones), (NAMED, open_ones)):
        for router in routers:
            if needs not in router.dependencies or router.prefix != BASE:
                raise TypeError(f"The router of {router.tags} was not made by 'guarded' or 'open_to_all'.")
    return [route for router in (*open_ones, *guarded_ones) for route in router.routes]
