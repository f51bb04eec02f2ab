"""All machines in one piece, short, found and sorted by what a page shows of them."""

import dataclasses
import gzip
import json
import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.api.prerendered import WELL
from secondsite.domain.lifecycle import State
from secondsite.domain.policies import ReplicationPolicy
from secondsite.vault.facade.nouns.glance import boards, looking
from secondsite.vault.facade.nouns.glance.board import Board
from secondsite.vault.facade.shared import machine_rows
from secondsite.vault.health import findings
from secondsite.vault.health.findings import Situation
from secondsite.vault.store import StatusRecord
from secondsite.wire import rest
from secondsite.wire.rest.glance.machine_rows import MACHINE_COLUMNS, MachineRow
from secondsite.wire.rest.machines import MachineSort
from tests.support.vault import machine, point, replica_status, source_status

pytestmark = pytest.mark.slow

NAMES = ["Alpha", "beta", "gamma", "straße"]


@pytest.fixture
def four(vault, two_sites, ask):
    """Four machines that differ in all that lists are sorted by."""
    source, target = two_sites
    ask("POST", "/policies", 201, json={"name": "other", "rpo_threshold_seconds": 60})
    now = datetime.now(UTC)
    with vault.store.transaction() as tx:
        for number, name in enumerate(NAMES):
            record = machine(
                f"id{number}", name, source_appliance_id=source.id, target_appliance_id=target.id,
                policy="other" if number % 2 else "default",
                state=State.FAILED_OVER if number == 3 else State.PROTECTED,
                drilled_at=now - timedelta(days=number) if number else None,
            )  # fmt: skip
            tx.machines.add(record)
            points = [point(seq, 100 * (number + 1) - seq, now) for seq in range(1, number + 1)]
            replica = replica_status(record.id, points).model_copy(update={"store_bytes": 123456 * number})
            tx.statuses.put_replica(replica, now)
            tx.statuses.put_source(source_status(record.id), now)
    return now


@pytest.fixture
def rows(ask):
    """The rows of an answer, by what stands in them."""

    def rows(**params):
        answer = ask("GET", "/machine-rows", params=params)
        assert tuple(answer["columns"]) == MACHINE_COLUMNS
        return [MachineRow(*each) for each in answer["rows"]]

    return rows


def test_a_row_says_what_the_machine_says(ask, four, rows):
    for row in rows():
        shown = ask("GET", f"/machines/{row.id}")
        said = ("id", "name", "state", "health", "source_site", "target_site", "policy", "group", "power")
        assert {each: getattr(row, each) for each in said} == {each: shown[each] for each in said}
        assert set(row.findings) == {each["code"] for each in shown["findings"]}
        assert row.points == shown["points"]["count"]
        newest = shown["points"]["newest"]
        at = None if newest is None else int(datetime.fromisoformat(newest["taken_at"]).timestamp())
        assert row.newest_point_at == row.recoverable_at == at
        goal = ask("GET", f"/policies/{row.policy}")["rpo_threshold_seconds"]
        assert row.rpo_goal_seconds == goal


def test_a_list_is_searched_as_one_types(ask, four, rows):
    def names(**params):
        (first, second) = (
            [each.name for each in rows(**params)],
            [each["name"] for each in ask("GET", "/machines", params=params)["items"]],
        )
        assert first == second
        return first

    assert names(search="a") == NAMES
    assert names(search="MM") == ["gamma"]
    assert names(search="STRASSE") == ["straße"]
    assert names(search="%") == names(search="nobody") == []
    assert names(search="a", policy="other") == names(policy="other") == ["beta", "straße"]
    assert names(state="failed_over") == ["straße"]
    assert names(finding="rpo-exceeded", search="b") == ["beta"]
    assert names(group="none") == []
    assert names(site="a") == names(site="b") == NAMES


@pytest.mark.parametrize("sort", MachineSort)
@pytest.mark.parametrize("descending", [False, True])
def test_a_sorted_list_comes_in_the_same_order_as_rows_and_page_by_page(ask, four, rows, sort, descending):
    how = {"sort": sort.value, "descending": descending}
    whole, found, cursor = [each.name for each in rows(**how)], [], None
    while True:
        page = ask("GET", "/machines", params={**how, "limit": 1, **({"cursor": cursor} if cursor else {})})
        found += [each["name"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == whole
    assert sorted(whole) == sorted(NAMES)


def test_what_a_machine_has_nothing_of_comes_last_in_either_order(four, rows):
    for descending in (False, True):
        assert [each.name for each in rows(sort="rpo", descending=descending)][-1] == "Alpha"
        assert [each.name for each in rows(sort="drilled_at", descending=descending)][-1] == "Alpha"
    assert [each.name for each in rows(sort="rpo")][:3] == ["beta", "gamma", "straße"]
    assert [each.name for each in rows(sort="rpo", descending=True)][:3] == ["straße", "gamma", "beta"]


def test_a_window_of_a_long_list(ask, four, rows):
    assert [each.name for each in rows(offset=1, limit=2)] == NAMES[1:3]
    assert ask("GET", "/machine-rows", params={"limit": 1})["total"] == len(NAMES)
    assert rows(offset=20) == []


def test_a_row_changes_only_with_its_machine(vault, four, rows, monkeypatch):
    before = rows()
    assert rows() == before
    monkeypatch.setattr(looking, "FRESH", timedelta())  # nobody is told of what follows
    with vault.store.transaction() as tx:
        vault_machine = tx.machines.get("id1")
        tx.machines.put(dataclasses.replace(vault_machine, name="renamed"))
        tx.machines.remove("id2")
    assert [each.name for each in rows()] == ["Alpha", "renamed", "straße"]


def test_nobody_sees_rows_of_another_site(ask, vault, four, rows):
    vault.enroll("c", "three")
    for site, count in (("a", len(NAMES)), ("c", 0)):
        made = ask("POST", "/tokens", 201, json={"name": f"of-{site}", "roles": ["reader"], "site": site})
        headers = {"Authorization": f"Bearer {made['token']}"}
        assert ask("GET", "/machine-rows", headers=headers)["total"] == count
        found = ask("GET", "/machines", params={"sort": "rpo"}, headers=headers)
        assert len(found["items"]) == count
    ask("GET", "/machine-rows", 404, params={"site": "nowhere"})
    ask("GET", "/machine-rows", 422, params={"stat": "failed"})
    ask("GET", "/machines", 422, params={"sort": "rpo", "cursor": "nonsense"})


def test_ten_thousand_machines_are_less_than_four_hundred_kilobytes():
    """As they are sent: ids and times differ, and much of the rest is the same."""
    chance, now = random.Random(7), datetime.now(UTC)
    board = Board()
    for number in range(10_000):
        machine_id = uuid.UUID(int=chance.getrandbits(128)).hex
        record = machine(
            machine_id, f"vm-{number:05}", drilled_at=now - timedelta(seconds=chance.randrange(10**7)),
            created_at=now,
        )  # fmt: skip
        points = [point(1, chance.randrange(100), now)] * chance.randrange(100)
        replica = replica_status(machine_id, points, store_bytes=chance.randrange(10**11))
        status = StatusRecord(machine_id, source_status(machine_id), now, replica, now)
        situation = Situation(record, status, ReplicationPolicy("default"), None, None)
        board.show([machine_rows.row(situation, findings.findings(situation, now))])
    board.settle()
    text = board.batch(None, now).text
    assert len(json.loads(text)["machines"]) == 10_000
    assert len(gzip.compress(text.encode(), WELL)) < 400_000


def test_who_asks_for_the_same_sorted_page_at_once_shares_it(vault, four, monkeypatch):
    """All machines are looked at for it: five consoles waited for five looks, one after the other."""
    opened, began, looks = threading.Event(), [], []
    look = looking.look

    def held(*args, **more):
        looks.append(args)
        assert opened.wait(30)
        look(*args, **more)

    def page():
        began.append(1)
        return vault.facade.machines.list(rest.MachineQuery(sort="rpo", limit=2))

    monkeypatch.setattr(boards, "look", held)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(page) for _ in range(6)]
        eventually(lambda: len(began) == 6 and looks)
        opened.set()
        pages = {each.result(30) for each in asked}
    assert [each["name"] for each in json.loads(pages.pop())["items"]] == ["beta", "gamma"]
    assert len(looks) < 5, "the first one's, and one for all who came meanwhile"
