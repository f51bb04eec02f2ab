"""One recovery point that all machines of a group share.

    lock the sources > dial > freeze (app-consistent only) > prepare all views > pause all machines > fix all views
    > resume all machines > each view is sent as a cycle of its own, with a point that carries the set's id

The pause has a budget. If something fails before the machines are resumed, the points become ordinary ones with
the reason on them. If a member's cycle fails afterwards, the set lacks its point, and such a set is never chosen."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from ...datapath.channel import Connection
from ...domain import errors, groups
from ...fabrics.interface import ChangeSession, Fabric, Freeze, PowerState
from ...ground import seams
from ...ground.problem import ours
from ...wire.control.orders import CycleFact
from ...wire.control.setups import GroupShape
from ..source import CycleRequest, Interrupted, Replication, Source, views
from .barrier import Barrier

PAUSE_BUDGET_SECONDS = 2.0
"""Longest pause of the machines, views ready or not."""
WAIT_SECONDS = 20.0
"""Longest wait for cycles in progress."""
FINDING = "common-point-missed"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Common:
    """The result of a common point: its set id and instant, or the reason why there is none. No member was paused
    longer than `pause_seconds`; `point_ids` are by machine."""

    set_id: str | None = None
    taken_at: datetime | None = None
    reason: str | None = None
    app_consistent: bool = False
    pause_seconds: float = 0.0
    point_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Member:
    """One machine of a common point; its view stays open until its cycle is sent."""

    source: Source
    connection: Connection | None = None
    open_view: ExitStack = field(default_factory=ExitStack)
    session: ChangeSession | None = None
    problem: Exception | None = None

    def __str__(self) -> str:
        return self.source.setup.machine_name


@dataclass(slots=True)
class _Moment:
    """The instant that views share, or `why` they share none; `freezes` are final once the guests are thawed."""

    instant: datetime | None = None
    why: str | None = None
    pause_seconds: float = 0.0
    freezes: Mapping[str, Freeze] = field(default_factory=dict)


class CommonPoints:
    """Takes common points of machines that are replicated from here."""

    def __init__(self, fabric: Fabric, replication: Replication) -> None:
        self._fabric = fabric
        self._replication = replication

    def take(
        self, group: GroupShape, app_consistent: bool = False, budget: float = PAUSE_BUDGET_SECONDS
    ) -> Common:
        """Take one now. Raises nothing: an error becomes the reason, and a finding of the members."""
        sources = [source for each in group.members if (source := self._replication.find(each)) is not None]
        try:
            why = self._unready(group, sources)
            common = Common(reason=why) if why else self._take_locked(group, sources, app_consistent, budget)
        except errors.SecondsiteError as error:
            common = Common(reason=error.message)
        for source in sources:
            if common.reason is None:
                source.findings.clear(FINDING)
            else:
                source.findings.add(FINDING, f"Group {group.name}: {common.reason}")
        log.info("common-point.taken", group=group.name, set_id=common.set_id, reason=common.reason,
                 pause_seconds=round(common.pause_seconds, 4))  # fmt: skip
        return common

    def _unready(self, group: GroupShape, sources: Sequence[Source]) -> str | None:
        """Why no common point is possible now; None if one is. Cheap, and disturbs no machine."""
        if len(sources) < len(group.members):
            return f"{len(group.members) - len(sources)} of its machines are not replicated from here."
        for source in sources:
            if source.progress.paused:
                return f"Replication of {source.setup.machine_name} is paused."
            if source.progress.passes:
                return f"{source.setup.machine_name} has no whole replica yet, or is being compared."
        return None

    def _take_locked(self, group: GroupShape, sources: Sequence[Source], app: bool, budget: float) -> Common:
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
            members = [_Member(source) for source in sources]
            for member in members:
                stack.callback(views.sweep, self._fabric, member.source)
                stack.enter_context(member.open_view)
            _each(pool, members, self._dial)
            _raise_first(members)
            request, common = self._frozen_views(group, pool, members, app, budget)
            seams.reach("appliance.group.viewed")
            if all(member.session is None for member in members):
                return common
            return self._sent(pool, members, request, common)

    def _missing(self, sources: Sequence[Source]) -> str | None:
        for source in sources:
            source.saw(self._fabric.power.state(source.setup.fabric_id))
            if source.power is PowerState.MISSING:
                return f"The hypervisor no longer knows {source.setup.machine_name}."
            if source.power is PowerState.ELSEWHERE:
                return f"The disks of {source.setup.machine_name} are in use elsewhere."
        return None

    def _dial(self, member: _Member) -> None:
        cycles, source = self._replication.cycles, member.source
        views.settle(self._fabric, source)
        member.connection = member.open_view.enter_context(cycles.connect(source))
        cycles.offer(source, member.connection, source.setup.disks)

    # -- all at one instant ----------------------------------------------------------------------------

    def _frozen_views(
        self,
        group: GroupShape,
        pool: ThreadPoolExecutor,
        members: Sequence[_Member],
        app: bool,
        budget: float,
    ) -> tuple[CycleRequest, Common]:
        """Open views of all members, at one instant if possible; gives what the cycles must carry."""
        barrier = Barrier(member.source.machine_id for member in members)
        under_way = [pool.submit(self._open, member, barrier) for member in members]
        moment = _Moment()
        try:
            if barrier.wait_until_ready(WAIT_SECONDS):
                if all(member.problem is None for member in members):
                    moment = self._at_once(barrier, members, app, budget)
            else:
                moment.why = f"Not all views were ready within {WAIT_SECONDS:.0f} s."
        finally:
            barrier.let_through(0)
            wait(under_way)
        failed = ((member, member.problem) for member in members if member.problem is not None)
        for member, problem in failed:
            moment.why = moment.why or f"No view of {member}: {ours(problem).message}"
        return _outcome(group, members, moment)

    def _at_once(self, barrier: Barrier, members: Sequence[_Member], app: bool, budget: float) -> _Moment:
        """All views are ready: pause the machines, fix the views, resume the machines."""
        moment = _Moment()
        ids = [member.source.setup.fabric_id for member in members]
        with ExitStack() as stack:
            if app:
                moment.freezes = stack.enter_context(self._fabric.quiescing.freeze(ids))
            began = time.monotonic()
            try:
                with self._fabric.quiescing.pause(ids, budget) as moment.instant:
                    seams.reach("appliance.group.paused")
                    # measured from before the fabric's own budget began, so the fabric cannot have resumed them yet
                    if not barrier.let_through(budget) or time.monotonic() - began > budget:
                        moment.why = f"The machines stood still for the whole budget of {budget:g} s."
            except errors.SecondsiteError as error:
                moment.why = error.message
            moment.pause_seconds = time.monotonic() - began
        return moment

    def _open(self, member: _Member, barrier: Barrier) -> None:
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
        self, pool: ThreadPoolExecutor, members: Sequence[_Member], request: CycleRequest, common: Common
    ) -> Common:
        def send(member: _Member) -> CycleFact | None:
            if member.source.interrupt.is_set():
                raise Interrupted
            if member.problem is not None:
                raise member.problem
            assert member.connection is not None
            assert member.session is not None
            view = _once(member.open_view, member.session)
            return self._replication.cycles.send(member.source, member.connection, view, request)

        def attempt(member: _Member) -> CycleFact | None:
            try:
                return self._replication.attempt(member.source, lambda: send(member))
            finally:
                member.open_view.close()

        facts = list(pool.map(attempt, members))
        ids = {
            member.source.machine_id: fact.point_id
            for member, fact in zip(members, facts, strict=True)
            if fact is not None and fact.point_id is not None
        }
        lost = [str(member) for member in members if member.source.machine_id not in ids]
        if common.reason is None and lost:
            return dataclasses.replace(
                common, set_id=None, reason=f"The point of {', '.join(lost)} did not arrive.", point_ids=ids
            )
        return dataclasses.replace(common, point_ids=ids)


def _each(pool: ThreadPoolExecutor, members: Sequence[_Member], act: Callable[[_Member], None]) -> None:
    """Act on all members in parallel; an error becomes the member's problem."""
    under_way: list[tuple[_Member, Future[None]]] = [(member, pool.submit(act, member)) for member in members]
    for member, future in under_way:
        problem = future.exception()
        member.problem = problem if isinstance(problem, Exception) else None


def _raise_first(members: Sequence[_Member]) -> None:
    for member in members:
        if member.problem is not None:
            raise member.problem


def _outcome(group: GroupShape, members: Sequence[_Member], moment: _Moment) -> tuple[CycleRequest, Common]:
    """What each member's cycle must carry, and the result of the common point before they are sent."""
    instant = moment.instant if moment.why is None else None
    for member in members:
        _tell(member, moment.freezes.get(member.source.setup.fabric_id), instant)
    app = bool(moment.freezes) and all(freeze.consistency == "app" for freeze in moment.freezes.values())
    set_id = groups.set_id(group.name, instant) if instant is not None else None
    said = None if moment.why is None else f"No common point of group {group.name}: {moment.why}"
    request = CycleRequest(point=True, app_consistent=bool(moment.freezes), set_id=set_id, reason=said)
    return request, Common(set_id, instant, moment.why, app and instant is not None, moment.pause_seconds)


def _tell(member: _Member, freeze: Freeze | None, common: datetime | None) -> None:
    """Note in the view how its guest was frozen, and the shared instant."""
    session = member.session
    if session is not None and freeze is not None:
        session = dataclasses.replace(session, consistency=freeze.consistency, reason=freeze.reason)
    if session is not None and common is not None:
        session = dataclasses.replace(session, taken_at=common)
    member.session = session


@contextmanager
def _once(opened: ExitStack, session: ChangeSession) -> Iterator[ChangeSession]:
    """The open view as a context for the cycle; it closes when the cycle has been read."""
    with opened:
        yield session
