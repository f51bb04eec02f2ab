"""One appliance process: its parts, in the order in which they start and stop."""

import platform
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from .. import __version__
from ..datapath import transfer
from ..datapath.channel import Connection, Listener
from ..domain import errors
from ..fabrics.calling import AgentCalls
from ..fabrics.interface import Fabric
from ..ground.periodic import Every
from ..ground.processes import malloc
from ..wire.control import Hello, Order, Report
from .agents import AgentWatch, Ports, Telling
from .control import Control, HostCapacityWatch, OrderDesk, Renewal, Reporter
from .groups import Groups
from .orders import (
    ApplianceParts,
    HostTrial,
    WithdrawnShutdowns,
    forget_moved,
    look_at_addresses,
    look_at_chains,
    look_at_descriptions,
    mend_networks,
    remove_left_over,
    serve_again,
)
from .shared import ApplianceConfig, Bandwidth, EnrolledPeers, KnownVaults, Peers, State, TrustedCas
from .source import Replication
from .target import (
    Admission,
    Applier,
    Custody,
    IdleDisks,
    PowerWatch,
    ReplicaHost,
    Scrubber,
    SecondCopies,
    Seeds,
    SharedStoresWatch,
)

LEFT_OVER_SECONDS = 60.0
"""How often the removal of copies that were only inspected is tried again, after it failed."""
CHAINS_SECONDS = 300.0
ADDRESSES_SECONDS = 60.0
DESCRIPTIONS_SECONDS = 10.0
NETWORKS_SECONDS = 5.0
"""How often it is seen to that networks over several hosts are whole: a firewall that is loaded anew flushes
the rules of who may send to them. A look takes 23 ms of processor for each network, and nothing without."""
log = structlog.get_logger(__name__)


class Appliance:
    """The agent of a site. The caller owns the fabric and closes it."""

    def __init__(
        self, config: ApplianceConfig, fabric: Fabric, custody: Custody | None = None,
        agent_calls: Callable[[], AgentCalls] | None = None,
    ) -> None:  # fmt: skip
        """`custody` holds the key that the fabric opens encrypted disks with, too. `agent_calls`
        opens the port for agents of machines that were moved here."""
        config.make_folders()
        self.config = config
        self.fabric = fabric
        self.state = State(config.state_file)
        self.enrolled_peers = EnrolledPeers(self.state)
        self.peers = Peers(config, self.enrolled_peers.admits)
        self.trusted_cas = TrustedCas(self.peers.tls)
        self.known_vaults = KnownVaults(self.state, config.control_url)
        self.bandwidth = Bandwidth(self.state, self.peers.limiter, config.bandwidth_bytes_per_second)
        self.renewal = Renewal(
            self.peers.tls, config.appliance_id, self._use_new_certificate, config.certificate_check_seconds
        )
        self.listener: Listener | None = None
        self.replication = Replication(config, fabric, self.state, self.peers)
        self.groups = Groups(fabric, self.state, self.replication, self.peers, config.appliance_id)
        self.host = ReplicaHost(config, self.state, custody or Custody())
        fabric.also_enters(self.host.stores.entered)
        fabric.asks_first(self.replication.ask_target)
        self.work = Applier(self.host, config.appliers)
        self.resting = IdleDisks(self.host)
        self.power_watch = PowerWatch(fabric, self.host, self.state)
        self.second_copies = SecondCopies(fabric, self.host, self.state)
        self.scrubber = Scrubber(config, self.host, self.work)
        self.admission = Admission(self.host, self.work, config.inbox_budget_bytes, self.state)
        self.seeds = Seeds(config)
        self.ports = Ports(agent_calls, tuple(each.rpartition(":")[0] for each in self.data_addresses))
        parts = ApplianceParts(
            config, fabric, self.state, self.peers, self.enrolled_peers, self.trusted_cas, self.known_vaults,
            self.bandwidth, self.replication, self.groups, self.host, self.work,
            self.seeds, self.ports,
        )  # fmt: skip
        self.ways = parts.ways
        self.desk = OrderDesk(parts, config.orders_at_once)
        self.left_over = Every(
            "left-over-copies",
            LEFT_OVER_SECONDS,
            lambda: remove_left_over(parts),
            lambda error: log.error("boot.not-looked", exc_info=error),
        )
        self.chains = Every(
            "live-chains",
            CHAINS_SECONDS,
            lambda: look_at_chains(self.fabric, self.replication, self.host),
            lambda error: log.error("chains.not-looked", exc_info=error),
        )
        self.addresses = Every(
            "given-addresses",
            ADDRESSES_SECONDS,
            lambda: look_at_addresses(self.fabric, self.state, self.host),
            lambda error: log.error("addresses.not-looked", exc_info=error),
        )
        self.descriptions = Every(
            "start-descriptions",
            DESCRIPTIONS_SECONDS,
            lambda: look_at_descriptions(parts),
            lambda error: log.error("keeping.not-looked", exc_info=error),
        )
        self.shared_stores = SharedStoresWatch(
            self.host, self.state, lambda machine_id: forget_moved(parts, machine_id)
        )
        self.capacity = HostCapacityWatch(fabric, self.shared_stores, config.scratch, config.drill_segment)
        self.networks = Every(
            "networks-over-hosts",
            NETWORKS_SECONDS,
            lambda: mend_networks(self.state, fabric, config.drill_segment),
            lambda error: log.error("network.not-looked", exc_info=error),
        )
        self.agents = AgentWatch(
            fabric, self.state, self.ports, self.host, self.replication,
            config.agent_registers_seconds,
        )  # fmt: skip
        self.telling = None if fabric.calling is None else Telling(
            fabric.calling, self.peers, self.replication.sources
        )  # fmt: skip
        self.taken_back = WithdrawnShutdowns(parts)
        self.host_trial = HostTrial(parts, self._tell_notes)
        self.control: Control | None = None

    def start(self) -> None:
        """Open the data port, resume all machines, dial the vault."""
        malloc.keep_for_reuse()
        self.bandwidth.start()
        self.host.start()
        self._tell_host()
        self.seeds.start()
        self.work.start()
        self.resting.start()
        self.scrubber.start()
        self.power_watch.start()
        self.second_copies.start()
        self.listener = Listener(
            self.config.listen_host, self.config.listen_port, self.peers.tls, self._serve_peer,
            admits=self.enrolled_peers.admits, idle_seconds=self.config.peer_idle_seconds,
            limiter=self.peers.limiter,
        ).start()  # fmt: skip
        self.trusted_cas.changed = self._use_new_cas
        self.enrolled_peers.changed = self._look_at_peers_again
        self.replication.start()
        self.groups.start()
        serve_again(self.state, self.fabric)
        self.networks.look_now()
        self.networks.start()
        self.left_over.look_now()
        self.left_over.start()
        self.ports.look()
        self.agents.start()
        if self.telling is not None:
            self.telling.start()
        self.taken_back.start()
        self.chains.start()
        self.addresses.start()
        self.descriptions.start()
        self.shared_stores.start()
        self.capacity.start()
        if self.fabric.properties.hosts:
            self.host_trial.start()
        if self.config.control_url is not None:
            self.control = Control(
                self.known_vaults, self.peers.tls, self.desk, self.renewal, self._hello,
                lambda changes: Reporter(
                    self.replication, self.host, self.desk.generations, changes,
                    capacity=lambda: self.capacity.latest,
                ),
            )  # fmt: skip
            self.known_vaults.became_several = (
                self.control.dial_again
            )  # a silent one is left early from now on
            self.control.start()
        log.info("appliance.started", site=self.config.site, name=self.config.name, port=self.listener.port,
                 at=datetime.now(UTC).isoformat())  # fmt: skip

    def _tell_host(self) -> None:
        try:
            self.fabric.hosting.starts_for(self.config.appliance_id)
        except errors.SecondsiteError as problem:
            log.error("veto.not-told", problem=problem.message)

    def stop(self, deadline_seconds: float = 20) -> None:
        """End within about `deadline_seconds`; work in progress continues after the next start."""
        ends_at = time.monotonic() + deadline_seconds

        def left() -> float:
            return max(0.5, ends_at - time.monotonic())

        self.desk.stop()
        self.ways.close_all()
        self.left_over.stop(0.2)
        self.taken_back.stop(0.2)
        self.agents.stop(0.2)
        self.ports.close()
        if self.telling is not None:
            self.telling.stop(0.2)
        self.chains.stop(0.2)
        self.addresses.stop(0.2)
        self.descriptions.stop(0.2)
        self.shared_stores.stop(0.2)
        self.capacity.stop(0.2)
        self.networks.stop(0.2)
        self.host_trial.stop(0.2)
        if self.control is not None:
            self.control.stop(min(5, left()))
        self.replication.interrupt()
        self.groups.stop(left())
        self.replication.stop(left())
        self.peers.kept.drop()
        if self.listener is not None:
            self.listener.stop(left())
        self.power_watch.stop(0.2)
        self.second_copies.stop(0.2)
        self.scrubber.stop(left())
        self.resting.stop(left())
        self.work.stop(left())
        self.seeds.stop(left())
        self.host.stop()
        self.bandwidth.stop(left())
        self.state.close()
        log.info("appliance.stopped", site=self.config.site, name=self.config.name)

    def run(self, ended: threading.Event) -> None:
        """Start, work until `ended` is set (by a signal handler), stop."""
        self.start()
        ended.wait()
        self.stop()

    def perform(self, order: Order) -> Report:
        """Perform an order now, as if the vault had sent it."""
        return self.state.report(order.order_id) or self.desk.perform(order)

    @property
    def data_addresses(self) -> tuple[str, ...]:
        """host:port at which peers reach us, best first."""
        if self.config.advertised:
            return self.config.advertised
        port = self.listener.port if self.listener is not None else self.config.listen_port
        host = self.config.listen_host
        return (f"{'127.0.0.1' if host in ('', '0.0.0.0', '::') else host}:{port}",)

    def _serve_peer(self, connection: Connection) -> None:
        more = {"COMMON": self.groups.asked.answer, "AGENTS": self.ports.answer}
        transfer.serve(connection, self.admission, more=more)

    def _look_at_peers_again(self) -> None:
        self.peers.look_again()
        if self.listener is not None:
            self.listener.look_again()

    def _use_new_certificate(self, of_another_ca: bool = False) -> None:
        """Use a new certificate: outgoing connections reread the files, the listener must reload them. The
        vault sees at the next connection which CA issued it."""
        self.peers.kept.drop()
        if self.listener is not None:
            self.listener.renew(self.peers.tls)
        if of_another_ca and self.control is not None:
            self.control.dial_again()

    def _use_new_cas(self) -> None:
        self._use_new_certificate()
        self.renewal.look_soon()

    def _tell_notes(self) -> None:
        if self.control is not None:
            self.control.dial_again()

    def _hello(self) -> Hello:
        properties = self.fabric.properties
        return Hello(
            appliance_id=self.config.appliance_id,
            site=self.config.site,
            version=__version__,
            fabric_kind=properties.kind,
            accelerated=properties.accelerated,
            data_addresses=self.data_addresses,
            notes=(*properties.notes, *self.host_trial.notes),
            host=platform.node() or None,
            vault_number=self.desk.generations.vault_number,
            most_disks_home=self.config.most_disks_home or None,
            says_changes=True,
        )
