"""One base and one checkpoint in flight, always: what a cycle leaves behind goes at once, whatever the
target does."""

import pytest

from rig.appliances import Pair, Site, SiteProcess
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.domain import health
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import AcceptCycles, Kind

pytestmark = pytest.mark.slow

NO_VIEW = simulated.Fault(method="tracking.open", code="fabric-error", message="A view was opened.")


def record_of(pair):
    return Host(pair.source.root).records.need(pair.fabric_id)


def checkpoints(pair):
    return list(record_of(pair).checkpoints)


def findings(pair):
    return {finding.code: finding.what for finding in pair.source_status().findings}


@pytest.fixture
def killed_in_a_view(tmp_path, ca, make_site):
    """A protected machine whose appliance was killed with a view open; the target is gone too."""
    b = make_site("b").start()
    a = SiteProcess(tmp_path, "a", ca)
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    simulated.dial(a.root, [simulated.Fault(method="tracking.open", when="after", kill=True)])
    a.write(pair.fabric_id, 0, noise(256 * KiB))
    a.wait_until_dead()
    simulated.dial(a.root, [])
    b.stop()
    pair.source = Site(a.folder, a.config)
    yield pair
    pair.source.stop()
    a.close()


def test_a_view_that_a_killed_appliance_left_open_ends_at_its_next_start_although_the_target_is_away(
    killed_in_a_view,
):
    pair = killed_in_a_view
    assert record_of(pair).view is not None
    assert len(checkpoints(pair)) == 2
    pair.source.start()
    eventually(lambda: record_of(pair).view is None, 10)
    eventually(lambda: len(checkpoints(pair)) == 1, 10)
    assert list(pair.source.config.scratch.iterdir()) == []
    eventually(lambda: "peer-unreachable" in findings(pair), 10)


def refused(pair, code="peer-refused"):
    """The target refuses the next cycles; any view would be an error of the fabric."""
    simulated.dial(pair.source.root, [NO_VIEW])
    pair.source.write(pair.fabric_id, 2 * MiB, noise(64 * KiB))
    eventually(lambda: code in findings(pair), 20)
    # two more attempts
    source = pair.source.appliance.replication.get(pair.machine_id)
    for _ in range(2):
        started = source.started
        source.hurry()
        eventually(lambda began=started: source.started > began, 10)
    assert "cycle-failed" not in findings(pair)
    assert len(checkpoints(pair)) == 1
    simulated.dial(pair.source.root, [])


def test_a_closed_replica_is_asked_before_a_view_is_opened(pair):
    pair.protect().synchronized()
    pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), pair.machine_id)
    refused(pair)
    pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=True), pair.machine_id)
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def test_a_full_store_is_told_before_a_view_is_opened(make_site, small):
    store = small("store", 64 * MiB)
    a, b = make_site("a").start(), make_site("b", store=store / "store").start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    (store / "foreign").write_bytes(b"")
    # without a buffer: what is left in one is written when the file is closed, and is one error more
    with (store / "foreign").open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(bytes(64 * KiB))
    refused(pair, "target-store-full")
    (store / "foreign").unlink()
    eventually(lambda: not findings(pair), 60)


def test_a_cycle_that_builds_on_one_that_the_target_lost_is_told_before_a_view_is_opened(pair):
    pair.protect().synchronized()
    source = pair.source.appliance.replication.get(pair.machine_id)
    simulated.dial(pair.source.root, [NO_VIEW])
    with source.lock("the test", 10):
        source.change(last_seq=source.progress.last_seq + 5)
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    what = eventually(lambda: findings(pair).get("resynchronizing"), 20)
    assert "builds on cycle" in what
    compared = []

    def look(seam):
        if seam == "appliance.cycle.attempted":
            compared.append(findings(pair).get("resynchronizing"))

    with seams.armed(look):
        simulated.dial(pair.source.root, [])
        eventually(lambda: compared, 20)
    assert "builds on cycle" in compared[0], "while it is compared, too"
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def test_the_checkpoint_of_a_cycle_that_was_cut_goes_at_once(make_site):
    a, b = make_site("a").start(), make_site("b").start()
    link = Relay(b.port)
    pair = Pair(a, b, a.make_machine())
    pair.protect(target_addresses=(f"127.0.0.1:{link.port}",)).synchronized()
    a.limit(1 * MiB)
    before = link.passed_bytes()
    a.write(pair.fabric_id, 0, noise(6 * MiB))
    eventually(lambda: link.passed_bytes() - before > 1 * MiB, 20)
    assert len(checkpoints(pair)) == 2
    link.cut()
    eventually(lambda: "peer-unreachable" in findings(pair), 15)
    eventually(lambda: checkpoints(pair) == [a.appliance.replication.get(pair.machine_id).progress.base], 5)
    link.close()


def test_a_machine_that_a_view_could_end_has_a_critical_finding_and_no_view(pair):
    pair.protect().synchronized()
    unsafe = simulated.Fault(
        method="tracking.open", code="unsafe-to-view", message="An iothread.", do="Remove it."
    )
    simulated.dial(pair.source.root, [unsafe])
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    assert eventually(lambda: findings(pair).get("unsafe-to-view"), 10) == "An iothread. Remove it."
    assert health.CATALOGUE["unsafe-to-view"].severity is health.Severity.CRITICAL
    assert len(checkpoints(pair)) == 1
    simulated.dial(pair.source.root, [])
    eventually(lambda: not findings(pair), 20)
