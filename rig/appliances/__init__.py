"""Sites that replicate simulated machines without a vault: orders are given by hand.

`Site` runs its appliance in this process, `SiteProcess` in one of its own (`TwoSites` are two of them), and
`Kept` one that is killed and started again under a `TinyVault`. A `Pair` is a machine that is protected from
one to another.
"""

from rig.appliances.kept import Kept
from rig.appliances.pair import EncryptedPair, Pair, policy
from rig.appliances.simulated_site import DISK_BYTES, SimulatedSite
from rig.appliances.site import Site
from rig.appliances.site_process import HERE, Place, SiteProcess
from rig.appliances.tiny_vault import TinyVault
from rig.appliances.two_sites import TwoSites

__all__ = [
    "DISK_BYTES",
    "HERE",
    "EncryptedPair",
    "Kept",
    "Pair",
    "Place",
    "SimulatedSite",
    "Site",
    "SiteProcess",
    "TinyVault",
    "TwoSites",
    "policy",
]
