"""What both roles of an appliance use.

Its rooms:

    config                 settings from its installation
    state                  durable state: one SQLite file
    machine_lock           a lock per machine
    findings               health findings of one machine
    withdrawn_definitions  definitions of machines that were withdrawn here
    ended_protections      protections that ended here
    handed_over            what was handed over of machines that were migrated from here
    bandwidth              the bandwidth limit of this appliance
    peer_connections       connections to other sites' appliances
    enrolled_peers         which of them the vault has enrolled
    known_vaults           addresses of the vault's processes
    trusted_cas            the CAs that may have issued their certificates
    private_folders        folders that nobody else on the host reads
    home_lock              one process per home
    home_reserve           space in the home for the next start
    name_server            the DNS server that takes updates
    fair_turns             whose work a worker does next
    order_numbers          the highest numbers of orders that were seen
    open_ways              which ways into machines of drills are open here
    way_dialling           a connection to the vault for one way
    way_passing            passes bytes between one's connection to the vault and the machine
    vault_records          what a vault knew of machines that are replicated from here
"""

from . import (
    ended_protections,
    handed_over,
    home_lock,
    home_reserve,
    order_numbers,
    private_folders,
    vault_records,
    withdrawn_definitions,
)
from .bandwidth import Bandwidth
from .config import ApplianceConfig
from .enrolled_peers import EnrolledPeers
from .fair_turns import FairTurns
from .findings import AGENT_NOT_REGISTERED, CHAIN_LONG, SAY_WHAT_TO_DO, WENT_OFF_LATE, Findings, code_for
from .home_lock import alone, alone_in_stores
from .known_vaults import KnownVaults
from .machine_lock import MachineLock
from .name_server import NameServer
from .open_ways import OpenWays
from .peer_connections import Peers
from .state import HomeFull, State, merging_key, moved_key, run_key
from .trusted_cas import TrustedCas, issuer_of
from .vault_records import forget_vault
from .way_dialling import dialled
from .way_passing import Way

__all__ = [
    "AGENT_NOT_REGISTERED",
    "CHAIN_LONG",
    "SAY_WHAT_TO_DO",
    "WENT_OFF_LATE",
    "ApplianceConfig",
    "Bandwidth",
    "EnrolledPeers",
    "FairTurns",
    "Findings",
    "HomeFull",
    "KnownVaults",
    "MachineLock",
    "NameServer",
    "OpenWays",
    "Peers",
    "State",
    "TrustedCas",
    "Way",
    "alone",
    "alone_in_stores",
    "code_for",
    "dialled",
    "ended_protections",
    "forget_vault",
    "handed_over",
    "home_lock",
    "home_reserve",
    "issuer_of",
    "merging_key",
    "moved_key",
    "order_numbers",
    "private_folders",
    "run_key",
    "vault_records",
    "withdrawn_definitions",
]
