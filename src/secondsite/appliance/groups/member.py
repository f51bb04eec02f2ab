"""One machine of a common point, and what is done with all of them at once."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ...datapath.channel import Connection
from ...fabrics.interface import ChangeSession, Freeze
from ..source import Source


@dataclass(slots=True)
class Member:
    """One machine of a common point. Its view stays open until its cycle is sent."""

    source: Source
    connection: Connection | None = None
    open_view: ExitStack = field(default_factory=ExitStack)
    session: ChangeSession | None = None
    problem: Exception | None = None

    def __str__(self) -> str:
        return self.source.setup.machine_name

    def tell(self, freeze: Freeze | None, common: datetime | None) -> None:
        """Note in the view how its guest was frozen, and the shared instant."""
        session = self.session
        if session is not None and freeze is not None:
            session = dataclasses.replace(session, consistency=freeze.consistency, reason=freeze.reason)
        if session is not None and common is not None:
            session = dataclasses.replace(session, taken_at=common)
        self.session = session

    @contextmanager
    def view(self) -> Iterator[ChangeSession]:
        """The open view as a context for the cycle; it closes when the cycle has been read."""
        assert self.session is not None
        with self.open_view:
            yield self.session


def act_on(pool: ThreadPoolExecutor, members: Sequence[Member], act: Callable[[Member], None]) -> None:
    """Act on all members in parallel; an error becomes the member's problem."""
    under_way: list[tuple[Member, Future[None]]] = [(member, pool.submit(act, member)) for member in members]
    for member, future in under_way:
        problem = future.exception()
        member.problem = problem if isinstance(problem, Exception) else None


def raise_first(members: Sequence[Member]) -> None:
    for member in members:
        if member.problem is not None:
            raise member.problem
