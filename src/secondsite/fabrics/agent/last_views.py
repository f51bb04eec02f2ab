"""The last view of a machine that is to be switched off: its services are stopped, and its disks stand still
until it goes off, or works on.

For the rest of the product the machine is off from then on. Until its last changes were acknowledged the
agent lets it work on by itself after a while; from then on it is switched off after that while."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ...datapath.disks import CollectedDisk
from ...domain import errors
from ..interface import SessionRequest
from .collecting import Collected, TooMuch, ViewedPart, collect
from .conversation import Agents, Conversation, LastHold, OpenedView
from .link import AgentAway, AgentRefused
from .records import MachineRecord, Records

LONGEST_SECONDS = 900.0
"""How long a machine waits, with its services stopped, for its last changes to arrive, and then for somebody
who wants it back."""
LEAST_GRACE_SECONDS, MOST_GRACE_SECONDS = 1.0, 600.0
TURN_SECONDS = 60.0
TOO_MUCH, TRIES = "too-much", 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LastView:
    """`base` is the checkpoint since which it has what changed."""

    name: str
    base: str
    parts: tuple[ViewedPart, ...]
    collected: Collected
    kept: ExitStack


class LastViews:
    def __init__(self, agents: Agents, records: Records, folder: Path) -> None:
        self._agents = agents
        self._records = records
        self._folder = folder
        self._held: dict[str, LastView] = {}
        self._under_way: set[str] = set()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextlib.contextmanager
    def turn(self, fabric_id: str) -> Iterator[None]:
        """An agent has one view at a time: nobody else has one in the context. Raises FabricError."""
        turn = self._turns[fabric_id]
        if not turn.acquire(timeout=TURN_SECONDS):
            raise errors.FabricError(
                f"Another view of machine {fabric_id} is open.", do="Nothing: it is tried again."
            )
        try:
            yield
        finally:
            turn.release()

    def take(self, fabric_id: str, grace_seconds: float) -> None:
        """Stop the machine's services and take its last view; harmless if that is done. Raises FabricError;
        the machine works on then."""
        with self.turn(fabric_id):
            if not self.stands(fabric_id) or fabric_id not in self._held:
                grace_seconds = min(max(grace_seconds, LEAST_GRACE_SECONDS), MOST_GRACE_SECONDS)
                self._take(fabric_id, grace_seconds)

    def _take(self, fabric_id: str, grace_seconds: float) -> LastView:
        """Its name is kept before: whoever comes after the death of this process lets the machine work on."""
        self._release(fabric_id)
        before = self._records.get(fabric_id).last
        if before is not None:
            with contextlib.suppress(AgentRefused):
                Conversation(self._agents, fabric_id).thaw(before)
        name = f"secondsite-last-{secrets.token_hex(4)}"
        with self._taking(fabric_id, name), ExitStack() as stack:
            view = self._taken(stack, fabric_id, name, grace_seconds)
            self._held[fabric_id] = view
            stack.pop_all()
        return view

    @contextlib.contextmanager
    def _taking(self, fabric_id: str, name: str) -> Iterator[None]:
        """After an error the machine works on, as soon as its agent can be told."""
        self._under_way.add(fabric_id)
        try:
            self._records.change(fabric_id, last=name, wanted_back=False, is_off=False)
            yield
        except BaseException:
            with contextlib.suppress(errors.FabricError):
                self.give_back(fabric_id)
            raise
        finally:
            self._under_way.discard(fabric_id)

    def _taken(self, stack: ExitStack, fabric_id: str, name: str, grace_seconds: float) -> LastView:
        agent, base = Conversation(self._agents, fabric_id), self._records.get(fabric_id).base
        if base is None:
            raise errors.FabricError(
                f"Nothing is known of what was sent last of machine {fabric_id}.",
                do="Wait for a cycle of it, then try again.",
            )
        parts = self._parts(agent, fabric_id, base)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        request = SessionRequest(fabric_id, tuple(part.key for part in parts), base, name, self._folder)
        with _marks_are_known(fabric_id):
            agent.acknowledge(base)
        hold = LastHold(LONGEST_SECONDS, grace_seconds)
        kept = stack.enter_context(ExitStack())
        return LastView(name, base, parts, _collected(kept, agent, parts, request, base, hold), kept)

    def _parts(self, agent: Conversation, fabric_id: str, checkpoint: str) -> tuple[ViewedPart, ...]:
        """The disks that a checkpoint covers."""
        record = self._records.get(fabric_id)
        sizes = {each.key: each.size_bytes for each in agent.disks() if not each.refused}
        known = {key: record.keys.get(key, "") for key in record.checkpoints.get(checkpoint, ())}
        gone = [key for key, theirs in known.items() if theirs not in sizes]
        if gone:
            raise errors.FabricError(
                f"The agent of machine {fabric_id} does not follow its disks {', '.join(gone)} now.",
                do="Attach them again, or wait for a cycle without them.",
            )
        return tuple(ViewedPart(key, theirs, sizes[theirs]) for key, theirs in known.items())

    def of(self, fabric_id: str, base: str | None) -> LastView | None:
        """The last view of a machine that stands still, whose turn the caller has; `base` is what the target
        acknowledged last. One that was lost with a process is taken anew: its services are still stopped."""
        if not self.stands(fabric_id):
            return None
        name = self._records.get(fabric_id).last
        if fabric_id in self._held:
            return self._held[fabric_id]
        if base == name and name is not None:
            return self._unchanged(fabric_id, name)
        return self._take(fabric_id, LEAST_GRACE_SECONDS)

    def _unchanged(self, fabric_id: str, name: str) -> LastView:
        """What changed since the last view was acknowledged: nothing, as long as the machine stands still."""
        parts = self._parts(Conversation(self._agents, fabric_id), fabric_id, name)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as stack:
            disks = {part.key: CollectedDisk(self._folder, part.size_bytes) for part in parts}
            for disk in disks.values():
                stack.callback(disk.close)
            collected = Collected(datetime.now(UTC), 0.0, OpenedView(bitmap=name), disks)
            self._held[fabric_id] = LastView(name, name, parts, collected, stack.pop_all())
        return self._held[fabric_id]

    def stands(self, fabric_id: str) -> bool:
        """Whether a machine whose agent is connected stands still for its last view. Raises FabricError."""
        if fabric_id in self._under_way:  # it is too busy to answer
            return False
        name = self._records.get(fabric_id).last
        if name is not None and Conversation(self._agents, fabric_id).standing() == name:
            return True
        self._forget(fabric_id, name)
        return False

    def still_stands(self, fabric_id: str, name: str) -> bool:
        """The same for one of these views, whose machine may be silent: then nobody knows."""
        with contextlib.suppress(errors.FabricError):
            return Conversation(self._agents, fabric_id).standing() == name
        return False

    def acknowledge(self, fabric_id: str, name: str) -> None:
        """The other side has it: the machine is switched off, sooner or later. Only now: before its agent has
        heard that, it works on by itself, at once if the agent dies, and one that is silent may run."""
        Conversation(self._agents, fabric_id).acknowledge(name)
        self._records.update(fabric_id, lambda found: {"is_off": True} if found.last == name else {})
        self._release(fabric_id)

    def close(self) -> None:
        """What is held is given up; machines stand still for whoever comes next."""
        for fabric_id in list(self._held):
            self._release(fabric_id)

    def give_back(self, fabric_id: str) -> None:
        """Let the machine work on; one whose agent does not answer now as soon as it does (`look`)."""
        try:
            self._end(fabric_id, lambda agent, name: agent.thaw(name, start_services=True))
        except AgentAway as problem:
            self._records.update(fabric_id, lambda found: {"wanted_back": found.last is not None})
            raise AgentAway(
                f"{problem.message} Its machine works on as soon as it does.",
                do="Wait for it, then repeat the verb.",
            ) from problem

    def look(self) -> None:
        """Give back all that are wanted back and answer again. Nobody may start meanwhile what must not."""
        for each in self._agents.known():
            if each.connected and not each.rescue and each.agent_id not in self._under_way:
                record = self._records.get(each.agent_id)
                if record.wanted_back and not record.start_forbidden and not record.withdrawn:
                    with contextlib.suppress(errors.FabricError), self.turn(each.agent_id):
                        self._give_back_if_wanted(each.agent_id)

    def _give_back_if_wanted(self, fabric_id: str) -> None:
        if self._records.get(fabric_id).wanted_back and self.stands(fabric_id):
            log.info("last-view.given-back", fabric_id=fabric_id)
            self.give_back(fabric_id)

    def switch_off(self, fabric_id: str) -> None:
        """Switch it off now, if its last changes were acknowledged."""
        name = self._records.get(fabric_id).last
        if name is not None:
            Conversation(self._agents, fabric_id).power_off(name)

    def _end(self, fabric_id: str, act: Callable[[Conversation, str], None]) -> None:
        name = self._records.get(fabric_id).last
        if name is not None:
            act(Conversation(self._agents, fabric_id), name)
            self._forget(fabric_id, name)

    def _forget(self, fabric_id: str, name: str | None) -> None:
        """It runs; unless another view was taken meanwhile."""

        def runs(found: MachineRecord) -> dict[str, object]:
            known = found.last == name
            return {"last": None, "is_off": False, "wanted_back": False} if known else {}

        if name is not None and self._records.get(fabric_id).last == name:
            self._release(fabric_id)
        self._records.update(fabric_id, runs)

    def _release(self, fabric_id: str) -> None:
        held = self._held.pop(fabric_id, None)
        if held is not None:
            held.kept.close()


@contextlib.contextmanager
def _marks_are_known(fabric_id: str) -> Iterator[None]:
    try:
        yield
    except AgentRefused as refused:
        raise errors.FabricError(
            f"The agent of machine {fabric_id} was started anew: what changed since it was sent last is not "
            "known yet.",
            do="Wait until all of it was compared, then try again.",
        ) from refused


def _collected(
    kept: ExitStack, agent: Conversation, parts: tuple[ViewedPart, ...], request: SessionRequest, base: str,
    hold: LastHold,
) -> Collected:  # fmt: skip
    """What the services wrote as they ended may be more than the agent can hold: once they are stopped, it is
    read as before each view."""
    for left in reversed(range(TRIES)):
        try:
            return collect(kept, agent, parts, request, base, hold)
        except AgentRefused as refused:
            kept.close()
            if refused.code != TOO_MUCH or not left:
                raise
        except TooMuch as much:
            raise errors.FabricError(
                f"Too much changed on machine {request.fabric_id} since it was sent last.",
                do="Wait for a cycle of it, then try again.",
            ) from much
    raise AssertionError("the last try raises")
