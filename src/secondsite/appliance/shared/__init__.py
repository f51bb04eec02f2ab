"""What both roles of an appliance use.

Its rooms:

    config     settings from its installation
    state      durable state: one SQLite file
    exclusive  a lock per machine
    findings   health findings of one machine
    withdrawn  definitions of machines that were withdrawn here
    seen/      what was seen of vaults
    ended      protections that ended here
    bandwidth  the bandwidth limit of this appliance
    peers      connections to other sites' appliances
    kept_connections  those that wait for the next cycle
    enrolled_peers  which of them the vault has enrolled
    known_vaults    where the vault's processes are
    trusted_cas     the CAs that their certificates may be of
    private    folders that nobody else on the host reads
    home_lock  one process per home
    home_reserve  room for the next start
    name_server  the DNS server that takes updates
    turns      whose work is done next
"""

from . import ended, home_reserve, private, withdrawn
from .bandwidth import Bandwidth
from .config import ApplianceConfig
from .enrolled_peers import EnrolledPeers
from .exclusive import MachineLock
from .findings import SAY_WHAT_TO_DO, WENT_OFF_LATE, Findings, code_for
from .home_lock import alone, alone_in_stores
from .known_vaults import KnownVaults
from .name_server import NameServer
from .peers import Peers
from .seen import forget_vault, numbers, records_of
from .state import State, run_key
from .trusted_cas import TrustedCas, issuer_of
from .turns import Turns

__all__ = [
    "SAY_WHAT_TO_DO",
    "WENT_OFF_LATE",
    "ApplianceConfig",
    "Bandwidth",
    "EnrolledPeers",
    "Findings",
    "KnownVaults",
    "MachineLock",
    "NameServer",
    "Peers",
    "State",
    "TrustedCas",
    "Turns",
    "alone",
    "alone_in_stores",
    "code_for",
    "ended",
    "forget_vault",
    "home_reserve",
    "issuer_of",
    "numbers",
    "private",
    "records_of",
    "run_key",
    "withdrawn",
]
