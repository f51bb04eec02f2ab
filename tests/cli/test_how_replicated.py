"""How a machine's disks are frozen and compared, as people read it."""

from datetime import UTC, datetime

import pytest

from secondsite.cli.nouns.machine import _pass, _rolling_scan, _view
from secondsite.wire import rest


@pytest.mark.parametrize(
    ("left", "rpo", "told"),
    [
        (None, 30.0, "compare, 25% done"),
        (90.0, None, "compare, 25% done, about 1 min 30 s left"),
        (90.0, 30.0, "compare, 25% done, about 1 min 30 s left; the RPO is about 2 min by then"),
    ],
)
def test_a_pass_says_when_it_ends_and_what_the_rpo_will_be_then(left, rpo, told):
    assert _pass(rest.Synchronization(mode="compare", fraction=0.25, seconds_left=left), rpo) == told


def test_the_kind_of_view_is_told_with_its_reason_if_it_has_one():
    assert _view(None) is None
    assert _view(rest.RunningView(kind="backup-job")) == "backup-job"
    forced = rest.RunningView(kind="filter", reason="vda: no bitmap is kept in such a disk")
    assert _view(forced) == "filter: vda: no bitmap is kept in such a disk"


def test_a_rolling_scan_says_how_far_it_is_and_when_it_was_through_last():
    assert _rolling_scan(None) is None
    assert _rolling_scan(rest.RollingScan(fraction=0.25)) == "25% of this pass; no whole pass yet"
    ended = rest.RollingScan(fraction=0, ended_at=datetime(2026, 11, 20, 9, 1, tzinfo=UTC))
    assert _rolling_scan(ended) == "0% of this pass; the last whole pass ended 2026-11-20 09:01:00Z"
