"""The rig with a first site of machines that have agents."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Self

from rig import bridges, processes
from rig.sites import Rig, SiteName
from secondsite.appliance.shared import ApplianceConfig
from secondsite.fabrics.agent.link import Record, Registry


class AgentSites(Rig):
    """Site a has no hypervisor: its appliance protects machines by their agents. Site b has the fabric that
    is given."""

    def __init__(
        self, fabric: Literal["libvirt", "simulated"], folder: Path | None = None, forked: bool = False,
        registers_seconds: float | None = None,
    ) -> None:  # fmt: skip
        """`registers_seconds`: so long agents have at site b, before that is a finding; None: no agent may
        call there. Real guests on its bridge get addresses then, and reach this host."""
        self.agents_port, self._registers_seconds = processes.free_port(), registers_seconds
        agents = ["--fabric", "agent", "--uri", f"127.0.0.1:{self.agents_port}"]
        super().__init__(fabric, folder, appliance_options={"a": agents}, forked=forked)
        if registers_seconds is not None:
            self._options["b"] = self._port_for_agents()

    def open(
        self,
        say: Callable[[str], None] = lambda _: None,
        furnish: Callable[[SiteName], None] = lambda _: None,
    ) -> Self:
        """Vault, two sites with an appliance each, and a bridge for the machines at site b."""
        self._init_vault()
        self.vault.start()
        with self.client() as vault:
            for site in ("a", "b"):
                vault.sites.create(site)
                self._enroll(vault, site, site)
                self._hurry(site)
                if site == "b":
                    self._connect()
                self.appliances[site].start()
            self.wait_connected()
            vault.pairs.set("a", "b", reverse_after_commit=False)
        return self

    def _port_for_agents(self) -> list[str]:
        port, agents = processes.free_port(), processes.free_port()
        if self.fabric == "simulated":
            return ["--agents", f"127.0.0.1:{agents}"]
        own = bridges.subnet(self.tag)[1]
        return ["--listen", f"{own}:{port}", "--advertise", f"{own}:{port}", "--agents", f"{own}:{agents}"]

    def _connect(self) -> None:
        self._make_bridge("b")
        if self.fabric == "libvirt" and self._registers_seconds is not None:
            bridges.join(self.bridge("b"), bridges.subnet(self.tag))
            bridges.serve(self.folder, self.bridge("b"), bridges.subnet(self.tag))

    def _hurry(self, site: str) -> None:
        if self._registers_seconds is not None:
            config = ApplianceConfig.load(self.home(f"appliance-{site}"))
            config.model_copy(update={"agent_registers_seconds": self._registers_seconds}).save()

    def agents(self, site: SiteName = "a") -> Sequence[Record]:
        """All that were enrolled at a site, or came there with their machines."""
        return Registry(self.home(f"appliance-{site}") / "agents").records.all()

    def agent_key(self, agent_id: str | None = None, kind: Literal["machine", "rescue"] = "machine") -> str:
        """A registration key for one more machine, or for one that is known."""
        return Registry(self.home("appliance-a") / "agents").new_key(agent_id=agent_id, kind=kind)
