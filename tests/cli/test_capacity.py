"""What protection would take, at two simulated sites."""

import re

import pytest

from secondsite.fabrics.simulated.host.host import Host

pytestmark = pytest.mark.slow

WAY = "--source a --target b"


@pytest.fixture
def bare(rig):
    """Other tests of the worker restored machines at site b, or ended protection there: they are gone."""
    host = Host(rig.home("appliance-b") / "fabric")
    for record in [each for each in host.records.all() if each.tag is None]:
        host.records.delete(host.close(record).fabric_id)


def test_what_machines_need_is_told_with_what_was_assumed(cli, protected, fresh_too):
    told = cli.must(f"plan-capacity {protected} {fresh_too} {WAY} --bandwidth 100Mbit/s").out
    told = re.sub(" +", " ", told)
    assert f"{protected} yes assumed" in told
    assert f"{fresh_too} no assumed" in told
    assert "2, 0 measured, 2 assumed" in told
    assert "first copy at 12.5 MB/s" in told
    assert "assumed: What 2 machines write is not measured: 10 % of the data in a day" in told


def test_all_of_a_site_are_meant_unless_some_are_named(cli, protected, fresh_too):
    def names(options):
        found = cli.must(f"plan-capacity {WAY} {options} --json").json["machines"]
        return {each["machine"]: each["protected"] for each in found}

    assert names("").items() >= {protected: True, fresh_too: False}.items()
    assert protected not in names("--which unprotected")
    assert fresh_too not in names("--which protected")


@pytest.mark.usefixtures("bare")
def test_a_site_without_machines_says_where_there_are_some(cli, protected):
    told = cli.must("plan-capacity --source b --target a --which unprotected").out
    assert "Site b runs no machines that this could be for; 'secondsite machine list'" in told


def test_what_is_no_plan_is_refused_with_what_to_do(cli):
    assert "has no machine 'nobody'" in cli(f"plan-capacity nobody {WAY}").err
    assert "cannot be protected to the same site" in cli("plan-capacity --source a --target a").err
    assert "no bandwidth to plan with" in cli(f"plan-capacity {WAY} --bandwidth unlimited").err
