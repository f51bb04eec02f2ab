"""A verb says what its caller read of the machines: it is not done if one was moved since, whatever the
caller heard of that."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.vault import point, replica_status, source_status


@pytest.fixture
def read(ask):
    """What a page shows of a machine."""
    return lambda name: ask("GET", f"/machines/{name}")


@pytest.fixture
def second(vault, protected):
    """Puts web02 beside web01, which goes the same way unless it is changed."""

    def second(**changes):
        fabric = {"source_fabric_id": "f-m2", "target_fabric_id": "t-m2"}
        record = replace(protected, id="m2", name="web02", **{**fabric, **changes})
        now = datetime.now(UTC)
        with vault.store.transaction() as tx:
            tx.machines.add(record)
            tx.statuses.put_source(source_status("m2", sent_at=now, last_seq=9), now)
            tx.statuses.put_replica(replica_status("m2", points=[point(1, 60, now), point(2, 30, now)]), now)

    return second


def as_read(*numbers):
    return {"As-Read": ",".join(map(str, numbers))}


@pytest.mark.parametrize("path", ["/machines/failover", "/machines/web01/failover"])
def test_what_was_moved_since_it_was_read_is_not_moved_again(ask, protected, read, path):
    body = {"machines": ["web01"]} if path == "/machines/failover" else {}
    number = read("web01")["generation"]
    refused = ask("POST", path, 412, json=body, headers=as_read(number + 1))
    assert refused["error"]["code"] == "changed-meanwhile"
    assert "leave it out" not in refused["error"]["do"]
    assert ask("GET", "/jobs")["items"] == []
    ask("POST", path, 202, json=body, headers=as_read(number))
    assert read("web01")["generation"] > number


def test_a_repeat_of_what_arrived_gets_its_job_although_that_moved_the_machine(ask, protected, read):
    headers = as_read(read("web01")["generation"]) | {"Idempotency-Key": "k1"}
    first = ask("POST", "/machines/failover", 202, json={"machines": ["web01"]}, headers=headers)
    assert ask("POST", "/machines/failover", 202, json={"machines": ["web01"]}, headers=headers) == first


def test_a_refusal_names_the_machine_that_was_moved_and_by_what(ask, second, read):
    """One of two hundred was moved: nobody could leave it out, since nobody knew which."""
    second()
    both = {"machines": ["web01", "web02"]}
    numbers = as_read(*(read(name)["generation"] for name in both["machines"]))
    job = ask("POST", "/machines/web02/resynchronize", 202)["job_id"]
    refused = ask("POST", "/machines/failover", 412, json=both, headers=numbers)["error"]
    assert refused["message"] == (
        f"Changed since it was read: web02 is protected, by resynchronize, job {job[:10]}. Nothing was done."
    )
    assert "leave it out" in refused["do"]
    ask("POST", "/machines/failover", 202, json={"machines": ["web01"]}, headers=as_read(0))


def test_a_thousand_numbers_fit_into_the_header(ask, protected, read):
    many = {"machines": [f"web{each}" for each in range(1000)]}
    ask("POST", "/machines/failover", 404, json=many, headers=as_read(*[12345678] * 1000))


@pytest.mark.parametrize("numbers", ["1", "1,1,1"])
def test_there_is_a_number_for_each_machine(ask, second, numbers):
    second()
    body = {"machines": ["web01", "web02"]}
    refused = ask("POST", "/machines/failover", 422, json=body, headers=as_read(numbers))
    assert "numbers for 2 machines" in refused["error"]["message"]


@pytest.fixture
def plan(vault, ask, second):
    """A plan of two machines, and its ETag."""
    second()
    ask("POST", "/plans", 201, json={"name": "shop", "groups": [{"machines": ["web01", "web02"]}]})
    return lambda: vault.rest.get("/api/plans/shop").headers["ETag"]


def of_plan(tag, *numbers):
    return {"If-Match": tag, **as_read(*numbers)}


def test_the_run_of_a_plan_is_of_its_machines_as_they_were_read(ask, plan, read):
    first, second = (read(name)["generation"] for name in ("web01", "web02"))
    refused = ask("POST", "/plans/shop/failover", 412, json={}, headers=of_plan(plan(), first, second + 1))
    assert "web02 is protected" in refused["error"]["message"]
    assert read("web01")["generation"] == first
    ask("POST", "/plans/shop/failover", 202, json={}, headers=of_plan(plan(), first, second))


def test_a_plan_whose_machines_were_exchanged_is_not_run_as_it_is_now(ask, plan, read):
    """Machines that were never moved have the same numbers: others were failed over than were read."""
    tag = plan()
    ask("PUT", "/plans/shop", json={"groups": [{"machines": ["web02"]}]})
    ask("POST", "/plans/shop/failover", 412, json={}, headers=of_plan(tag, 0, 0))
    assert read("web02")["state"] == "protected"


def test_numbers_of_a_plan_without_its_edition_are_refused(ask, plan, read):
    for headers in (as_read("1,1"), of_plan("*", 1, 1)):
        refused = ask("POST", "/plans/shop/failover", 422, json={}, headers=headers)
        assert "If-Match" in refused["error"]["message"]
    assert read("web02")["state"] == "protected"


def test_a_machine_that_is_left_out_hinders_no_run(ask, plan, read):
    """In a large plan one leaves out just what others work on."""
    headers = of_plan(plan(), read("web01")["generation"], read("web02")["generation"] + 1)
    ask("POST", "/plans/shop/failover", 412, json={}, headers=headers)
    ask("POST", "/plans/shop/failover", 202, json={"leave_out": ["web02"]}, headers=headers)
    assert read("web02")["state"] == "protected"


def test_a_machine_that_goes_the_other_way_hinders_no_run(vault, ask, second, protected, read):
    second(source_site="b", target_site="a", generation=4)
    ask("POST", "/plans", 201, json={"name": "shop", "groups": [{"machines": ["web01", "web02"]}]})
    headers = of_plan(vault.rest.get("/api/plans/shop").headers["ETag"], 0, 3)
    ask("POST", "/plans/shop/failover", 412, json={"direction": "home"}, headers=headers)
    ask("POST", "/plans/shop/failover", 202, json={"direction": "away"}, headers=headers)


@pytest.mark.parametrize("odd", ["-1", "x", "1.5", "9" * 30, "1,,1", "1," * 9000 + "1"])
def test_a_number_that_is_none_is_refused_in_words(ask, protected, odd):
    ask("POST", "/machines/failover", 422, json={"machines": ["web01"]}, headers={"As-Read": odd})
