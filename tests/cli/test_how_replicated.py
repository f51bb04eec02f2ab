"""How a machine's disks are frozen and compared, as people read it."""

import pytest

from secondsite.cli.nouns.machine import _pass, _view
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
