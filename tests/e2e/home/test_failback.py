"""Two real guests of a replication group come home from the point that both agreed to; until commit their
last points, which bear one id, can still be taken."""

import json
import tempfile
from pathlib import Path

import pytest

import guestkit
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=32)
NAMES = ("db01", "web01")
COMMON = "latest_multi_vm_app_consistent"


@pytest.fixture(scope="module")
def rig():
    make = {"workload": WRITING, "kind": guestkit.Kind.AGENT}
    folder = Path(tempfile.mkdtemp(prefix="ss-"))
    with e2e.guests_under(dict.fromkeys(NAMES, make), folder=folder, app_consistent_every_seconds=4) as rig:
        places = ("--source", "a", "--target", "b")
        command_line.do(rig, "enable-protection", *NAMES, *places, "--policy", "quick")
        command_line.told(rig, "group", "create", "shop", *NAMES, *places, "--every", "5", "--app-consistent")
        groups = [{"machines": [name]} for name in NAMES]
        file = folder / "shop.json"
        file.write_text(json.dumps({"groups": groups}))
        command_line.told(rig, "plan", "create", "shop", "--file", str(file))
        yield rig


def run(rig, verb, *words):
    return command_line.told(rig, "plan", verb, "shop", "--yes", *words)


def choices(rig, *words):
    found = command_line.told(rig, "plan", "choices", "shop", "--verb", "planned-failover", *words)
    return {each["choice"]: each for each in found["choices"]}


def started_from(rig):
    return {name: rig.machine(name).failover.point_id for name in NAMES}


def newest(rig):
    return {name: rig.points(name)[-1] for name in NAMES}


def one_set(points):
    (found,) = {each.set_id for each in points.values()}
    return found


def test_all_are_off_so_their_last_points_are_a_common_one(rig):
    assert list(choices(rig)) == ["latest"]
    run(rig, "planned-failover")
    for name in NAMES:
        e2e.booted(rig.console("b", name), 1)
    assert one_set(newest(rig)) is not None
    assert started_from(rig) == {name: each.id for name, each in newest(rig).items()}
    for verb in ("commit", "reprotect"):
        run(rig, verb)


def test_they_come_home_from_the_newest_point_that_both_agreed_to(rig):
    offered = eventually(lambda: found if COMMON in (found := choices(rig)) else None, within_seconds=90)
    assert list(offered) == ["latest", COMMON]
    assert offered[COMMON]["loses_seconds"] > 0 == offered["latest"]["loses_seconds"]
    run(rig, "planned-failover", "--choice", COMMON)
    for name in NAMES:
        home = e2e.booted(rig.console("a", name), 2)
        assert 0 < home.verified_last < rig.console("b", name).boots[-1].bye
    used = {
        name: point for name in NAMES for point in rig.points(name) if point.id == started_from(rig)[name]
    }
    assert {each.consistency for each in used.values()} == {"app"}
    assert one_set(used) is not None


def test_until_commit_their_last_state_can_be_taken_instead_and_nothing_is_lost(rig):
    last = newest(rig)
    assert one_set(last) is not None
    run(rig, "change-recovery-point", "--choice", "latest_multi_vm_processed")
    assert started_from(rig) == {name: each.id for name, each in last.items()}
    for name in NAMES:
        assert e2e.booted(rig.console("a", name), 3).verified_last == rig.console("b", name).boots[-1].bye
    run(rig, "commit")
