"""What '--disk' of 'settle' says of where a disk goes."""

import pytest

from secondsite.cli.disk_places import places
from secondsite.domain import errors
from secondsite.wire.common.disk_places import DiskFormat, DiskPlace


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("vda=pool", DiskPlace(place="pool", format=DiskFormat.QCOW2, cache="writeback")),
        ("vda=pool:raw", DiskPlace(place="pool", format=DiskFormat.RAW, cache="writeback")),
        ("vda=a:b:raw:none", DiskPlace(place="a:b", format=DiskFormat.RAW, cache="none")),
    ],
)
def test_format_and_cache_mode_stand_behind_the_place(given, place):
    assert places([given], DiskFormat.QCOW2, "writeback") == {"vda": place}


@pytest.mark.parametrize("given", ["vda", "=pool", "vda=", "vda=:raw", "vda=pool:none"])
def test_what_names_no_disk_or_place_is_refused(given):
    with pytest.raises(errors.InvalidArgument, match="--disk"):
        places([given], DiskFormat.QCOW2, None)
