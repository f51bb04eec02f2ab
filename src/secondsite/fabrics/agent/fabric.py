"""The fabric `agent`: all protocols over the agents that are enrolled at this appliance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from ...datapath.encryption import EncryptionKey
from ...ground.periodic import Every
from ..interface import Properties
from .at_home import AgentsAtHome
from .calling import AgentCalling
from .common_pause import AgentCommonPause
from .conversation import Agents
from .homecoming import AgentHosting
from .inventory import KIND, AgentInventory
from .last_views import LastViews
from .link import Agents as LinkedAgents
from .nothing_here import (
    NoAddressing,
    NoEntering,
    NoFirmware,
    NoNetworks,
    NoReach,
    NoScripting,
    NoSettling,
    NoSight,
)
from .power import AgentPower
from .records import Records
from .recovered import listening
from .rescued import RescuedDisks
from .tracking import AgentTracking

LOOK_SECONDS = 2.0
AGENTS = "agents"
"""The folder in an appliance's home for what is known of agents."""

log = structlog.get_logger(__name__)


class AgentFabric:
    """One site of machines with agents."""

    def __init__(
        self,
        agents: Agents,
        folder: Path,
        close: Callable[[], None],
        key: EncryptionKey | None = None,
    ) -> None:
        records = Records(folder / "machines")
        agents = self._at_home = AgentsAtHome(agents, records)
        agents.tell_apart(agents.hardware)
        self._rescued = RescuedDisks(folder / "rescued", agents)
        self._rescued.start()
        self.properties = Properties(
            kind=KIND,
            accelerated=False,
            networks=False,
            hosts=False,
            may_miss_writes=True,
            lists="secondsite appliance agents list",
            notes=("Machines are protected from here by agents inside; none runs here.",),
        )
        self.inventory = AgentInventory(agents, records, self._rescued.path)
        last_views = LastViews(agents, records, folder / "last")
        self._last_views = last_views
        hosting = AgentHosting(agents, records, last_views, self._rescued, folder / "merge", key)
        self.power = AgentPower(agents, records, last_views, hosting)
        self.tracking = AgentTracking(agents, records, last_views)
        self.common_pause = AgentCommonPause(agents)
        self.hosting = hosting
        self.firmware, self.settling, self.networks = NoFirmware(), NoSettling(), NoNetworks()
        self.seeing, self.reaching, self.addressing = NoSight(), NoReach(), NoAddressing()
        self.entering = NoEntering()
        self.scripting = NoScripting()
        self.calling = AgentCalling(agents, records)
        self._close = close
        self._looking = Every("rescued-machines", LOOK_SECONDS, hosting.look, _tell_failure)
        self._giving_back = Every("last-views", LOOK_SECONDS, last_views.look, _tell_failure)
        self._looking.start()
        self._giving_back.start()

    def asks_first(self, look: Callable[[str], bool]) -> None:
        """Before this nobody is answered."""

        def forbids(agent_id: str, product: str) -> str | None:
            known = self._at_home.forbids(agent_id, product)
            if known:
                return known
            return self._at_home.forbids(agent_id, product) if look(agent_id) else None

        self._at_home.answer_fences(forbids)

    def also_enters(self, folders: Callable[[], Sequence[Path]]) -> None:
        """Nobody is kept out of any folder."""

    def close(self) -> None:
        """Agents are left; they call again."""
        self._looking.stop()
        self._giving_back.stop()
        self._last_views.close()
        self._rescued.stop()
        self._close()


def _tell_failure(problem: Exception) -> None:
    log.warning("agents.look-failed", problem=str(problem))


def open_fabric(uri: str, work_dir: Path, home: Path, key: EncryptionKey | None = None) -> AgentFabric:
    """The agents that call at `uri`, HOST:PORT. Raises InvalidArgument, and FabricError if the port is
    taken."""
    agents = LinkedAgents(home / AGENTS, listening(uri))
    fabric = AgentFabric(agents, work_dir, agents.close, key)
    agents.start()
    return fabric
