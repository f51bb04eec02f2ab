"""A damaged point counts for nothing: no failover starts from it."""

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
