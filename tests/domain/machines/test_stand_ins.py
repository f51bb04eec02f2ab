"""What stands in for a disk that was left out."""

from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.machines import stand_ins
from secondsite.domain.machines.stand_ins import LeftOut, StandIn
from secondsite.ground.units import GiB

ANY_DISK = st.builds(
    LeftOut, st.just("vdb"), st.integers(0, 2**62), st.none() | st.sampled_from(["ext4", "swap"])
)
MORE = [StandIn.NOTHING, StandIn.EMPTY, StandIn.FILE_SYSTEM]


@given(ANY_DISK, st.sampled_from(StandIn))
def test_never_more_stands_in_than_is_wanted_and_known(disk, wanted):
    given_ = stand_ins.chosen(disk, wanted)
    assert MORE.index(given_) <= MORE.index(wanted)
    assert given_ is StandIn.NOTHING or disk.size_bytes > 0
    assert given_ is not StandIn.FILE_SYSTEM or disk.file_system is not None


def test_by_itself_a_file_system_stands_in_where_one_was_seen_and_else_an_empty_disk():
    assert stand_ins.chosen(LeftOut("vdb", 20 * GiB, "ext4")) is StandIn.FILE_SYSTEM
    assert stand_ins.chosen(LeftOut("vdb", 20 * GiB)) is StandIn.EMPTY
    assert stand_ins.chosen(LeftOut("vdb", 0, "ext4")) is StandIn.NOTHING


def test_it_is_said_in_words():
    disk = LeftOut("vdb", 20 * GiB, "ext4")
    said = [stand_ins.said(disk, each) for each in MORE]
    assert said == [
        "vdb was left out: nothing stands in",
        "vdb was left out: an empty disk of 20 GiB stands in",
        "vdb was left out: an empty ext4 of 20 GiB stands in",
    ]
