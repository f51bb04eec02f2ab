"""Replication groups, from the first word to a drill of their common point, between two simulated sites."""

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def together(cli, fresh, fresh_too):
    cli.must(f"machine enable-protection {fresh} {fresh_too} --source a --target b --json")
    return fresh, fresh_too


def test_a_group_is_made_drilled_at_its_common_point_and_deleted(cli, together):
    one, other = together
    said = cli.must(f"group create shop {one} {other} --source a --target b --every 5")
    assert f"machines: {one}, {other}" in said.out
    assert "shop" in cli.must(f"machine show {one}").out
    eventually(lambda: cli.must("group show shop --json").json["newest_set"], within_seconds=30)
    assert "shop-" in cli.must(f"point list {one}").out
    cli.must(f"machine test-failover {one} {other} --choice latest_multi_vm_processed --json --yes")
    used = {each: drilled_set(cli, each) for each in together}
    assert used[one] == used[other]
    assert used[one].startswith("shop-")
    cli.must(f"machine cleanup-test-failover {one} {other} --json --yes")
    assert f"machines: {one}" in cli.must(f"group remove shop {other}").out
    cli.must(f"group add shop {other}")
    assert "shop" in cli.must("group list").out
    assert cli.must("group delete shop --json --yes").json == {"deleted": {"group": "shop"}}
    assert "no group 'shop'" in cli("group show shop").err


def drilled_set(cli, machine):
    (job,) = [
        j for j in cli.must(f"job list --machine {machine} --json").json if j["verb"] == "test_failover"
    ]
    tasks = cli.must(f"job show {job['id']} --json").json["tasks"]
    (point_id,) = {task["facts"]["point_id"] for task in tasks if task["facts"].get("point_id")}
    (point,) = [each for each in cli.must(f"point list {machine} --json").json if each["id"] == point_id]
    return point["set_id"]


def test_a_name_that_is_none_is_refused_with_what_to_do(cli):
    assert cli("group create 'No Name' --source a --target b").exit != 0
    assert "name" in cli("group create 'No Name' --source a --target b").err
