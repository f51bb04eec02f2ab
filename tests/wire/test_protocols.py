"""Programs of different releases agree on a version, or see that there is none."""

import pytest

from secondsite.wire.control.protocols import ProtocolVersions


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        (ProtocolVersions(1, 3), ProtocolVersions(3, 5), 3),  # two releases apart
        (ProtocolVersions(1, 3), ProtocolVersions(4, 6), None),
        (ProtocolVersions(2, 2), ProtocolVersions(2, 2), 2),
        (ProtocolVersions(1, 3), ProtocolVersions(1, 1), 1),
        (ProtocolVersions.said(2, 1), ProtocolVersions.said(1, None), 1),
        (ProtocolVersions.said(3, 1), ProtocolVersions.said(1, None), 1),
        (ProtocolVersions.said(4, 2), ProtocolVersions.said(1, None), None),
        (ProtocolVersions.said(2, 9), ProtocolVersions(1, 2), 2),  # one that contradicts itself
    ],
)
def test_the_newest_that_both_understand_is_spoken(ours, theirs, agreed):
    assert ours.common(theirs) == theirs.common(ours) == agreed
