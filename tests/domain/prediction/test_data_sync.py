"""Which data synchronization is recommended, by what was measured."""

import pytest

from secondsite.domain.prediction.data_sync import DataSync, recommend

GB = 10**9


@pytest.mark.parametrize(
    ("changed", "data", "gone", "wanted", "because"),
    [
        (GB, 10 * GB, False, DataSync.BEFORE, "1.0 GB of its 10.0 GB"),
        (5 * GB, 10 * GB, False, DataSync.DURING, "comparing would save little"),
        (GB, 10 * GB, True, DataSync.DURING, "its old machine is gone"),
        (
            None,
            None,
            True,
            DataSync.DURING,
            "to the alternate location, which sends everything while it runs",
        ),
        (None, 10 * GB, False, DataSync.BEFORE, "is not known"),
        (GB, None, False, DataSync.BEFORE, "is not known"),
        (0, 10 * GB, False, DataSync.BEFORE, "is not known"),
    ],
)
def test_it_goes_by_how_much_has_changed_and_whether_the_old_machine_is_there(
    changed, data, gone, wanted, because
):
    found = recommend(changed, data, old_is_gone=gone)
    assert found.sync is wanted
    assert because in found.because
