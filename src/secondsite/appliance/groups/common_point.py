"""One recovery point that all machines of a group share.

    gather the other appliances > lock the sources > dial > freeze (app-consistent only) >
    prepare all views > pause all machines > fix all views > resume all machines >
    send each view as a cycle of its own, with a point that carries the set's id

The pause has a budget. If something fails before the machines are resumed, the points become ordinary ones
with the reason on them. If a member's cycle fails afterwards, the set lacks its point, and such a set is
never chosen. Other appliances do the same with the members that they replicate (see `others`); this module
handles those that are replicated from here."""

import dataclasses
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack

import structlog

from ...domain import errors
from ...fabrics.interface import Fabric, PowerState
from ...ground import seams
from ...ground.problem import ours
from ...wire.control.orders import CycleFact
from ...wire.control.setups import GroupShape
from ..shared import Peers
from ..source import CycleInterrupted, CycleRequest, Replication, Source, leftover_views
from . import outcome
from .barrier import Barrier
from .leader import LeaderSide
from .link import OtherAppliances
from .member import Member, act_on, raise_first
from .outcome import Common, Moment

PAUSE_BUDGET_SECONDS = 2.0
"""Longest pause of the machines in seconds, whether all views are ready or not."""
WAIT_SECONDS = 20.0
"""Longest wait for cycles in progress, in seconds."""
FINDING = "common-point-missed"

log = structlog.get_logger(__name__)


class CommonPoints:
    """Takes common points of machines that are replicated from here."""

    def __init__(self, fabric: Fabric, replication: Replication, peers: Peers, appliance_id: str) -> None:
        self._fabric = fabric
        self._replication = replication
        self._peers = peers
        self._appliance_id = appliance_id
        self._under_way: set[OtherAppliances] = set()

    def take(
        self, group: GroupShape, app_consistent: bool = False, budget: float = PAUSE_BUDGET_SECONDS
    ) -> Common:
        """Take a common point now, and lead the other appliances of the group. Raises nothing: an error
        becomes the reason, and a finding of the members."""
        if group.parts:
            return self.take_with(
                LeaderSide(group, self._peers, app_consistent, budget), group, app_consistent, budget
            )
        return self.take_with(OtherAppliances(group.name), group, app_consistent, budget)

    def take_with(
        self, others: OtherAppliances, group: GroupShape, app_consistent: bool, budget: float
    ) -> Common:
        """Take a common point now together with these other appliances; otherwise as `take`."""
        sources = self.sources(group)
        self._under_way.add(others)
        try:
            common = self._take(others, group, sources, app_consistent, budget)
        except errors.SecondsiteError as error:
            common = Common(reason=error.message)
        except BaseException:
            others.end("It failed there.")
            raise
        finally:
            self._under_way.discard(others)
        others.end(common.reason)
        for source in sources:
            if common.reason is None:
                source.findings.clear(FINDING)
            else:
                source.findings.add(FINDING, f"Group {group.name}: {common.reason}")
        log.info("common-point.taken", group=group.name, set_id=common.set_id, reason=common.reason,
                 pause_seconds=round(common.pause_seconds, 4))  # fmt: skip
        return common

    def sources(self, group: GroupShape) -> list[Source]:
        """The members of the group that are replicated from here."""
        return [source for each in self._mine(group) if (source := self._replication.find(each)) is not None]

    def cut(self) -> None:
        """End all waits for other appliances."""
        for others in list(self._under_way):
            others.cut()

    def _mine(self, group: GroupShape) -> Sequence[str]:
        for part in group.parts:
            if part.appliance_id == self._appliance_id:
                return part.members
        return group.members

    def _take(
        self, others: OtherAppliances, group: GroupShape, sources: Sequence[Source], app: bool, budget: float
    ) -> Common:
        why = self._unready(group, sources)
        if why:
            return Common(reason=why)
        others.gather()
        seams.reach("appliance.group.gathered")
        return self._take_locked(others, group, sources, app, budget)

    def _unready(self, group: GroupShape, sources: Sequence[Source]) -> str | None:
        """Why no common point is possible now; None if one is. This is cheap and disturbs no machine."""
        lacking = len(self._mine(group)) - len(sources)
        if lacking:
            return f"{lacking} of its machines are not replicated from here."
        for source in sources:
            if source.progress.paused:
                return f"Replication of {source.setup.machine_name} is paused."
            if source.progress.passes:
                return f"{source.setup.machine_name} has no whole replica yet, or is being compared."
        return None

    def _take_locked(
        self, others: OtherAppliances, group: GroupShape, sources: Sequence[Source], app: bool, budget: float
    ) -> Common:
        with ExitStack() as stack:
            ends_at = time.monotonic() + WAIT_SECONDS
            for source in sources:
                stack.enter_context(source.lock("a common point", ends_at - time.monotonic()))
            why = self._unready(group, sources) or self._missing(sources)
            if why:
                return Common(reason=why)
            pool = stack.enter_context(
                ThreadPoolExecutor(max_workers=len(sources), thread_name_prefix="common")
            )
            members = [Member(source) for source in sources]
            for member in members:
                stack.callback(leftover_views.sweep, self._fabric, member.source)
                stack.enter_context(member.open_view)
            act_on(pool, members, self._dial)
            raise_first(members)
            request, common = self._frozen_views(others, pool, members, app, budget)
            seams.reach("appliance.group.viewed")
            if all(member.session is None for member in members):
                return common
            return self._sent(others, pool, members, request, common)

    def _missing(self, sources: Sequence[Source]) -> str | None:
        for source in sources:
            source.saw(self._fabric.power.state(source.setup.fabric_id))
            if source.power is PowerState.MISSING:
                return f"The hypervisor no longer knows {source.setup.machine_name}."
            if source.power is PowerState.ELSEWHERE:
                return f"The disks of {source.setup.machine_name} are in use elsewhere."
        return None

    def _dial(self, member: Member) -> None:
        cycles, source = self._replication.cycles, member.source
        leftover_views.settle(self._fabric, source)
        member.connection = member.open_view.enter_context(cycles.connect(source))
        cycles.offer(source, member.connection, source.setup.disks)

    # -- all at one instant ----------------------------------------------------------------------------

    def _frozen_views(
        self,
        others: OtherAppliances,
        pool: ThreadPoolExecutor,
        members: Sequence[Member],
        app: bool,
        budget: float,
    ) -> tuple[CycleRequest, Common]:
        """Open views of all members, at one instant if possible; gives what the cycles must carry."""
        barrier = Barrier(member.source.machine_id for member in members)
        under_way = [pool.submit(self._open, member, barrier) for member in members]
        moment = Moment()
        try:
            if barrier.wait_until_ready(WAIT_SECONDS):
                if all(member.problem is None for member in members):
                    self._at_once(others, barrier, members, moment, app, budget)
            else:
                moment.why = f"Not all views were ready within {WAIT_SECONDS:.0f} s."
        finally:
            barrier.let_through(0)
            wait(under_way)
        failed = ((member, member.problem) for member in members if member.problem is not None)
        for member, problem in failed:
            moment.why = moment.why or f"No view of {member}: {ours(problem).message}"
        return outcome.of(members, moment, outcome.verdict(others, moment), others.group)

    def _at_once(
        self,
        others: OtherAppliances,
        barrier: Barrier,
        members: Sequence[Member],
        moment: Moment,
        app: bool,
        budget: float,
    ) -> None:
        """All views are ready: pause the machines, fix the views, resume the machines."""
        ids = [member.source.setup.fabric_id for member in members]
        frozen_since: float | None = None
        with ExitStack() as stack:
            try:
                others.ready()
                if app:
                    others.freeze()
                    frozen_since = time.monotonic()
                    moment.freezes = stack.enter_context(self._fabric.common_pause.freeze(ids))
                    others.frozen()
                others.pause()
                self._stand_still(others, barrier, ids, moment, budget)
            except errors.SecondsiteError as error:
                moment.why = error.message
        if frozen_since is not None:
            moment.frozen_seconds = time.monotonic() - frozen_since

    def _stand_still(
        self, others: OtherAppliances, barrier: Barrier, ids: Sequence[str], moment: Moment, budget: float
    ) -> None:
        began = time.monotonic()
        try:
            with self._fabric.common_pause.pause(ids, budget) as instant:
                seams.reach("appliance.group.paused")
                moment.instant = others.paused(instant, began + budget - time.monotonic())
                # measured from before the fabric's own budget began, so the fabric cannot have resumed them
                # yet
                if not barrier.let_through(budget) or time.monotonic() - began > budget:
                    moment.why = f"The machines stood still for the whole budget of {budget:g} s."
        finally:
            moment.pause_seconds = time.monotonic() - began

    def _open(self, member: Member, barrier: Barrier) -> None:
        """Open the member's view, fixed when all are ready; an error becomes its problem."""
        me = member.source.machine_id
        view_request = self._replication.cycles.view_request(member.source, CycleRequest())
        shared = dataclasses.replace(view_request, instant=lambda: barrier.instant(me, 2 * WAIT_SECONDS))
        member.source.tidy = False
        try:
            member.session = member.open_view.enter_context(self._fabric.tracking.open(shared))
        except errors.SecondsiteError as error:
            member.problem = error
        finally:
            barrier.ended(me)

    # -- each cycle by itself ---------------------------------------------------------------------------

    def _sent(
        self,
        others: OtherAppliances,
        pool: ThreadPoolExecutor,
        members: Sequence[Member],
        request: CycleRequest,
        common: Common,
    ) -> Common:
        facts = list(pool.map(lambda member: self._attempt(member, request), members))
        ids = {
            member.source.machine_id: fact.point_id
            for member, fact in zip(members, facts, strict=True)
            if fact is not None and fact.point_id is not None
        }
        lost = [str(member) for member in members if member.source.machine_id not in ids]
        if common.reason is None:
            common = outcome.arrived(others, common, lost)
        return dataclasses.replace(common, point_ids=ids)

    def _attempt(self, member: Member, request: CycleRequest) -> CycleFact | None:
        try:
            return self._replication.attempt(member.source, lambda: self._send(member, request))
        finally:
            member.open_view.close()

    def _send(self, member: Member, request: CycleRequest) -> CycleFact | None:
        if member.source.interrupt.is_set():
            raise CycleInterrupted
        if member.problem is not None:
            raise member.problem
        assert member.connection is not None
        return self._replication.cycles.send(member.source, member.connection, member.view(), request)
