"""One stream tells a browser everything that changes, in rows, and goes on where it broke off."""

import dataclasses
import itertools
from datetime import datetime, timedelta

import pytest

from secondsite.api.following import live
from secondsite.vault.facade.nouns.glance import looking
from secondsite.wire.rest.glance.job_rows import JOB_COLUMNS
from secondsite.wire.rest.glance.machine_rows import MACHINE_COLUMNS, MachineRow
from tests.api.support_stream import served, stream
from tests.support.vault import Dialler, machine

pytestmark = pytest.mark.slow


@pytest.fixture
def follow(vault, monkeypatch):
    """The live stream of a vault that looks often; gives a context manager."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(looking, "FRESH", timedelta())
    with served(vault.app) as url:
        yield lambda token=None, **how: stream(url, token or vault.made.token, "/live", **how)


def rows(event):
    return [MachineRow(*each) for each in event.data["machines"]]


def rename(vault, name):
    """Nobody is told of it."""
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), name=name))


def until(events, what):
    return next(each for each in events if each.data.get(what))


def test_a_stream_begins_with_everything_then_tells_what_changes(vault, ask, protected, follow):
    with follow() as events:
        first = next(events)
        assert (first.name, [each.name for each in rows(first)]) == ("whole", ["web01"])
        assert first.data["mark"] == first.id
        assert tuple(first.data["machine_columns"]) == MACHINE_COLUMNS
        assert tuple(first.data["job_columns"]) == JOB_COLUMNS
        rename(vault, "web02")
        told = until(events, "machines")
        assert (told.name, [each.name for each in rows(told)]) == ("changes", ["web02"])


def test_jobs_are_told_as_rows_and_so_is_their_machine(ask, protected, follow):
    with follow() as events:
        next(events)
        job = ask("POST", "/machines/web01/points/p1/verify", 202)["job_id"]
        (row,) = until(events, "jobs").data["jobs"]
        told = dict(zip(JOB_COLUMNS, row, strict=True))
    assert (told["id"], told["machine_id"], told["name"]) == (job, "m1", "web01")
    assert told["verb"] == "verify_point"
    assert 0 <= told["percent"] < 100
    with follow() as events:
        (again,) = next(events).data["jobs"]
    assert again[0] == job


def test_of_other_things_it_is_told_that_they_have_changed(ask, protected, follow):
    with follow() as events:
        next(events)
        ask("POST", "/policies", 201, json={"name": "other"})
        assert {"kind": "policies", "id": None} in until(events, "things").data["things"]
        ask("PUT", "/machines/web01/policy", json={"policy": "other"})
        assert {"kind": "machines", "id": "web01"} in until(events, "things").data["things"]
        ask("DELETE", "/policies/nosuch", 404)
        ask("DELETE", "/sites/a", 409)
        ask("POST", "/groups", 201, json={"name": "shop", "source_site": "a", "target_site": "b"})
        assert [each["kind"] for each in until(events, "things").data["things"]] == ["groups"]


def test_a_machine_that_is_gone_is_told_as_gone(vault, protected, follow):
    with follow() as events:
        next(events)
        with vault.store.transaction() as tx:
            tx.machines.remove("m1")
        assert until(events, "gone").data["gone"] == ["m1"]


def test_a_stream_with_a_mark_begins_with_what_was_missed(vault, ask, two_sites, protected, follow):
    with vault.store.transaction() as tx:
        tx.machines.add(machine("m2", "db01"))
    mark = ask("GET", "/machine-rows")["mark"]
    with follow(mark=mark) as events:
        first = next(events)
        assert (first.name, first.data["machines"], first.id) == ("changes", [], mark)
    rename(vault, "web02")
    for how in ({"mark": mark}, {"last": mark}, {"last": mark, "mark": "older-1"}):
        with follow(**how) as events:
            first = next(events)
            assert (first.name, [each.name for each in rows(first)]) == ("changes", ["web02"])
            assert "machine_columns" not in first.data


@pytest.mark.parametrize("mark", ["of-another-vault", "0", "-", "x-99999999999999999999999", "-1"])
def test_a_mark_that_is_not_known_begins_with_everything(ask, protected, follow, mark):
    with follow(last=mark) as events:
        assert next(events).name == "whole"


def test_a_reset_tells_everything_anew(vault, protected, follow):
    with follow() as events:
        first = next(events)
        vault.facade.parts.jobs.changes.tell(None)
        told = next(each for each in events if each.name != "alive")
    assert (told.name, rows(told)) == ("whole", rows(first))
    assert told.id != first.id


def test_a_quiet_vault_says_that_it_is_there(protected, follow, monkeypatch):
    monkeypatch.setattr(live, "ALIVE_SECONDS", 0.5)
    monkeypatch.setattr(live, "VALID_SECONDS", 0.2)
    with follow() as events:
        first, second = next(events), next(each for each in events if each.name == "alive")
        assert second.data["mark"] == first.id
        assert second.data["at"] > first.data["at"]
        assert second.id is None


def test_a_thin_link_is_told_less_often_with_a_time_that_is_about_right(vault, protected, follow):
    with follow(interval=3) as events:
        first = next(events)
        rename(vault, "web02")
        told = [next(each for each in events if each.name == "changes")]
        rename(vault, "web03")
        told.append(next(each for each in events if each.name == "changes"))
    ats = [datetime.fromisoformat(each.data["at"]).timestamp() for each in (first, *told)]
    assert all(after - before >= 0.9 for before, after in itertools.pairwise(ats))


def test_a_stream_ends_with_its_token(vault, ask, protected, follow, monkeypatch):
    monkeypatch.setattr(live, "VALID_SECONDS", 0.2)
    token = ask("POST", "/tokens", 201, json={"name": "wall", "roles": ["reader"]})["token"]
    with follow(token) as events:
        assert next(events).name == "whole"
        ask("DELETE", "/tokens/wall", 204)
        assert all(each.name != "whole" for each in events), "it ends"


def test_a_token_of_one_site_is_told_nothing_of_others(vault, ask, protected, follow):
    ask("POST", "/sites", 201, json={"name": "c"})
    token = ask("POST", "/tokens", 201, json={"name": "of-c", "roles": ["reader"], "site": "c"})["token"]
    with follow(token) as events:
        assert next(events).data["machines"] == []
        rename(vault, "web02")
        ask("POST", "/machines/web02/points/p1/verify", 202)
        ask("POST", "/groups", 201, json={"name": "shop", "source_site": "a", "target_site": "b"})
        told = until(events, "things")
    assert {"kind": "groups", "id": None} in told.data["things"]
    assert (told.data["machines"], told.data["jobs"], told.data["gone"]) == ([], [], [])


def test_all_who_see_the_same_are_told_the_same(vault, protected, follow):
    with follow() as one, follow() as other:
        assert next(one).name == next(other).name == "whole"
        rename(vault, "web02")
        first, second = until(one, "machines"), until(other, "machines")
    assert (first.id, first.data["machines"]) == (second.id, second.data["machines"])


def test_with_an_appliance_that_comes_its_machines_are_told(vault, two_sites, protected, follow, monkeypatch):
    monkeypatch.setattr(live, "LOOKS_TO_ALL", 10**9)
    with follow() as events:
        (before,) = rows(next(events))
        assert "appliance-unreachable" in before.findings
        with Dialler(two_sites[0]), Dialler(two_sites[1]):
            told = [next(each for each in events if each.data.get("machines"))]
            while "appliance-unreachable" in rows(told[-1])[0].findings:
                told.append(next(each for each in events if each.data.get("machines")))
        things = [thing for each in told for thing in each.data["things"]]
    assert {"kind": "appliances", "id": two_sites[0].id} in things
