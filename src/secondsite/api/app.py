"""The application: all routes under /api, one way to fail."""

from fastapi import Depends, FastAPI

from ..vault.facade import VaultFacade
from . import access, failures, groups, jobs, machines, places, policies

BASE = "/api"


def create(vault: VaultFacade, version: str) -> FastAPI:
    """The REST face of `vault`."""
    app = FastAPI(
        title="secondsite",
        version=version,
        docs_url=f"{BASE}/docs",
        redoc_url=None,
        openapi_url=f"{BASE}/openapi.json",
        responses=failures.ANSWERS,
    )
    app.state.vault = vault
    failures.install(app)
    app.include_router(places.open_router, prefix=BASE)
    for router in (places.router, policies.router, machines.router, groups.router, jobs.router):
        app.include_router(router, prefix=BASE, dependencies=[Depends(access.caller)])
    return app
