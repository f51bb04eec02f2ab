"""A verb says what its caller read of the machines: it is not done if one was moved since, whatever the
caller heard of that."""

import pytest


@pytest.fixture
def read(ask):
    """What a page shows of a machine."""
    return lambda name: ask("GET", f"/machines/{name}")


def as_read(number):
    return {"As-Read": str(number)}


@pytest.mark.parametrize("path", ["/machines/failover", "/machines/web01/failover"])
def test_what_was_moved_since_it_was_read_is_not_moved_again(ask, protected, read, path):
    body = {"machines": ["web01"]} if path == "/machines/failover" else {}
    number = read("web01")["generation"]
    refused = ask("POST", path, 412, json=body, headers=as_read(number + 1))
    assert refused["error"]["code"] == "changed-meanwhile"
    assert ask("GET", "/jobs")["items"] == []
    ask("POST", path, 202, json=body, headers=as_read(number))
    assert read("web01")["generation"] > number


def test_a_repeat_of_what_arrived_gets_its_job_although_that_moved_the_machine(ask, protected, read):
    headers = as_read(read("web01")["generation"]) | {"Idempotency-Key": "k1"}
    first = ask("POST", "/machines/failover", 202, json={"machines": ["web01"]}, headers=headers)
    assert ask("POST", "/machines/failover", 202, json={"machines": ["web01"]}, headers=headers) == first


def test_the_run_of_a_plan_is_of_its_machines_as_they_were_read(ask, protected, read):
    ask("POST", "/plans", 201, json={"name": "shop", "groups": [{"machines": ["web01"]}]})
    number = read("web01")["generation"]
    assert ask("POST", "/plans/shop/failover", 412, json={}, headers=as_read(number + 1))
    assert read("web01")["generation"] == number
    ask("POST", "/plans/shop/failover", 202, json={}, headers=as_read(number))


@pytest.mark.parametrize("odd", ["-1", "x", "1.5", "9" * 30])
def test_a_number_that_is_none_is_refused_in_words(ask, protected, odd):
    ask("POST", "/machines/failover", 422, json={"machines": ["web01"]}, headers={"As-Read": odd})
