"""Power of machines of a cluster, what forbids it, and that nothing without our tag is touched."""

import pytest

from secondsite.domain import errors
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.pve import PveSite
from secondsite.fabrics.pve.connection import Connection
from secondsite.fabrics.pve.errors import PveAway, PveLocked, PveRefused
from tests.fabrics.pve.support_machines import add

OURS = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
OTHER = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c002"
MARK = f"secondsite-100-{OURS}"
NO_START = "secondsite-no-start-100-onboot"


@pytest.fixture
def site(cluster):
    site = PveSite(cluster.reached_at())
    yield site
    site.close()


@pytest.fixture
def ours(cluster):
    return add(cluster, 100, status="running", tags=f"web;{MARK}", onboot="1")


def tags(cluster):
    return cluster.pve.vm(100).config.get("tags", "").split(";")


def test_a_machine_is_tagged_once_and_its_owner_s_tags_stay(cluster, site):
    known = add(cluster, 100, tags="web")
    for _ in range(2):
        site.tracking.enable(known, OURS)
    assert tags(cluster) == ["web", MARK]
    assert len(cluster.changes()) == 1
    assert site.inventory.tag(known) == OURS
    for _ in range(2):
        site.tracking.disable(known)
    assert tags(cluster) == ["web"]
    assert len(cluster.changes()) == 2


def test_the_last_tag_is_taken_off_too(cluster, site):
    known = add(cluster, 100)
    site.tracking.enable(known, OURS)
    site.tracking.disable(known)
    assert "tags" not in cluster.pve.vm(100).config


def test_no_machine_without_our_tag_is_changed_by_anything(cluster, site):
    """A clone of ours, one with another's tag, and one that somebody made under a number of ours."""
    known = add(cluster, 101, status="running", tags=f"{MARK};secondsite-102-{OTHER}")
    acts = [
        lambda: site.power.start(known),
        lambda: site.power.stop(known),
        lambda: site.power.shut_down(known, 1),
        lambda: site.power.forbid_start(known, OURS),
        lambda: site.power.allow_start(known, OURS, with_host=True),
    ]
    for act in acts:
        with pytest.raises(errors.NotOurs):
            act()
    site.tracking.disable(known)
    assert cluster.changes() == []


def test_a_machine_with_another_tag_of_ours_is_left_alone(cluster, site, ours):
    for act in (site.power.forbid_start, site.tracking.enable):
        with pytest.raises(errors.NotOurs, match=OURS):
            act(ours, OTHER)
    assert cluster.changes() == []


def test_a_number_that_is_another_machine_s_now_is_not_touched(cluster, site, ours):
    assert site.power.state(ours) is PowerState.RUNNING
    cluster.pve.vms.clear()
    add(cluster, 200)
    cluster.pve.vm(200).vmid = 100
    assert site.power.state(ours) is PowerState.MISSING
    site.power.stop(ours)
    with pytest.raises(errors.NotFound):
        site.power.start(ours)
    assert cluster.changes() == []


def test_a_forbidden_start_is_two_settings_of_one_call_and_nothing_else(cluster, site, ours):
    for _ in range(2):
        site.power.forbid_start(ours, OURS)
    assert tags(cluster) == ["web", MARK, NO_START]
    assert cluster.pve.vm(100).config["onboot"] == "0"
    assert site.inventory.get(ours).definition.starts_with_host
    assert not site.power.starts_with_host(ours)
    assert cluster.changes() == [("PUT", "/api2/json/nodes/pve1/qemu/100/config")]
    assert cluster.pve.vm(100).status == "running"


def test_a_start_that_is_allowed_again_is_as_it_is_wanted(cluster, site, ours):
    for with_host in (True, False):
        site.power.forbid_start(ours, OURS)
        site.power.allow_start(ours, OURS, with_host=with_host)
        assert tags(cluster) == ["web", MARK]
        assert site.power.starts_with_host(ours) is with_host
    site.power.forbid_start(ours, OURS)
    assert not site.inventory.get(ours).definition.starts_with_host


def test_what_somebody_else_changed_meanwhile_is_read_again_and_kept(cluster, site, ours, monkeypatch):
    put, meanwhile = Connection.put, iter([f"db;{MARK}"])

    def changed_before(connection, path, fields):
        for theirs in meanwhile:
            cluster.pve.vm(100).config["tags"] = theirs
        return put(connection, path, fields)

    monkeypatch.setattr(Connection, "put", changed_before)
    site.power.forbid_start(ours, OURS)
    assert tags(cluster) == ["db", MARK, NO_START]


def test_the_ha_manager_s_start_is_no_forbidden_one(cluster, site, ours):
    cluster.pve.vm(100).ha_state = "started"
    with pytest.raises(errors.FabricError, match="HA manager") as told:
        site.power.forbid_start(ours, OURS)
    assert "ha-manager set vm:100 --state ignored" in told.value.do
    assert NO_START in tags(cluster)
    assert site.power.starts_with_host(ours)
    cluster.pve.vm(100).ha_state = "ignored"
    site.tracking.disable(ours)


def test_power_states_are_told_in_our_words(cluster, site, ours):
    vm = cluster.pve.vm(100)
    for qmp, state in (
        ("paused", PowerState.PAUSED),
        ("guest-panicked", PowerState.CRASHED),
        ("running", PowerState.RUNNING),
    ):
        vm.qmpstatus = qmp
        assert site.power.state(ours) is state
    vm.status = "stopped"
    assert site.power.state(ours) is PowerState.OFF
    vm.lock = "suspended"
    assert site.power.state(ours) is PowerState.SAVED


def test_of_a_machine_whose_node_is_away_nobody_knows_whether_it_runs(cluster, site, ours):
    cluster.pve.nodes["pve1"]["online"] = False
    with pytest.raises(PveAway):
        site.power.state(ours)
    with pytest.raises(PveAway):
        site.power.stop(ours)
    assert cluster.changes() == []


@pytest.mark.parametrize("seconds", [0, 90])
def test_a_shutdown_says_truly_whether_the_machine_is_off(cluster, site, ours, seconds):
    cluster.pve.vm(100).shutdown_secs = seconds
    assert site.power.shut_down(ours, 30) is (seconds == 0)
    assert site.power.state(ours) is (PowerState.OFF if seconds == 0 else PowerState.RUNNING)


def test_a_guest_that_hears_no_shutdown_is_still_on(cluster, site, ours):
    cluster.pve.vm(100).acpi = False
    assert site.power.shut_down(ours, 1) is False
    site.power.stop(ours)
    assert site.power.shut_down(ours, 1) is True


def test_a_machine_of_the_ha_manager_is_shut_down_by_it(cluster, site, ours):
    cluster.pve.vm(100).ha_state = "started"
    assert site.power.shut_down(ours, 5) is True
    assert cluster.pve.vm(100).ha_state == "stopped"


def test_a_machine_that_a_backup_has_is_not_stopped_and_it_says_why(cluster, site, ours):
    cluster.pve.snapshot_lock(100, "backup")
    with pytest.raises(PveLocked, match="locked"):
        site.power.stop(ours)
    assert cluster.pve.vm(100).status == "running"


def test_a_start_that_fails_says_why_in_pve_s_words(cluster, site, ours):
    cluster.pve.vm(100).status = "stopped"
    cluster.pve.vm(100).start_error = "volume 'local-lvm:vm-100-disk-0' does not exist"
    with pytest.raises(PveRefused, match="does not exist"):
        site.power.start(ours)


def test_without_quorum_nothing_is_begun_and_it_comes_back_by_itself(cluster, site, ours):
    cluster.pve.lose_quorum()
    with pytest.raises(PveAway, match="no quorum"):
        site.power.forbid_start(ours, OURS)
    cluster.pve.regain_quorum()
    site.power.forbid_start(ours, OURS)


def test_a_migrated_machine_is_stopped_where_it_is_now(cluster, site, ours):
    assert site.power.state(ours) is PowerState.RUNNING
    cluster.pve.add_node("pve2")
    cluster.pve.vm(100).node = "pve2"
    site.power.stop(ours)
    assert cluster.changes() == [("POST", "/api2/json/nodes/pve2/qemu/100/status/stop")]
