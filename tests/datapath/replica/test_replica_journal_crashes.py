"""Whatever instant a process dies at, the journal loses no cycle and no half-rolled overlay is ever run."""

import pytest

from secondsite.datapath import errors
from secondsite.datapath.cycles import cycle_file
from secondsite.datapath.replica.replica import Replica
from tests.datapath.replica.support_journal import Recorder, content
from tests.datapath.replica.support_sweep import sweep
from tests.datapath.support_chain import Seams, Source, assert_points_true, dying

pytestmark = pytest.mark.slow


@pytest.fixture
def source():
    return Source(seed=7)


@pytest.fixture
def template(tmp_path, daemon, source):
    """A replica's folder with two points and a cycle after each, to be copied for every death."""
    recorder = Recorder(
        Replica.create(tmp_path / "template", daemon, "m1", source.replica_disks, epoch=1), source
    )
    for seq in range(1, 5):
        recorder.cycle({1: "p1", 3: "p2"}.get(seq), writes=3)
    recorder.replica.close()
    source.recorder = recorder
    return tmp_path / "template"


def test_rolling_forward_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    held = source.recorder.held

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        if done:
            assert content(replica.open_run("failover", "p1", through_seq=4), tmp_path) == held[4]
            assert [path.name for path in replica.files.runs.iterdir()] == ["failover"]

    sweep(
        template, daemon, lambda replica: replica.open_run("failover", "p1", through_seq=4), check, at_least=6
    )


def test_keeping_a_cycle_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    header, path = source.recorder.file(writes=3)
    path = path.relative_to(template)

    def process(replica):
        waiting = replica.files.root / path
        if waiting.exists():
            reach = replica.reach  # the owner may die between the two calls as well
            replica.apply(*cycle_file.read(waiting))
            reach("test.before-retire")
            replica.retire(waiting, header.epoch, header.seq)
            reach("test.retired")

    def check(replica, done):
        if done:
            assert [entry.seq for entry in replica.journal.entries()] == [2, 3, 4, 5]
            run = replica.open_run("drill", "p1", through_seq=5)
            assert content(run, tmp_path) == source.recorder.held[5]

    sweep(template, daemon, process, check, at_least=6)


def test_an_end_of_the_daemon_while_rolling_leaves_the_run_to_be_made_anew(
    template, daemon, source, tmp_path
):
    seams = Seams()
    replica = Replica.open(template, daemon, seams)
    replica.points()
    seams.arm(6)
    with dying() as died:
        replica.open_run("drill", "p1", through_seq=4)
    assert died
    daemon.stop()
    heir = Replica.open(template, daemon)
    assert heir.rolling()
    assert content(heir.open_run("drill", "p1", through_seq=4), tmp_path) == source.recorder.held[4]
    assert not heir.rolling()


def test_a_run_that_was_never_made_gives_way_to_another_instant(template, daemon, source, tmp_path):
    seams = Seams()
    replica = Replica.open(template, daemon, seams)
    replica.points()
    seams.arm(5)
    with dying() as died:
        replica.open_run("failover", "p1", through_seq=4)
    assert died
    heir = Replica.open(template, daemon)
    assert content(heir.open_run("failover", "p1", through_seq=2), tmp_path) == source.recorder.held[2]
    assert [(run.name, run.through_seq) for run in heir.state.runs] == [("failover", 2)]
    heir.files.point("p1").write_bytes(b"rot")
    with pytest.raises(errors.ImageProblem):
        heir.open_run("failover", "p1", through_seq=2)
    assert [run.name for run in heir.state.runs] == ["failover"]
