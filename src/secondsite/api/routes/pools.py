"""Routes: address pools of the sites' networks."""

from http import HTTPStatus

from fastapi import Response

from ...wire.rest import pools as rest
from ..access import Vault
from ..headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..routers import guarded
from .names import Address, PoolName

router = guarded("networks")


@router.get("/pools")
def list_pools(vault: Vault, paging: Paging) -> rest.AddressPoolPage:
    """Address pools, by name, and the machines that have their addresses."""
    items, following = by_name(vault.pools.list(), paging)
    return rest.AddressPoolPage(items=items, next=following)


@router.post("/pools", status_code=HTTPStatus.CREATED, responses=answers(HTTPStatus.CREATED, LOCATION, ETAG))
def create_pool(
    vault: Vault, response: Response, once: OnceHeader, request: rest.AddressPoolCreate
) -> rest.AddressPool:
    """Creates a pool of addresses of a site's network, for machines that are failed over there."""
    made = tag(response, vault.pools.create(request, once))
    locate(response, "pools", made.name)
    return made


@router.get("/pools/{pool}", responses=answers(HTTPStatus.OK, ETAG))
def show_pool(vault: Vault, response: Response, pool: PoolName) -> rest.AddressPool:
    """One pool, and the machines that have its addresses."""
    return tag(response, vault.pools.show(pool))


@router.put("/pools/{pool}", responses=answers(HTTPStatus.OK, ETAG))
def update_pool(
    vault: Vault, response: Response, pool: PoolName, seen: IfMatch, request: rest.AddressPoolChange
) -> rest.AddressPool:
    """Replaces all settings of a pool; addresses that machines have have to stay in it."""
    return tag(response, vault.pools.update(pool, request, seen))


@router.delete("/pools/{pool}", status_code=HTTPStatus.NO_CONTENT)
def delete_pool(vault: Vault, pool: PoolName, seen: IfMatch) -> None:
    """Deletes a pool of which no machine has an address."""
    vault.pools.delete(pool, seen)


@router.delete("/pools/{pool}/addresses/{address}")
def release_address(vault: Vault, pool: PoolName, address: Address) -> rest.AddressPool:
    """Frees an address that a machine had when its protection ended, once nothing uses it any more."""
    return vault.pools.release(pool, address)
