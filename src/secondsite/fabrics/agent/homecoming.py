"""How a machine comes home to its own disks, while it runs from the rescue image.

Its replica stands on these disks, which are files here (`rescued`). What its points have above them is merged
into them at its start: it cannot run on layers that lie here. From then on it stands on its own disks, and no
older point is left to change to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

from ...datapath.encryption import EncryptionKey
from ...domain import errors, shell
from ...wire.common.machines import MachineDefinition
from ...wire.common.properties import Sizing
from ..capacity import Capacity
from ..interface import AS_DEFINED, HostRequest, Obstacle, Progress, StartTrial, untold
from . import merging
from .conversation import Agents
from .inventory import BESIDE_DO, runs_beside, works_beside
from .last_views import LastViews
from .link import AgentAway
from .nothing_here import DO, NoHosting, none_here
from .other_server import OtherServer
from .records import Records
from .rescued import RESCUE_AWAY_DO, RescuedDisks

log = structlog.get_logger(__name__)


class AgentHosting(NoHosting):
    """Of machines that were withdrawn here, and come home; no other one runs at this site."""

    def __init__(
        self, agents: Agents, records: Records, last_views: LastViews, rescued: RescuedDisks, folder: Path,
        key: EncryptionKey | None,
    ) -> None:  # fmt: skip
        """`folder` is for what a merge needs; `key` opens encrypted replicas."""
        super().__init__(records)
        self._last_views = last_views
        self._folder = folder
        self._key = key
        self._agents = agents
        self._rescued = rescued
        self._other = OtherServer(agents, records)
        self._in_the_way: dict[str, str] = {}
        """Why the disks of a machine are no files here, as it was told last."""

    def check(self, definition: MachineDefinition, wanted: Sizing = AS_DEFINED) -> Sequence[Obstacle]:
        fabric_id = definition.fabric_id
        if self._agents.find(fabric_id) is None:
            return [Obstacle(none_here(f"{definition.name} cannot run here").message, DO)]
        if not self.is_rescued(fabric_id):
            self._require_not_coming(fabric_id, definition.name)
            return [Obstacle(_away(definition.name), _to_rescue(definition.name))]
        found = [*self._beside(fabric_id), *self._other.obstacles(fabric_id)]
        try:
            self.attach(fabric_id)
        except errors.MachineAway:
            raise
        except errors.FabricError as problem:
            found.append(Obstacle(problem.message, problem.do))
        return found

    def _beside(self, fabric_id: str) -> Sequence[Obstacle]:
        agent = self._agents.find(fabric_id)
        return [Obstacle(runs_beside(agent), BESIDE_DO)] if agent and works_beside(agent) else []

    def _require_not_coming(self, fabric_id: str, name: str) -> None:
        """Raises MachineAway while its rescue system may yet come back by itself."""
        if self._rescued.is_coming(fabric_id):
            raise errors.MachineAway(f"The rescue system of {name} is away.", do=RESCUE_AWAY_DO)

    def capacity(self) -> Capacity:
        """Each machine is its own host: that of the largest."""
        told = [self._records.get(each.agent_id).told for each in self._agents.known()]
        known = [each for each in told if each is not None]
        memory = max((each.memory_bytes for each in known), default=0)
        return Capacity(max((each.vcpus for each in known), default=0), memory, memory)

    def try_start(
        self, trial: StartTrial, meanwhile: Callable[[str], None] | None = None
    ) -> Sequence[Obstacle]:
        return self.check(trial.definition)

    def withdraw(self, fabric_id: str, tag: str, disks: Collection[str] = ()) -> MachineDefinition:
        if not self.is_rescued(fabric_id):
            with contextlib.suppress(AgentAway):  # it is off, or goes off by itself
                self._last_views.switch_off(fabric_id)
        told = super().withdraw(fabric_id, tag, disks)
        self._records.change(fabric_id, withdrawn=True, wanted_back=False, replicated=tuple(sorted(disks)))
        self.attach(fabric_id)
        return told

    def look(self) -> None:
        """Make the disks of all rescued machines files here."""
        for each in self._agents.known():
            try:
                self.attach(each.agent_id)
                self._in_the_way.pop(each.agent_id, None)
            except (errors.SecondsiteError, OSError) as problem:
                self._tell_once(each.agent_id, str(problem))

    def _tell_once(self, agent_id: str, problem: str) -> None:
        if self._in_the_way.get(agent_id) != problem:
            self._in_the_way[agent_id] = problem
            log.warning("rescued-machine.not-attached", fabric_id=agent_id, problem=problem)

    def attach(self, fabric_id: str) -> None:
        """Make the disks of a rescued machine files here, if it is there and ours; one that has come home is
        about to start from them."""
        record = self._records.get(fabric_id)
        is_ours = (record.is_failed_over or record.home) and not record.stands_alone
        if self.is_rescued(fabric_id) and is_ours:
            self._attached(fabric_id)

    def _attached(self, fabric_id: str) -> Mapping[str, Path]:
        lent = self._other.lent(fabric_id)
        return self._rescued.attach(fabric_id, lent.disks, lent.sizes)

    def restore(self, definition: MachineDefinition, tag: str | None) -> None:
        """Its disks are its own again. One that runs from the rescue image is not restarted: its copy runs at
        the other site."""
        self._records.change(definition.fabric_id, withdrawn=False)
        super().restore(definition, tag)
        self.release(definition.fabric_id)

    def create(self, request: HostRequest) -> Sequence[str]:
        if request.home is None:
            raise none_here(f"{request.name} cannot run here")
        overlays = {key: str(path) for key, path in request.disks.items()}
        record = self._records.get(request.fabric_id)
        if record.tag not in (None, request.tag):
            raise errors.NotOurs(f"Machine {request.name} is tagged {record.tag}.")
        if record.stands_alone and record.home != overlays:
            raise _decided(request.name)
        self._records.change(
            request.fabric_id, tag=request.tag, home=overlays, withdrawn=False, is_off=True, last=None
        )
        return ()

    def remove(self, fabric_id: str, tag: str, *, leave_files: bool = False) -> None:
        record = self._records.get(fabric_id)
        if record.tag != tag or not record.home:
            return
        if record.stands_alone:
            raise _decided(fabric_id)
        if record.merging:
            self._rescued.say_changed(fabric_id)
        self._records.change(fabric_id, tag=None, home={}, withdrawn=True, merging=False)

    def merge(self, fabric_id: str, progress: Progress = untold) -> None:
        """Merge what its points have into its disks; harmless if that is done. Repeat it after an error."""
        if not self._records.get(fabric_id).stands_alone:
            self._merge(fabric_id, progress)

    def restart(self, fabric_id: str) -> None:
        """Let a machine that runs from the rescue image start from its own disks. Raises FabricError."""
        self._rescued.restart(fabric_id)

    def _merge(self, fabric_id: str, progress: Progress) -> None:
        if not self.is_rescued(fabric_id):
            self._require_not_coming(fabric_id, fabric_id)
            raise errors.FabricError(_away(fabric_id), do=_to_rescue(fabric_id))
        record = self._records.change(fabric_id, merging=True)
        bases = self._attached(fabric_id)
        disks = [
            merging.Merge(Path(overlay), bases[key], self._rescued.half_written(fabric_id, key))
            for key, overlay in sorted(record.home.items())
        ]
        told = partial(_tell, progress)
        merging.merge(self._folder / fabric_id, disks, self._key, told)
        self._rescued.require_same_start(fabric_id)
        self._agents.expect_home(fabric_id)
        self._records.change(fabric_id, stands_alone=True, merging=False, **self._other.settled(fabric_id))

    def stands_alone(self, fabric_id: str) -> bool:
        return self._records.get(fabric_id).stands_alone

    def consolidate(
        self, fabric_id: str, disks: Mapping[str, Path], progress: Callable[[float], None]
    ) -> None:
        """It stands on its own disks since its start."""
        self._other.forget(fabric_id)
        self._records.change(fabric_id, home={}, stands_alone=False)

    def release(self, fabric_id: str) -> None:
        with contextlib.suppress(errors.SecondsiteError, OSError):
            if not self._records.get(fabric_id).withdrawn:
                self._rescued.detach(fabric_id)

    def lends(self, fabric_id: str) -> bool:
        """Whether it is to run from the rescue image, whether or not that is connected."""
        return self._rescued.lends(fabric_id)

    def is_rescued(self, fabric_id: str) -> bool:
        """Whether it runs from the rescue image, and is connected."""
        agent = self._agents.find(fabric_id)
        return agent is not None and agent.connected and agent.rescue


def _tell(progress: Progress, done: float) -> None:
    progress(done, "merging into its own disks")


def _to_rescue(name: str) -> str:
    key = f"secondsite appliance agents key --rescue --for {shell.arguments(name)}"
    return f"Start it from the rescue image, with a key for it: '{key}' on this appliance's host."


def _away(name: str) -> str:
    return f"{name} does not run from the rescue image, so its disks cannot be reached."


def _decided(name: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"{name} came home to its own disks, and runs on them: there is no other point to change to.",
        do="Commit the failback.",
    )
