"""Who rules a machine that runs from a point may write into the layers below it: that is noticed."""

import os

import pytest

from secondsite.datapath.errors import ImageProblem
from secondsite.datapath.replica.replica import Replica
from tests.datapath.support_chain import Source, qemu_img, write_image


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def replica(daemon, source, tmp_path):
    made = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 5):
        made.apply(*source.cycle(f"p{number}"))
    yield made
    made.close()


def commit(overlay, into):
    """As 'virsh blockcommit MACHINE DISK --active', which needs no '--base' for the lowest file."""
    qemu_img("commit", "-q", "-d", "-b", os.path.relpath(into, overlay.parent), overlay)


def test_a_commit_into_the_layers_below_a_machine_is_noticed_once(replica):
    overlays = replica.open_run("failover", "p3")
    write_image(overlays["sda"], "64k", "0")
    assert replica.changed_bases() == ()
    past = replica.files.base("sda").stat().st_mtime - 60
    for path in replica.files.disk("sda").iterdir():
        os.utime(path, (past, past))
    replica.accept_bases()
    commit(overlays["sda"], replica.files.base("sda"))
    assert replica.changed_bases() == ("sda",)
    assert replica.open_run("failover", "p3") == overlays
    assert replica.changed_bases() == ("sda",)
    replica.accept_bases()
    assert replica.changed_bases() == ()


def test_nothing_is_noticed_where_only_this_program_works(replica, source):
    replica.open_run("drill", "p2")
    replica.apply(*source.cycle("p5"))
    replica.drop("p1")
    replica.drop("p4")
    replica.keep_short()
    assert replica.changed_bases() == ()
    replica.close_run("drill")
    replica.open_run("failover", "p5")
    replica.settle("failover")
    replica.rebase_from_run("failover", epoch=2)
    assert replica.changed_bases() == ()


def test_a_run_of_a_former_release_has_nothing_to_compare(replica):
    replica.open_run("drill", "p2")
    replica.files.run_below("drill").unlink()
    assert replica.changed_bases() == ()
    replica.accept_bases()
    assert replica.open_run("drill", "p2")
    assert replica.files.run_below("drill").exists()


def test_layers_that_are_away_for_a_moment_are_not_altered(replica):
    replica.open_run("failover", "p3")
    folder = replica.files.disk("sda")
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(ImageProblem, match="cannot be looked at"):
        replica.altered_bases()
    away.rename(folder)
    assert replica.altered_bases() == replica.changed_bases() == ()


def test_a_layer_that_is_lost_is_altered(replica):
    replica.open_run("failover", "p3")
    replica.files.base("sda").unlink()
    assert replica.altered_bases() == ("sda",)
