"""What protection would take, through the REST API: by points where there are any, else assumed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain.access.roles import Role
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.ground.units import DAY, GiB, TiB
from secondsite.vault.store import PlanRecord
from secondsite.wire.common.hosts import HostCapacity
from secondsite.wire.common.machines import DiskDefinition
from secondsite.wire.common.points import PointShape
from secondsite.wire.common.stores import StoreSpace
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, definition, machine, replica_status

WAY = {"source": "a", "target": "b"}
MARKUP = '<b>=cmd|"x"</b>'


def disks(size):
    return (DiskDefinition(key="vda", size_bytes=size),)


def points(now, added, many=289):
    return [
        PointShape(
            id=f"p{each}", epoch=1, seq=each, added_bytes=added if each else 40 * GiB,
            taken_at=now - timedelta(minutes=5 * (many - each)),
        )
        for each in range(many)
    ]  # fmt: skip


@pytest.fixture
def measured(vault, two_sites):
    """web01 from a to b, with points of a day: 300 kB in each five minutes."""
    source, target = two_sites
    now = datetime.now(UTC)
    record = machine(
        source_appliance_id=source.id, target_appliance_id=target.id,
        definition=definition("f-m1").model_copy(update={"disks": disks(100 * GiB), "memory_bytes": 8 * GiB}),
    )  # fmt: skip
    stored = 40 * GiB + 288 * 300_000
    with vault.store.transaction() as tx:
        tx.machines.add(record)
        tx.statuses.put_replica(replica_status(points=points(now, 300_000), store_bytes=stored), now)
        appliance = next(each for each in tx.appliances.list("b"))
        has = HostCapacity(vcpus=8, memory_bytes=16 * GiB, free_bytes=10 * GiB)
        stores = (StoreSpace(name="default", free_bytes=2 * TiB, size_bytes=4 * TiB),)
        tx.appliances.put(replace(appliance, capacity=has, stores=stores))
        place = PlanMachine("m1", "web01", "a", "b")
        tx.plans.put(PlanRecord("shop", RecoveryPlan("shop", (PlanGroup((place,)),)), now, now))
    return record


def site_has(*machines):
    found = [{"fabric_id": each.fabric_id, "name": each.name, "power": "running", "tag": None,
              "definition": each.model_dump(mode="json")} for each in machines]  # fmt: skip
    return {Kind.DISCOVER: lambda _order: {"sentence": "ok", "facts": {"machines": found, "networks": []}}}


@pytest.fixture
def others(two_sites):
    """Site a answers that it has two more machines, one with a name that is markup."""
    big = definition("f-2", "db01").model_copy(update={"disks": disks(1 * TiB), "memory_bytes": 32 * GiB})
    with Dialler(two_sites[0], site_has(big, definition("f-3", MARKUP))):
        yield


def test_what_a_protected_machine_needs_is_measured_by_its_points(ask, measured):
    found = ask("GET", "/capacity", params={**WAY, "which": "protected"})
    [row] = found["machines"]
    assert (row["machine"], row["protected"], row["basis"]) == ("web01", True, "measured")
    assert row["measured_seconds"] == DAY
    assert row["daily_bytes"] == pytest.approx(288 * 300_000, rel=0.01)
    assert row["base_bytes"] == 40 * GiB
    assert (found["measured"], found["first_copy_bytes"]) == (1, 0)
    assert found["more_store_bytes"] < found["store_bytes"] - 40 * GiB
    assert found["largest_plan"] == {"plan": "shop", "machines": 1, "memory_bytes": 8 * GiB, "vcpus": 1}
    assert found["there"]["store_free_bytes"] == 2 * TiB
    assert found["warnings"] == []


def test_machines_that_are_not_protected_are_assumed_and_the_assumption_is_named(ask, measured, others):
    found = ask("GET", "/capacity", params={**WAY, "bandwidth": 20_000_000, "daily_change_percent": 5})
    assert [each["machine"] for each in found["machines"]] == [MARKUP, "db01", "web01"]
    big = found["machines"][1]
    assert (big["protected"], big["basis"], big["base_bytes"]) == (False, "assumed", TiB)
    assert big["daily_bytes"] == pytest.approx(0.05 * TiB, rel=1e-6)
    assert found["first_copy_seconds"] > found["first_copy_bytes"] / 20_000_000
    assert "2 machines write is not measured: 5 % of the data in a day" in found["assumptions"][0]
    told = " ".join(found["warnings"])
    assert "All machines together need 43.1 GB of memory; the 1 host of b have 17.2 GB." in told
    assert "db01 has 34.4 GB of memory, the largest host 17.2 GB." in told


def test_bandwidth_that_is_not_enough_is_told_and_a_copy_that_never_ends_has_no_time(ask, measured, others):
    found = ask("GET", "/capacity", params={**WAY, "bandwidth": 1000})
    assert found["first_copy_seconds"] is None
    assert "1.0 kB/s is not more than the" in found["warnings"][0]


def test_named_machines_count_whether_protected_or_not(ask, measured, others):
    found = ask("GET", "/capacity", params={**WAY, "machine": ["m1", "db01"]})
    assert [each["machine"] for each in found["machines"]] == ["db01", "web01"]
    problem = ask("GET", "/capacity", 404, params={**WAY, "machine": ["no-such"]})["error"]
    assert "has no machine 'no-such'" in problem["message"]


def test_a_site_that_does_not_answer_is_told_and_the_rest_is_planned(ask, measured):
    found = ask("GET", "/capacity", params=WAY)
    assert [each["machine"] for each in found["machines"]] == ["web01"]
    assert "No appliance of site a" in found["problem"]["message"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"source": "a", "target": "a"}, 422),
        ({"source": "x", "target": "b"}, 404),
        ({"source": "a", "target": "x"}, 404),
        ({**WAY, "policy": "x"}, 404),
        ({**WAY, "bandwidth": 0}, 422),
        ({**WAY, "daily_change_percent": "nan"}, 422),
        ({**WAY, "daily_change_percent": 1e9}, 422),
        ({**WAY, "busiest_factor": "inf"}, 422),
        ({**WAY, "machine": ["x"] * 201}, 422),
    ],
)
def test_what_cannot_be_planned_is_refused(ask, two_sites, query, wanted):
    assert ask("GET", "/capacity", wanted, params=query)["error"]["message"]


def test_a_reader_of_one_site_sees_neither_the_hosts_nor_the_machines_of_the_other(
    vault, ask, measured, others
):
    made = ask("POST", "/tokens", 201, json={"name": "at-a", "roles": [Role.READER], "site": "a"})
    own = {"Authorization": f"Bearer {made['token']}"}
    found = ask("GET", "/capacity", params=WAY, headers=own)
    assert len(found["machines"]) == 3
    assert found["there"] is None
    ask("GET", "/capacity", 404, params={"source": "b", "target": "a"}, headers=own)
