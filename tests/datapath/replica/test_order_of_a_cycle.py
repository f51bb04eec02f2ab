"""What a cycle wrote is on the disk before the record says that it was processed; and what a recovery point
needs beside its disks stays as long as the point."""

import pytest

from secondsite.datapath import errors
from secondsite.datapath.cycles import firmware
from secondsite.datapath.disks.nbd_disk import NbdDisk
from secondsite.datapath.replica.record import record
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import MiB
from tests.datapath.support_chain import Source


@pytest.fixture
def source():
    return Source(sizes={"sda": 1 * MiB})


@pytest.fixture
def replica(daemon, source, tmp_path):
    made = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    yield made
    made.close()


@pytest.mark.parametrize("point_id", [None, "p1"])
def test_a_cycle_is_flushed_before_it_counts_as_processed_and_before_a_point_is_sealed(
    replica, source, monkeypatch, point_id
):
    done: list[str] = []
    flush, save = NbdDisk.flush, record.save

    def flushed(disk):
        flush(disk)
        done.append("flushed")

    def saved(state, path):
        done.append(f"processed {state.processed_seq}")
        save(state, path)

    monkeypatch.setattr(NbdDisk, "flush", flushed)
    monkeypatch.setattr(record, "save", saved)
    replica.apply(*source.cycle(point_id))
    assert "flushed" in done[: done.index("processed 1")]


def test_firmware_state_that_only_an_older_point_has_stays_until_that_point_goes(replica, source):
    first, second = {"nvram": b"first"}, {"nvram": b"second"}
    replica.apply(*source.cycle("p1", firmware=firmware.pack(first, ())))
    replica.apply(*source.cycle("p2", firmware=firmware.pack(second, ())))
    assert [replica.firmware(each) for each in ("p1", "p2")] == [first, second]
    replica.drop("p1")
    assert len(list(replica.files.firmware.iterdir())) == 1
    assert replica.firmware("p2") == second


def test_a_held_point_is_not_dropped(replica, source):
    replica.apply(*source.cycle("p1"))
    replica.apply(*source.cycle("p2"))
    replica.hold("p1", "for the auditors")
    with pytest.raises(errors.PointHeld, match="for the auditors"):
        replica.drop("p1")
    assert [each.point_id for each in replica.points()] == ["p1", "p2"]
