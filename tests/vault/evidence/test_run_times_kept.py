"""What runs took, in rows of either database."""

from datetime import timedelta

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.domain.prediction.predicting import LAST
from secondsite.domain.prediction.timing import Part
from secondsite.vault.store import RunTimeRecord, Store, migrate
from tests.support.vault import NOW

pytestmark = pytest.mark.slow


def took(machine_id, number, verb=Verb.FAILOVER, way=("a", "b")):
    return RunTimeRecord(
        job_id=f"{machine_id}-{verb}-{way[0]}-{number}", machine_id=machine_id, verb=verb, source_site=way[0],
        target_site=way[1],
        ended_at=NOW + timedelta(minutes=number), parts={Part.START: float(number)}, downtime=1.5,
        predicted=None,
    )  # fmt: skip


def test_the_newest_of_each_machine_verb_and_way_stay_and_none_is_kept_twice(database, database_url):
    migrate(database_url)
    kinds = [
        ("m1", Verb.FAILOVER, ("a", "b")),
        ("m1", Verb.FAILOVER, ("b", "a")),
        ("m2", Verb.TEST_FAILOVER, ("a", "b")),
    ]
    with Store(database).transaction() as tx:
        for number in range(LAST + 3):
            told = [took(machine, number, verb, way) for machine, verb, way in kinds]
            tx.run_times.add(told)
            tx.run_times.add(told)
    with Store(database).reading() as tx:
        found = tx.run_times.of_machines(["m1", "m2"])
        assert len(found) == LAST * len(kinds)
        newest = [each.parts[Part.START] for each in found if each.machine_id == "m2"]
        assert newest == [float(number) for number in range(LAST + 2, 2, -1)]
        assert {each.verb for each in tx.run_times.of_machines(["m2"], [Verb.FAILOVER])} == set()
        assert len(tx.run_times.between("b", "a", 3)) == 3
