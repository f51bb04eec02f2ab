"""A damaged point, and what the target does not have, count for nothing: no failover starts from it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from secondsite.vault.health import machine_rpo
from secondsite.vault.store import StatusRecord
from tests.support.vault import NOW, point, replica_status, source_status

NEWEST = NOW - timedelta(seconds=5)
HOURS_AGO = NOW - timedelta(hours=3)


@pytest.mark.parametrize("power", ["running", "off"])
def test_the_rpo_is_of_the_newest_point_that_is_whole(power):
    """It said 5 s, without a finding, and every failover would have lost three hours."""
    old = point(1).model_copy(update={"taken_at": HOURS_AGO})
    new = point(2).model_copy(update={"taken_at": NEWEST, "damaged": True})
    source = source_status(power=power, sent_at=NEWEST)
    status = StatusRecord("m1", source=source, source_at=NOW, replica_at=NOW)

    def recoverable(*points):
        return machine_rpo.recoverable_at(replace(status, replica=replica_status("m1", points)))

    assert recoverable(old, new) == HOURS_AGO
    assert recoverable(new) is None
    assert recoverable(old, new.model_copy(update={"damaged": False})) == NEWEST


def test_what_a_machine_that_is_off_sent_last_counts_only_if_its_target_has_it():
    """The store was put back from before the last point: the RPO said seconds, for ever."""
    old = point(3).model_copy(update={"taken_at": HOURS_AGO})
    source = source_status(power="off", sent_at=NEWEST, last_seq=4)
    status = StatusRecord("m1", source=source, source_at=NOW, replica_at=NOW)
    behind = replica_status("m1", [old], processed_seq=3)
    assert machine_rpo.recoverable_at(replace(status, replica=behind)) == HOURS_AGO
    has_all = behind.model_copy(update={"processed_seq": 4})
    assert machine_rpo.recoverable_at(replace(status, replica=has_all)) == NEWEST
