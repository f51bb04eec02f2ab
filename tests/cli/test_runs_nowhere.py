"""A machine that was failed over and does not run: what is shown of it, and what it takes to end its
protection. And what is told of its jobs after that."""

from types import SimpleNamespace
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.cli.nouns.machine import runs_at
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated.host.host import Host

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def off(cli, protected, rig):
    """The name of a machine that was failed over to b and is off there."""
    rig.new_points(protected)
    cli.must(f"machine planned-failover {protected} --yes --json")
    simulated.kill(rig.home("appliance-b") / "fabric", id_there(rig, protected))
    return protected


def id_there(rig, name):
    known = Host(rig.home("appliance-b") / "fabric").records.all()
    return next(each.fabric_id for each in known if each.definition.name == name)


def shown(cli, name):
    return cli.must(f"machine show {name}").out


def test_a_machine_that_is_off_where_it_was_failed_over_to_is_not_said_to_run_there(cli, rig, off):
    eventually(lambda: "nowhere: off" in shown(cli, off), 60)
    assert "runs at site b" not in shown(cli, off)
    line = next(each for each in cli.must("machine list --no-discover").out.splitlines() if off in each)
    assert "nowhere: off" in line
    assert f"'virsh start {id_there(rig, off)}'" in " ".join(shown(cli, off).split())
    committed = cli.must(f"machine commit {off} --yes").out
    assert "does not run there" in " ".join(committed.split())
    refused = cli(f"machine disable-protection {off} --yes")
    assert refused.exit == 1
    assert "runs nowhere" in " ".join((refused.out + refused.err).split())
    ended = cli.must(f"machine disable-protection {off} --runs-nowhere --yes").out
    assert f"for {off}, which is off here and stands on them" in " ".join(ended.split())
    jobs = cli.must(f"job list --machine {off} --json").json
    assert [each["verb"] for each in jobs][:2] == ["disable_protection", "disable_protection"]


@pytest.mark.parametrize(
    ("power", "code", "place"),
    [
        ("off", "failed-over-machine-moved", "b"),
        ("off", "failed-over-machine-elsewhere", "elsewhere"),
        ("off", "cancel-failed", "nowhere: off"),
        ("running", "failed-over-machine-moved", "a"),
    ],
)
def test_one_whose_cancel_failed_is_said_to_run_where_it_was_seen(power, code, place):
    """It ran at another host of the second site, and 'nowhere: off' was shown."""
    found = [SimpleNamespace(code=code)]
    machine: Any = SimpleNamespace(active_site="a", target_site="b", power=power, findings=found)
    assert runs_at(machine) == place


def test_a_subnet_that_is_none_is_named_before_a_yes_is_wanted(cli, protected):
    refused = cli(f"machine test-failover {protected} --subnet 10.9.0.0/33")
    assert refused.exit == 2
    assert "10.9.0.0/33" in refused.err


def test_a_name_that_cannot_be_one_is_told_in_words(cli, protected):
    refused = cli(f"plan create Shop_1 --group {protected}")
    assert refused.exit == 2
    assert "pattern" not in refused.err
    assert "a-z, 0-9 and '-'" in refused.err
