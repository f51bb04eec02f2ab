"""What runs took is kept once with their evidence, outlives their jobs, and is what the next ones are
predicted from."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, event, func, select

from secondsite.domain.lifecycle import Verb
from secondsite.domain.prediction.predicting import LAST, LIKE, Basis
from secondsite.domain.prediction.timing import Part
from secondsite.jobs.storage.tables import jobs
from secondsite.vault.steps.histories import Histories
from secondsite.vault.store import RunTimeRecord
from secondsite.vault.store.run_times import RUN_TIMES
from tests.support.vault import NOW


def took(job_id, machine_id, at=0, verb=Verb.FAILOVER, **changes):
    made = RunTimeRecord(
        job_id=job_id, machine_id=machine_id, verb=verb, source_site="a", target_site="b",
        ended_at=NOW + timedelta(seconds=at), parts={Part.START: 4.0 + at}, downtime=None, predicted=None,
    )  # fmt: skip
    return replace(made, **changes)


def test_a_batch_leaves_a_row_of_each_machine_and_the_next_run_is_predicted_from_it(verbs, plan, kept):
    plan()
    first = verbs.run(Verb.TEST_FAILOVER, "db01", "db02")
    kept(first.job.id)
    machine, other = verbs.machine("db01"), verbs.machine("app01")
    with verbs.store.transaction() as tx:
        tx.session.execute(delete(jobs))
        (row,) = tx.run_times.of_machines([machine.id])
        found = Histories.read(tx, [machine, other], LIKE)
    assert (row.verb, row.source_site, row.target_site) == (Verb.TEST_FAILOVER, "a", "b")
    assert (row.predicted, row.downtime) == (None, None)
    assert Part.START in row.parts
    assert found.predict(Verb.FAILOVER, machine).basis is Basis.OWN_LIKE
    assert found.predict(Verb.FAILOVER, other).basis is Basis.OTHERS
    assert found.predict(Verb.PLANNED_FAILOVER, machine).basis is Basis.NOTHING


def test_a_move_has_its_downtime_and_the_next_one_is_compared_with_it(verbs, plan, kept):
    plan()
    kept(verbs.run(Verb.PLANNED_FAILOVER, "db01", "db02").job.id)
    job = verbs.run(Verb.PLANNED_FAILOVER, "app01")
    kept(job.job.id)
    with verbs.store.reading() as tx:
        found = {each.machine_id: each for each in tx.run_times.between("a", "b", 10)}
    assert all(each.downtime is not None for each in found.values())
    assert {Part.SHUT_DOWN, Part.LAST_CHANGES, Part.START} <= set(found[verbs.machine("app01").id].parts)
    assert found[verbs.machine("app01").id].predicted is not None
    assert found[verbs.machine("db01").id].predicted is None


def test_of_a_machine_a_verb_and_a_way_only_the_newest_stay_and_a_repeat_changes_nothing(verbs):
    with verbs.store.transaction() as tx:
        for number in range(LAST + 3):
            tx.run_times.add([took(f"j{number}", "m1", number), took(f"k{number}", "m2", number)])
        tx.run_times.add([took("j7", "m1", 7, parts={Part.START: 99.0})])
        tx.run_times.add([took("back", "m1", -9, source_site="b", target_site="a")])
        found = tx.run_times.of_machines(["m1"])
    assert [each.job_id for each in found] == ["j7", "j6", "j5", "j4", "j3", "back"]
    assert found[0].parts == {Part.START: 11.0}


def test_a_way_back_is_not_predicted_from_the_way_there(verbs, plan):
    plan()
    machine = verbs.machine("db01")
    home = replace(machine, source_site="b", target_site="a")
    with verbs.store.transaction() as tx:
        tx.run_times.add([took("j1", machine.id)])
        assert Histories.read(tx, [machine], LIKE).predict(Verb.FAILOVER, machine).seconds == 4
        assert Histories.read(tx, [home], LIKE).predict(Verb.FAILOVER, home).basis is Basis.NOTHING


@pytest.mark.parametrize("count", [1, 1000])
def test_histories_of_many_are_read_in_two_queries(verbs, plan, count):
    plan()
    one = verbs.machine("db01")
    several = [replace(one, id=f"m{number}") for number in range(count)]
    asked = []
    with verbs.store.transaction() as tx:
        tx.run_times.add([took(f"j{each.id}", each.id) for each in several])
        assert tx.session.execute(select(func.count()).select_from(RUN_TIMES)).scalar_one() == count
        engine = tx.session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        found = Histories.read(tx, several, LIKE)
    assert len(asked) == 2
    assert all(found.predict(Verb.FAILOVER, each).basis is Basis.OWN for each in several)


def test_a_run_of_which_evidence_comes_late_is_told_as_it_went_although_its_machine_has_turned_since(
    verbs, plan, kept
):
    """As after a commit that protects back by itself; the way home is not predicted from it."""
    plan()
    went = verbs.run(Verb.PLANNED_FAILOVER, "db01")
    for verb in (Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb, "db01").job.state == "succeeded"
    record, document = kept(went.job.id)
    machine = verbs.machine("db01")
    assert (machine.source_site, machine.target_site) == ("b", "a")
    assert document["machines"][0]["sites"] == ["a", "b"]
    assert record.sites == (("a", "b"),)
    with verbs.store.reading() as tx:
        (row,) = tx.run_times.of_machines([machine.id])
        found = Histories.read(tx, [machine], LIKE)
    assert (row.source_site, row.target_site) == ("a", "b")
    assert found.predict(Verb.PLANNED_FAILOVER, machine).basis is Basis.NOTHING
