"""A point is booted only to see whether it boots: whatever happens meanwhile, the copy is gone, and
nothing else was touched."""

import uuid

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, start, stop
from rig.eventually import eventually
from secondsite.appliance.orders.proof import booting
from secondsite.domain.points import Grade
from secondsite.fabrics.simulated import Fault, dial
from secondsite.ground.threads import worker
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.proofs import BootPoint

pytestmark = pytest.mark.slow
PAGE = MachineCheck(name="page", kind="http", text="open", deadline_seconds=0.5)
AGENT = MachineCheck(name="agent", kind="agent", deadline_seconds=0.5)


def showing(sites, **traits):
    a, b = sites
    wanted = {"shows": "login: ", "serves": {80: "200 the shop is open"}, **traits}
    return Pair(a, b, a.make_machine(**wanted)).protect().synchronized()


def asked(pair, point_id, **more):
    values = {"fabric_id": str(uuid.uuid4()), "name": f"{pair.name}-boot", "wait_seconds": 1, **more}
    return BootPoint(point_id=point_id, **values)


def boot(pair, point_id, **more):
    return pair.target.do(Kind.BOOT_POINT, asked(pair, point_id, **more), pair.machine_id)


def refused(pair, order):
    report = pair.target.order(Kind.BOOT_POINT, order, pair.machine_id, deadline_seconds=120)
    assert report.problem is not None
    return report.problem


def graded(pair, point_id):
    return next(point for point in pair.status().points if point.id == point_id).proof


def nothing_is_left(pair):
    target = pair.target
    hosted = target.appliance.host.get(pair.machine_id)
    assert [each.name for each in target.fabric.inventory.list() if each.name.endswith("-boot")] == []
    assert [each.name for each in target.fabric.networks.list() if each.tag] == []
    assert [each.name for each in hosted.replica.state.runs if each.name == booting.RUN] == []
    assert list(hosted.replica.files.runs.glob(f"{booting.RUN}*")) == []
    assert booting._known(target.appliance.desk._parts) == set()  # noqa: SLF001
    return True


def test_a_point_that_boots_has_the_grade_and_nothing_of_the_copy_is_left(sites):
    pair = showing(sites)
    first, second = pair.point_now(), pair.point_now()
    assert boot(pair, first)["evidence"]["proven"]
    assert nothing_is_left(pair)
    boot(pair, second, network="ss-boot-1", checks=(AGENT, PAGE))
    assert nothing_is_left(pair)
    assert (graded(pair, first), graded(pair, second)) == (Grade.BOOTED, Grade.APPLICATION)


def test_what_could_not_be_asked_without_a_network_neither_gives_nor_takes_a_grade(sites):
    pair = showing(sites)
    first, second = pair.point_now(), pair.point_now()
    boot(pair, second, network="ss-boot-1", checks=(AGENT, PAGE))
    for point_id in (first, second):
        boot(pair, point_id, checks=(AGENT,), left_out=("page",))
    assert (graded(pair, first), graded(pair, second)) == (Grade.BOOTED, Grade.APPLICATION)


def test_a_check_that_fails_takes_the_grade(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    boot(pair, point_id)
    boot(pair, point_id, network="ss-boot-1", checks=(PAGE.model_copy(update={"text": "moon"}),))
    assert graded(pair, point_id) is None
    assert nothing_is_left(pair)


def test_a_copy_that_cannot_be_started_leaves_nothing(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    dial(pair.target.root, [Fault(method="power.start", nth=1, code="fabric-error")])
    assert refused(pair, asked(pair, point_id, network="ss-boot-1")).code == "fabric-error"
    assert nothing_is_left(pair)
    assert graded(pair, point_id) is None


def looking(pair, point_id):
    """A look that would take a minute; `ended` once it has."""
    ended: list[object] = []
    never = MachineCheck(name="never", kind="console", text="never said", deadline_seconds=50)
    order = asked(pair, point_id, checks=(never,), network="ss-boot-1")

    def look():
        ended.append(refused(pair, order))

    worker("look", look).start()
    fabric = pair.target.fabric
    eventually(
        lambda: any(
            each.fabric_id == order.fabric_id and each.power == "running" for each in fabric.inventory.list()
        )
    )
    return ended


@pytest.mark.parametrize("run", ["failover", "drill"])
def test_it_gives_way_to_a_machine_that_people_need(sites, run):
    pair = showing(sites)
    point_id = pair.point_now()
    ended = looking(pair, point_id)
    if run == "drill":
        stop(pair, run, start(pair, run, point_id)["fabric_id"])
    else:
        fail_over(pair, point_id)
    (problem,) = eventually(lambda: ended, 20)
    assert "gave way, because" in problem.message
    assert nothing_is_left(pair)
    assert graded(pair, point_id) is None


def test_a_second_look_at_the_same_machine_is_refused_and_ends_nothing(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    ended = looking(pair, point_id)
    problem = refused(pair, asked(pair, point_id))
    assert "already" in problem.message
    assert not ended
    stop(pair, "drill", start(pair, "drill", point_id)["fabric_id"])
    assert eventually(lambda: ended, 20)


def test_replication_and_an_open_drill_go_on_beside_it(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    fabric_id = start(pair, "drill", point_id)["fabric_id"]
    boot(pair, point_id, network="ss-boot-1")
    assert pair.target.fabric.power.state(fabric_id) == "running"
    assert pair.point_now() != point_id
    stop(pair, "drill", fabric_id)
    assert nothing_is_left(pair)


def left_half_way(pair, point_id):
    """As a process leaves it that was killed while it looked."""
    parts = pair.target.appliance.desk._parts  # noqa: SLF001
    ended, removing = looking(pair, point_id), booting.remove
    booting.remove = lambda *_: None
    try:
        parts.giving_way.make_way("nobody")
        eventually(lambda: ended, 20)
    finally:
        booting.remove = removing


def test_what_a_killed_process_left_is_removed_when_it_starts_again(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    left_half_way(pair, point_id)
    assert booting._known(pair.target.appliance.desk._parts) == {pair.machine_id}  # noqa: SLF001
    pair.target.restart()
    assert nothing_is_left(pair)
    assert pair.point_now() != point_id


def test_what_was_left_of_a_machine_whose_replica_is_gone_is_removed_too(sites):
    pair = showing(sites)
    left_half_way(pair, pair.point_now())
    parts = pair.target.appliance.desk._parts  # noqa: SLF001
    hosted = pair.target.appliance.host.get(pair.machine_id)
    (left,) = [each for each in pair.target.fabric.inventory.list() if each.name.endswith("-boot")]
    pair.target.fabric.power.stop(left.fabric_id)
    hosted.replica.close_run(booting.RUN)
    pair.target.appliance.host.remove(hosted)
    booting.remove_left_over(parts)
    assert booting._known(parts) == set()  # noqa: SLF001
    assert [each.name for each in pair.target.fabric.inventory.list() if each.name.endswith("-boot")] == []
