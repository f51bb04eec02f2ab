"""Two sites on one machine: a vault and two appliances as processes of their own, with real or simulated fabrics.

Used by the demo, the end-to-end tests, the benchmarks and the chaos runs. Everything lies in one folder; `close`
leaves nothing behind: no process, no guest, no bridge, no file.
"""

from .machines import GuestMachine
from .sites import Rig, SiteName

__all__ = ["GuestMachine", "Rig", "SiteName"]
