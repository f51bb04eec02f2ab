"""What an order's handler can use: the order, the parts of the appliance, locks, and progress reports."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

from ...domain import errors
from ...fabrics.interface import Fabric
from ...wire.control import Order
from ...wire.control.orders import Kind
from ..agents import Ports
from ..groups import Groups
from ..shared import (
    ApplianceConfig,
    Bandwidth,
    EnrolledPeers,
    KnownVaults,
    OpenWays,
    Peers,
    State,
    TrustedCas,
)
from ..source import Replication, Source
from ..target import FAILOVER, Applier, HostedReplica, ReplicaHost, Seeds
from .giving_way import GiveWay

# The scripts of a machine's hooks run one after the other, also those of several jobs. A vault that has
# heard nothing of a script for a while goes on without it, and may have the next one run: what the first
# one does would come after what the second one has done.

WAITS_SECONDS = 40.0
"""The longest wait for another script of the machine, within the time that the vault gives an order beyond
its script's own."""


class ScriptTurns:
    """Lets the scripts of one machine run one after the other. Thread-safe."""

    def __init__(self) -> None:
        self._ended = threading.Condition()
        self._running: dict[str, str] = {}

    @contextmanager
    def taken(self, order: Order, script: str) -> Iterator[None]:
        """Inside the context no other script of this machine runs; a drill's copy counts as another machine.
        Raises NotPossibleNow if an earlier one does not end."""
        whose = f"{order.machine_id}/{'machine' if order.drill_generation is None else 'drill'}"
        with self._ended:
            if not self._ended.wait_for(lambda: whose not in self._running, WAITS_SECONDS):
                raise errors.NotPossibleNow(
                    (
                        f"Script {script} was not run: {self._running[whose]} of the same machine, which "
                        "began before, still runs."
                    ),
                    do="Look at what that one does; once it has ended, do by hand what is still wanted.",
                )
            self._running[whose] = script
        try:
            yield
        finally:
            with self._ended:
                del self._running[whose]
                self._ended.notify_all()


@dataclass(frozen=True, slots=True)
class ApplianceParts:
    """The parts of the appliance that order handlers use."""

    config: ApplianceConfig
    fabric: Fabric
    state: State
    peers: Peers
    enrolled_peers: EnrolledPeers
    trusted_cas: TrustedCas
    known_vaults: KnownVaults
    bandwidth: Bandwidth
    replication: Replication
    groups: Groups
    host: ReplicaHost
    work: Applier
    seeds: Seeds
    ports: Ports
    giving_way: GiveWay = field(default_factory=GiveWay)
    hooks_in_turn: ScriptTurns = field(default_factory=ScriptTurns)
    ways: OpenWays = field(default_factory=OpenWays)


@dataclass(frozen=True, slots=True)
class Context:
    """One order in progress. `progress(fraction, sentence)` reports to the vault. `require_current()` raises
    StaleOrder if a later verb has given the machine an order meanwhile; `alone` calls it."""

    order: Order
    parts: ApplianceParts
    progress: Callable[[float, str], None] = lambda _fraction, _sentence: None
    require_current: Callable[[], None] = lambda: None
    began: float = field(default_factory=time.monotonic)

    @property
    def machine_id(self) -> str:
        """The machine that the order is for; raises InvalidArgument if it names none."""
        if self.order.machine_id is None:
            raise errors.InvalidArgument(
                f"The order '{self.order.kind}' names no machine.",
                do="Bring vault and appliance to the same release.",
            )
        return self.order.machine_id

    @property
    def fabric(self) -> Fabric:
        return self.parts.fabric

    @property
    def state(self) -> State:
        return self.parts.state

    def about(self, machine_id: str) -> "Context":
        """The same order, about another machine."""
        return replace(self, order=self.order.model_copy(update={"machine_id": machine_id}))

    def left_seconds(self) -> float:
        """Seconds left before the order's deadline."""
        return max(0.0, self.began + self.order.deadline_seconds - time.monotonic())

    @contextmanager
    def alone(
        self, machine: Source | HostedReplica | None, purpose: str, *, interrupt: bool = False
    ) -> Iterator[None]:
        """Lock the order's source or replica, if it is here, and check the generation: an order that waited
        for the lock may have been overtaken. All that an order does to a machine it does inside. `interrupt`
        gives up a running cycle. Raises StaleOrder, DeadlineExceeded, NotFound."""
        with self._lock(machine, purpose, interrupt):
            self.require_current()
            yield

    def _lock(
        self, machine: Source | HostedReplica | None, purpose: str, interrupt: bool
    ) -> AbstractContextManager[None]:
        if machine is None:
            return nullcontext()
        if isinstance(machine, Source):
            return machine.lock(purpose, self.left_seconds(), interrupt)
        return machine.lock(purpose, self.left_seconds())

    def require_tagged(self, fabric_id: str) -> None:
        """Raises NotFound or NotOurs unless the machine carries our tag: nothing else is touched, whoever
        orders it, not even through its guest agent."""
        found = self.fabric.inventory.get(fabric_id)
        if found is None:
            raise errors.NotFound(
                f"The site has no machine {fabric_id}.",
                do=f"Look for it with '{self.fabric.properties.lists}'.",
            )
        if found.tag is None:
            raise errors.NotOurs(
                (
                    f"Machine {found.name} at this site carries no secondsite tag, so nothing is done in its "
                    "guest."
                ),
                do="Protect it first, or do by hand what was to be done.",
            )

    def source(self) -> Source:
        """The order's machine as a source here; raises NotFound."""
        return self.parts.replication.get(self.machine_id)

    def made_room(self) -> bool:
        """Free space in the store of the order's replica: drop kept cycles and, for a failover or a clean-up,
        the space reserved for starts; False if there is neither. Cycles that lead to the instant that is
        asked for are spared."""
        hosted = self.parts.host.find(self.order.machine_id or "")
        if hosted is None:
            return False
        payload = self.order.payload
        if self.parts.work.free_space(hosted, but_its_own=payload.get("forward") is not None):
            return True
        needs_it = payload.get("run") == FAILOVER or self.order.kind == Kind.STOP_REPLICA
        return needs_it and self.parts.host.stores.of(hosted).reserve.release()

    def hosted(self) -> HostedReplica:
        """The order's replica here; raises NotFound."""
        return self.parts.host.get(self.machine_id)
