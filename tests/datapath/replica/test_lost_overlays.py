"""What a machine runs on is made once: where a file of it is gone, nothing starts that would be of two
instants, or of an older one unsaid."""

import shutil

import pytest

from secondsite.datapath import errors
from secondsite.datapath.replica.replica import Replica
from tests.datapath.replica.support_journal import Recorder
from tests.datapath.support_chain import Source, write_image


@pytest.fixture
def replica(daemon, tmp_path):
    source = Source()
    made = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    recorder = Recorder(made, source)
    for number in range(1, 4):
        recorder.cycle(f"p{number}")
    recorder.cycle()
    yield made
    made.close()


def written(replica, through_seq):
    overlays = replica.open_run("failover", "p3", through_seq=through_seq)
    for path in overlays.values():
        write_image(path, "64k", "0")
    return overlays


@pytest.mark.parametrize("through_seq", [None, 4])
@pytest.mark.parametrize("lost", ["one disk", "all"])
def test_what_a_machine_wrote_and_is_gone_is_not_made_anew(replica, daemon, through_seq, lost):
    overlays = written(replica, through_seq)
    if lost == "all":
        shutil.rmtree(replica.files.run("failover"))
    else:
        overlays["sdb"].unlink()
    again = Replica.open(replica.files.root, daemon)
    for _ in range(2):
        with pytest.raises(errors.OverlayGone, match="sdb is not here"):
            again.open_run("failover", "p3", through_seq=through_seq)
    again.close_run("failover")
    assert set(again.open_run("failover", "p2")) == set(overlays)
    again.close()


def test_what_is_put_back_is_gone_on_with(replica):
    overlays = written(replica, None)
    overlays["sdb"].rename(overlays["sdb"].with_suffix(".away"))
    with pytest.raises(errors.OverlayGone):
        replica.open_run("failover", "p3")
    overlays["sdb"].with_suffix(".away").rename(overlays["sdb"])
    assert replica.open_run("failover", "p3") == overlays
