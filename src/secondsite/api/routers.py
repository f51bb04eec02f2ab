"""Routers, with what all calls share: their routes are made once, as the application serves them.

A router that is included makes FastAPI build all of its routes a second time, when the first request comes: that took a vault that had
just started 0.4 s of its processor.
"""

from fastapi import APIRouter, Depends

from . import access, failures
from .permissions import BASE


def guarded(tag: str) -> APIRouter:
    """For calls that need a token with their permission."""
    return APIRouter(
        prefix=BASE, tags=[tag], dependencies=[Depends(access.permitted)], responses=failures.ANSWERS
    )


def open_to_all(tag: str) -> APIRouter:
    """For calls without a token."""
    return APIRouter(
        prefix=BASE, tags=[tag], dependencies=[Depends(access.named)], responses=failures.ANSWERS
    )
