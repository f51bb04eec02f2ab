"""Reads what documents refer to, if one does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...wire import rest
from ...wire.rest.places import SiteMachines, SiteNetworks
from ..vault import Vault
from .comparing import Action, Change
from .kinds import CardsDocument, MappingDocument, PoolDocument


@dataclass(slots=True)
class References:
    """What documents refer to: sites, networks, unprotected machines; read only if a document needs it."""

    sites: frozenset[str] = frozenset()
    networks: Mapping[str, SiteNetworks] = field(default_factory=dict)
    unprotected: Mapping[str, SiteMachines] = field(default_factory=dict)
    appliances: Sequence[rest.Appliance] = ()


def around(vault: Vault, changes: Sequence[Change]) -> References:
    """What these changes refer to."""
    wanted = [each.wanted for each in changes]
    found = References(sites=frozenset(each.name for each in vault.sites.list()))
    if any(isinstance(each, MappingDocument | CardsDocument | PoolDocument) for each in wanted):
        found.networks = {each.site: each for each in vault.networks.list()}
    if any(each.key[0] == "protection" and each.action is Action.CREATE for each in changes):
        found.unprotected = {each.site: each for each in vault.machines.discovered()}
        found.appliances = vault.appliances.list()
    return found
