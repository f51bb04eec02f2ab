"""A vault that dies at seams all along a job, at one each time: the job comes to the same end, once.

The jobs of points (a copy, files, a boot), and those of the ways to a third site. Verbs with hooks and runs
of plans have sweeps of their own beside their tests; whole processes are killed by the sweep of `chaos`.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from rig.dying import Fuse, Killed
from secondsite.domain.lifecycle import State, Verb
from secondsite.ground import seams
from secondsite.jobs.model import asking
from secondsite.vault.steps.points import boot_point, fetch_files, restore_copy
from secondsite.wire import rest
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory
from tests.vault.support_third_site import TO_C, C, add_third_site, goes, moves

pytestmark = [pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(600)]
STRIDE, STRIDE_OF_ALL = 16, 4
Begins = Callable[[Verbs], str]


def verb(which, **options) -> Begins:
    return lambda verbs: verbs.submit(which, **options)


def of_point(module, asked) -> Begins:
    def begins(verbs):
        with verbs.store.transaction() as tx:
            return module.submit(verbs.deps, tx, tx.machines.find("web01"), point_of(verbs), asked, "ada")

    return begins


def boots(verbs):
    with verbs.store.transaction() as tx:
        machine = tx.machines.find("web01")
        return boot_point.submit(verbs.deps, tx, machine, point_of(verbs), "ada", or_older=2)


def point_of(verbs):
    with verbs.store.reading() as tx:
        return tx.statuses.get(verbs.machine().id).replica.points[-1].id


def protected(verbs):
    verbs.protect("web01")
    verbs.appliances.seal(verbs.machine().id)


def at_b(verbs):
    protected(verbs)
    add_third_site(verbs)
    goes(verbs, (Verb.FAILOVER, {}), (Verb.COMMIT, {}))


def on_to_c(verbs):
    at_b(verbs)
    goes(verbs, (Verb.REPROTECT, TO_C))


def waits_at_c(verbs):
    on_to_c(verbs)
    goes(verbs, (Verb.PLANNED_FAILOVER, {}))


def at_c(verbs):
    on_to_c(verbs)
    moves(verbs)


@dataclass(frozen=True, slots=True)
class Case:
    """A job, and what is so once it has ended. `once`: orders of which each was given under one id."""

    before: Callable[[Verbs], None]
    begins: Begins
    state: State
    runs_at: str
    way: tuple[str, str] | None = ("a", "b")
    once: Sequence[Kind] = field(default=())


CASES = {
    "copy": Case(
        protected,
        of_point(restore_copy, rest.PointRestore(name="web01-old", folder="/srv/copies")),
        State.PROTECTED, A, once=[Kind.RESTORE_COPY],
    ),
    "files": Case(
        protected,
        of_point(fetch_files, rest.PointFilesFetch(path="/etc", folder="/srv/files")),
        State.PROTECTED, A, once=[Kind.FETCH_FILES],
    ),
    "boot": Case(protected, boots, State.PROTECTED, A, once=[Kind.BOOT_POINT]),
    "on to c": Case(at_b, verb(Verb.REPROTECT, **TO_C), State.PROTECTED, B, ("b", "c")),
    "move to c": Case(on_to_c, verb(Verb.PLANNED_FAILOVER), State.PLANNED_FAILED_OVER, C, ("b", "c")),
    "commit at c": Case(waits_at_c, verb(Verb.COMMIT), State.COMMITTED, C, ("b", "c")),
    "cancel at c": Case(waits_at_c, verb(Verb.CANCEL_FAILOVER), State.PROTECTED, B, ("b", "c")),
    "home from c": Case(
        at_c, verb(Verb.REPROTECT, target_appliance=A), State.PROTECTED, C, ("c", "a")
    ),
    "home in one act": Case(
        at_c,
        verb(Verb.PLANNED_FAILOVER, data_sync="before", target_appliance=A),
        State.PLANNED_FAILED_OVER, A, ("c", "a"),
    ),
    "end at c": Case(at_c, verb(Verb.DISABLE_PROTECTION), State.UNPROTECTED, C, None),
}  # fmt: skip


def comes_to_an_end(verbs, begins):
    """From the request to the end of all jobs, by vaults that may die; people go on with what waits."""
    job_id: str | None = None
    for _ in range(400):
        try:
            if job_id is None:
                job_id = begins(verbs)
            verbs.engine.run_until_idle()
            if any(asking.asks_now(task) for task in verbs.tree(job_id).tasks):
                verbs.answer(job_id, "complete")
            if all(job.state.ended for job in verbs.jobs()):
                return verbs.tree(job_id)
        except Killed:
            verbs.close()
            verbs.open()
        verbs.clock.pass_by(5)
    raise AssertionError(f"it does not end: {[each for each in verbs.jobs() if not each.state.ended]}")


def given(verbs, kinds):
    found = [kind for _, kind, _ in verbs.appliances.given]
    return {kind: found.count(kind) for kind in kinds}


def way_of(verbs):
    machine = verbs.machine()
    return (machine.source_site, machine.target_site) if machine else None


@pytest.mark.parametrize("name", list(CASES))
def test_death_at_a_seam_changes_nothing_in_the_end(name, sliced):
    case = CASES[name]
    for nth in itertools.count(*sliced.steps(STRIDE, STRIDE_OF_ALL)):
        with folder_in_memory() as folder:
            verbs, fuse = Verbs(folder), Fuse(nth)
            case.before(verbs)
            machine = verbs.machine()
            verbs.appliances.given.clear()
            with seams.armed(fuse):
                ended = comes_to_an_end(verbs, case.begins)
            assert ended.job.state == "succeeded", (fuse.at, ended)
            assert given(verbs, case.once) == dict.fromkeys(case.once, 1), fuse.at
            assert verbs.appliances.running(machine.id) == [case.runs_at], fuse.at
            assert not verbs.appliances.copies.two, fuse.at
            assert (verbs.state(), way_of(verbs)) == (case.state, case.way), fuse.at
            verbs.close()
        if fuse.at is None:
            break
    assert nth > 5
