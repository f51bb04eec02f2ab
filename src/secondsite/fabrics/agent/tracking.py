"""Views of the disks of machines with an agent.

A first copy and a comparison read the disks live, and leave no point: the machine writes meanwhile, and what
it writes is marked for the next view. A view of one instant holds only what changed: see `collecting`."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from ...datapath.extents import BLOCK_BYTES, DIGEST_BYTES
from ...domain import errors
from ..interface import (
    AcknowledgedDisks,
    ChangeSession,
    ComparedBlocks,
    DiskChanges,
    ExpectedBlocks,
    Obstacle,
    RunningView,
    SessionRequest,
    Unwritten,
)
from .collecting import Collected, TooMuch, ViewedPart, collect
from .conversation import Agents, Conversation
from .digested import digests
from .last_views import TOO_MUCH, LastView, LastViews
from .link import AgentAway, AgentRefused
from .records import MachineRecord, Records
from .telling import obstacles

LIVE = RunningView("live", "The disks are copied or compared while the machine writes.")
INSTANT = RunningView("instant")
SCAN_DUE = "scan-due"
SLOW_APPLICATIONS = "The machine wrote too much while its applications were brought to rest by hooks."
MOST_CONNECTIONS = 48


class AgentTracking:
    def __init__(self, agents: Agents, records: Records, last_views: LastViews) -> None:
        self._agents = agents
        self._records = records
        self._last_views = last_views

    def check(self, fabric_id: str) -> Sequence[Obstacle]:
        agent = Conversation(self._agents, fabric_id)
        disks = agent.disks()
        found = [
            Obstacle(
                f"Disk {each.name} ({each.key}) is not followed: {each.refused}",
                "Nothing, if no recovery point needs it.",
                blocking=False,
            )
            for each in disks
            if each.refused
        ]
        if all(each.refused for each in disks):
            found.append(Obstacle("No disk of the machine can be followed.", "See why for each of them."))
        return [*found, *obstacles(agent.machine(fabric_id), time.time())]

    def enable(self, fabric_id: str, tag: str) -> None:
        def tagged(found: MachineRecord) -> dict[str, object]:
            if found.tag not in (None, tag):
                raise errors.NotOurs(f"Machine {fabric_id} is tagged {found.tag} already.")
            anew = {"start_forbidden": False, "withdrawn": False} if found.tag is None else {}
            return {"tag": tag, **anew}

        self._records.update(fabric_id, tagged)

    def recognizes(self, acknowledged: AcknowledgedDisks) -> bool:
        """The tag is kept here: a machine without one was never ours."""
        return False

    @contextmanager
    def open(self, request: SessionRequest) -> Iterator[ChangeSession]:
        with self._last_views.turn(request.fabric_id), ExitStack() as stack:
            last = self._last_views.of(request.fabric_id, request.base)
            if last is not None:
                yield self._of_the_last(last, request)
                return
            agent = Conversation(self._agents, request.fabric_id)
            parts = self._parts(agent, request)
            base = self._usable_base(agent, request.fabric_id, request.base)
            if base:
                self._keep(request.fabric_id, base)
            is_covered = set(request.disks) <= set(self._covered_by(request.fabric_id, base))
            if request.beyond_changes or request.trial or not is_covered:
                yield self._live(stack, agent, parts, request, base)
            else:
                yield self._of_an_instant(stack, agent, parts, request, base)

    def _covered_by(self, fabric_id: str, base: str) -> Sequence[str]:
        return self._records.get(fabric_id).checkpoints.get(base, ())

    def _parts(self, agent: Conversation, request: SessionRequest) -> list[ViewedPart]:
        keys = self._records.get(request.fabric_id).keys
        sizes = {each.key: each.size_bytes for each in agent.disks() if not each.refused}
        gone = [key for key in request.disks if keys.get(key) not in sizes]
        if gone:
            raise errors.FabricError(
                f"The agent of machine {request.fabric_id} does not follow its disks {', '.join(gone)} now.",
                do="Attach them again; 'secondsite-agent disks' in the machine says what it sees.",
            )
        return [ViewedPart(key, keys[key], sizes[keys[key]]) for key in request.disks]

    def _usable_base(self, agent: Conversation, fabric_id: str, base: str | None) -> str:
        """The base, if the agent has marks since then; else nothing."""
        if base is None or base not in self._records.get(fabric_id).checkpoints:
            return ""
        with contextlib.suppress(AgentRefused):
            agent.acknowledge(base)
            return base
        return ""

    def _live(
        self, stack: ExitStack, agent: Conversation, parts: Sequence[ViewedPart], request: SessionRequest,
        base: str,
    ) -> ChangeSession:  # fmt: skip
        # Without any base the marks would begin anew: also those that others than this view need.
        kept = self._records.get(request.fabric_id).base
        known = base or self._usable_base(agent, request.fabric_id, kept)
        # Trials may all have one name, and an agent has each only once.
        name = f"{request.new_checkpoint}.{secrets.token_hex(4)}" if request.trial else request.new_checkpoint
        try:
            agent.open_live(known, name)
        except AgentRefused as refused:
            if refused.code != SCAN_DUE or not known:
                raise
            base = ""
            agent.open_live("", name)
        socket = stack.enter_context(agent.readers())
        stack.callback(_quietly, agent.close_view)
        taken_at = datetime.now(UTC)
        covered = self._covered_by(request.fabric_id, base)
        if not request.trial:
            self._covers(request.fabric_id, request.new_checkpoint, request.disks)
        bitmaps = dict.fromkeys(covered, (request.new_checkpoint,))
        return ChangeSession(
            taken_at=taken_at,
            checkpoint=None if request.trial else request.new_checkpoint,
            disks=tuple(
                DiskChanges(
                    p.key, p.size_bytes, socket, p.theirs, bitmaps.get(p.key, ()), digests=digests(agent, p)
                )
                for p in parts
            ),
            reason="The disks were read while the machine wrote.",
            abandon=lambda: _quietly(agent.close_view),
            most_connections=MOST_CONNECTIONS,
            how=LIVE,
            is_instant=False,
        )

    def _of_an_instant(
        self, stack: ExitStack, agent: Conversation, parts: Sequence[ViewedPart], request: SessionRequest,
        base: str,
    ) -> ChangeSession:  # fmt: skip
        try:
            collected = collect(stack, agent, parts, request, base)
        except TooMuch:
            return self._live(stack, agent, parts, request, base)
        except AgentRefused as refused:
            if refused.code == SCAN_DUE:
                return self._live(stack, agent, parts, request, "")
            if refused.code == TOO_MUCH and request.app_consistent:
                hurried = dataclasses.replace(request, app_consistent=False)
                found = self._of_an_instant(stack, agent, parts, hurried, base)
                return dataclasses.replace(found, reason=found.reason or SLOW_APPLICATIONS)
            raise errors.FabricError(
                f"There was no instant of machine {request.fabric_id}: {refused.message}",
                do="Nothing: it is tried again, and nothing is lost. If it lasts: what writes past the file "
                "systems, or writes faster than it is read?",
            ) from refused
        self._covers(request.fabric_id, request.new_checkpoint, request.disks)
        return _session(collected, parts, request)

    def _of_the_last(self, last: LastView, request: SessionRequest) -> ChangeSession:
        """What changed since an earlier base has all that is wanted."""
        missing = [key for key in request.disks if key not in last.collected.disks]
        if missing or request.trial or request.base not in self._records.get(request.fabric_id).checkpoints:
            raise errors.FabricError(
                f"The last view of machine {request.fabric_id} is not of what is wanted now.",
                do="Cancel the planned failover; then start it again.",
            )
        self._covers(request.fabric_id, last.name, request.disks)
        parts = [part for part in last.parts if part.key in request.disks]
        named = dataclasses.replace(request, new_checkpoint=last.name)
        return dataclasses.replace(
            _session(last.collected, parts, named),
            at_rest=True,
            holds=lambda: self._last_views.still_stands(request.fabric_id, last.name),
        )

    def _covers(self, fabric_id: str, checkpoint: str, disks: tuple[str, ...]) -> None:
        def noted(found: MachineRecord) -> dict[str, object]:
            return {"checkpoints": {**found.checkpoints, checkpoint: disks}}

        self._records.update(fabric_id, noted)

    def _keep(self, fabric_id: str, base: str | None) -> None:
        """The target has this one, and what came after it never arrived."""

        def kept(found: MachineRecord) -> dict[str, object]:
            known = {key: each for key, each in found.checkpoints.items() if key == base}
            return {"base": base if known else None, "checkpoints": known}

        self._records.update(fabric_id, kept)

    def end_left_over(self, fabric_id: str) -> None:
        """An agent that is away has none any more: it ends with the connection, or with the next one. A
        rescue system has no views."""
        agent = self._agents.find(fabric_id)
        if self._records.get(fabric_id).last is None and not (agent is not None and agent.rescue):
            with contextlib.suppress(AgentAway):
                Conversation(self._agents, fabric_id).close_view()

    def keeping(self, fabric_id: str) -> AbstractContextManager[None]:
        return nullcontext()

    def unwritten(self, fabric_id: str, disks: Sequence[str], base: str) -> Unwritten | None:
        record, agent = self._records.get(fabric_id), Conversation(self._agents, fabric_id)
        covered = record.checkpoints.get(base, ())
        if base != record.base or len(record.checkpoints) > 1 or not set(disks) <= set(covered):
            return None
        taken_at = datetime.now(UTC)
        try:
            if not agent.unwritten(base):
                return None
            sizes = {each.key: each.size_bytes for each in agent.disks() if not each.refused}
        except (AgentRefused, AgentAway):
            return None
        known = {key: sizes[record.keys[key]] for key in disks if record.keys.get(key) in sizes}
        attached = tuple(key for key, theirs in record.keys.items() if theirs in sizes)
        return Unwritten(taken_at, known, attached)

    def all_unwritten(self, asked: Sequence[AcknowledgedDisks]) -> Mapping[str, Unwritten]:
        found = {}
        for each in asked:
            with contextlib.suppress(errors.FabricError):
                unwritten = self.unwritten(each.fabric_id, each.disks, each.base)
                if unwritten is not None:
                    found[each.fabric_id] = unwritten
        return found

    def compare(self, expected: ExpectedBlocks) -> ComparedBlocks | None:
        record, agent = self._records.get(expected.fabric_id), Conversation(self._agents, expected.fabric_id)
        is_known = record.last is None and expected.base == record.base and len(record.checkpoints) == 1
        theirs = record.keys.get(expected.disk)
        if theirs is None or not is_known or expected.disk not in record.checkpoints.get(expected.base, ()):
            return None
        first, most = expected.offset // BLOCK_BYTES, len(expected.digests) // DIGEST_BYTES
        with self._last_views.turn(expected.fabric_id):
            try:
                blocks, unmarked, noticed = agent.compare(theirs, expected.base, first, expected.digests)
            except AgentRefused as refused:
                if refused.code == SCAN_DUE:
                    return None
                raise
        found = tuple(number * BLOCK_BYTES for number in unmarked if first <= number < first + most)
        return None if noticed else ComparedBlocks(min(blocks, most), found)

    def acknowledge(self, fabric_id: str, keep: str | None) -> None:
        """An agent that was started anew has no marks any more: that is told by the next view."""
        self._keep(fabric_id, keep)
        if keep is not None and keep == self._records.get(fabric_id).last:
            self._last_views.acknowledge(fabric_id, keep)
        elif keep is not None:
            with contextlib.suppress(AgentRefused):
                Conversation(self._agents, fabric_id).acknowledge(keep)

    def hand_over(self, fabric_id: str) -> str:
        return ""

    def take_over(self, fabric_id: str, known: str) -> None:
        """Marks stay with the agent."""

    def disable(self, fabric_id: str) -> None:
        """What forbids its start stays, if that was not allowed before: its copy may run elsewhere, and who
        switches a server on starts it."""
        self._records.change(fabric_id, tag=None, checkpoints={}, base=None, replaced=())


def _session(collected: Collected, parts: Sequence[ViewedPart], request: SessionRequest) -> ChangeSession:
    disks, name = collected.disks, request.new_checkpoint
    apps = collected.frozen.apps
    return ChangeSession(
        taken_at=collected.taken_at,
        checkpoint=name,
        disks=tuple(
            DiskChanges(p.key, p.size_bytes, Path(), p.theirs, (name,), collected=disks[p.key]) for p in parts
        ),
        consistency="app" if request.app_consistent and apps and apps.consistent else "crash",
        reason=apps.reason or None if apps else None,
        pause_seconds=collected.pause_seconds,
        scratch_bytes=lambda: sum(disk.used_bytes for disk in disks.values()),
        how=INSTANT,
    )


def _quietly(act: Callable[[], object]) -> None:
    with contextlib.suppress(errors.FabricError):
        act()
