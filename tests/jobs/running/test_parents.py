"""A job hears of the end of its last child, however counts and ends of a long batch cross."""

from collections.abc import Callable

from sqlalchemy import update

from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition
from secondsite.jobs.running import requests
from secondsite.jobs.running.children import end_signal
from secondsite.jobs.running.parents import LAST, Parents
from secondsite.jobs.storage import read
from secondsite.jobs.storage.tables import jobs
from secondsite.jobs.storage.transactions import Transactions


class Slow(Transactions):
    """What it read is late: other things happen before whoever asked goes on."""

    meanwhile: Callable[[], None] | None = None

    def look(self, work, patience_seconds=None):
        found = super().look(work, patience_seconds)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return found


class Family:
    """A job with children whose ends are told one by one, at one instant of the clock."""

    def __init__(self, room, size):
        self.db, self.told = room.db, list[str]()
        self.transactions = Slow(room.db)
        self.parents = Parents(self.transactions, self.told.append, lambda: 100.0)
        one = Definition("one", (room.does("Only"),))
        self.parent_id = room.submit(room.engine(one), "one")
        place = [requests.Parent(self.parent_id, 0, 1, n) for n in range(size)]
        ordered = [(one, requests.JobRequest("one", parent=each)) for each in place]
        self.transactions.write(lambda session: requests.submit_all(session, ordered, room.clock()))
        self.left = list(room.look(read.children_of, self.parent_id))

    def end(self, number):
        for child in [self.left.pop() for _ in range(number)]:
            ended = update(jobs).where(jobs.c.id == child.id).values(state=JobState.SUCCEEDED)
            with self.db.begin() as connection:
                connection.execute(ended)
            self.parents.tell(child)


def test_the_last_end_is_told_although_many_ended_while_one_counted(room):
    family = Family(room, 3 * LAST)
    family.transactions.meanwhile = lambda: family.end(2 * LAST)
    family.end(1)
    family.told.clear()
    family.end(len(family.left))
    assert family.told == [end_signal(family.parent_id, 0)]
