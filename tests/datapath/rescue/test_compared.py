"""Rescue starts nothing from a point that does not hold what was sealed."""

import pytest

from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import MiB
from secondsite.rescue.comparing import verifying
from secondsite.rescue.store import Store
from tests.datapath.support_chain import Source, write_image


@pytest.fixture
def replica(tmp_path, daemon):
    source = Source(sizes={"sda": 1 * MiB})
    (tmp_path / "store/replicas").mkdir(parents=True)
    made = Replica.create(tmp_path / "store/replicas/m1", daemon, "m1", source.replica_disks, epoch=1)
    made.apply(*source.cycle("p1"))
    made.close()
    return made


def found(tmp_path):
    stored = Store([tmp_path / "store"]).find("m1")
    return verifying.compared(stored, stored.point("p1"), None)


def test_a_point_that_was_changed_since_it_was_sealed_is_named_and_a_whole_one_is_not(replica, tmp_path):
    whole = found(tmp_path)
    assert (whole.problem, whole.compared, whole.left) == ("", ("sda",), ())
    write_image(replica.files.layer("sda", replica.state.layer_of("p1").number), "64k", "128k")
    assert found(tmp_path).problem == "what its disk sda holds is not what was sealed"
