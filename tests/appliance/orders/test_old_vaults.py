"""What a vault orders that was restored from a backup, and what the operator then does, costs no copy that
runs."""

import pytest

from rig.appliances import runs
from secondsite.wire.control.orders import CommitPoint, Kind

pytestmark = pytest.mark.slow


def test_a_commit_fixes_the_point_that_the_machine_stands_on_whichever_the_vault_remembers(pair):
    """A start from the point that it remembers would cost all that the machine wrote since its point was
    changed."""
    pair.protect().synchronized()
    remembered, changed_to = pair.point_now(), pair.point_now()
    fabric_id = runs.fail_over(pair, changed_to)
    content = pair.target.read(fabric_id)
    report = pair.target.order(Kind.COMMIT_POINT, CommitPoint(point_id=remembered), pair.machine_id)
    assert report.problem is None
    assert changed_to in report.sentence
    assert pair.target.replica(pair.machine_id).replica.state.committed_point_id == changed_to
    assert pair.target.read(fabric_id) == content


def test_without_a_failed_over_machine_there_is_nothing_to_commit(pair):
    pair.protect().synchronized()
    payload = CommitPoint(point_id=pair.point_now())
    problem = pair.target.order(Kind.COMMIT_POINT, payload, pair.machine_id).problem
    assert problem.code == "not-possible-now"
    assert pair.status().points
