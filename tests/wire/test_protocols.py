"""Programs of different releases agree on a version, or see that there is none."""

import pytest

from secondsite.wire.control.protocols import Spoken


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        (Spoken(1, 3), Spoken(3, 5), 3),  # two releases apart
        (Spoken(1, 3), Spoken(4, 6), None),
        (Spoken(2, 2), Spoken(2, 2), 2),
        (Spoken(1, 3), Spoken(1, 1), 1),
        (Spoken.said(2, 1), Spoken.said(1, None), 1),
        (Spoken.said(3, 1), Spoken.said(1, None), 1),
        (Spoken.said(4, 2), Spoken.said(1, None), None),
        (Spoken.said(2, 9), Spoken(1, 2), 2),  # one that contradicts itself
    ],
)
def test_the_newest_that_both_understand_is_spoken(ours, theirs, agreed):
    assert ours.common(theirs) == theirs.common(ours) == agreed
