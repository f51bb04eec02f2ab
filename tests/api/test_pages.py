"""Long lists come in pages, and take filters."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain.lifecycle import State
from tests.support.vault import machine, point, replica_status

pytestmark = pytest.mark.slow

NAMES = [f"m{number:02}" for number in range(7)]


@pytest.fixture
def many(vault, two_sites, ask):
    """Machines with points; the odd ones are failed over and belong to another policy."""
    source, target = two_sites
    ask("POST", "/policies", 201, json={"name": "other"})
    now = datetime.now(UTC)
    with vault.store.transaction() as tx:
        for number, name in enumerate(NAMES):
            odd = number % 2
            record = machine(
                f"id{number}", name, source_appliance_id=source.id, target_appliance_id=target.id,
                policy="other" if odd else "default", state=State.FAILED_OVER if odd else State.PROTECTED,
            )  # fmt: skip
            tx.machines.add(record)
            points = [point(seq, 100 - seq, now, held="audit" if seq == 3 else None) for seq in range(1, 8)]
            tx.statuses.put_replica(replica_status(f"id{number}", points), now)
    return now


def pages(ask, path, **params):
    """The items of all pages, page by page."""
    found, cursor = [], None
    while True:
        page = ask("GET", path, params={**params, **({"cursor": cursor} if cursor else {})})
        found.append(page["items"])
        cursor = page["next"]
        if cursor is None:
            return found


def test_machines_come_page_by_page_each_once(ask, many):
    found = pages(ask, "/machines", limit=3)
    assert [[each["name"] for each in page] for page in found] == [NAMES[:3], NAMES[3:6], NAMES[6:]]
    assert len(pages(ask, "/machines", limit=len(NAMES))) == 1


@pytest.mark.parametrize("letter", ["x", "ж", "机"])
def test_a_page_follows_one_that_ends_with_a_long_name(ask, vault, two_sites, letter):
    names = [letter * 199 + last for last in "abc"]
    with vault.store.transaction() as tx:
        for name in names:
            tx.machines.add(machine(name[-1] * 36, name))
    found = pages(ask, "/machines", limit=1)
    assert [each["name"] for page in found for each in page] == names


@pytest.mark.slow
def test_a_machine_that_goes_or_comes_between_two_pages_shifts_none(ask, vault, two_sites, many):
    first = ask("GET", "/machines", params={"limit": 3})
    with vault.store.transaction() as tx:
        tx.machines.remove("id0")
        tx.machines.remove("id2")
    rest = ask("GET", "/machines", params={"limit": 10, "cursor": first["next"]})
    assert [each["name"] for each in rest["items"]] == NAMES[3:]


def test_machines_are_filtered_by_state_health_policy_site_and_group(ask, many):
    def names(**params):
        return [each["name"] for page in pages(ask, "/machines", limit=2, **params) for each in page]

    assert names(state="failed_over") == names(policy="other") == NAMES[1::2]
    assert names(state=["failed_over", "protected"]) == names(site="a") == names(site="b") == NAMES
    assert names(health="healthy") == names(group="none") == names(state="enabling") == []
    assert names(health=["critical", "warning"]) == NAMES
    ask("GET", "/machines", 404, params={"site": "nowhere"})
    ask("GET", "/machines", 422, params={"state": "asleep"})


@pytest.mark.parametrize("path", ["/machines", "/jobs", "/policies", "/audit"])
def test_a_filter_that_a_list_does_not_know_is_refused(ask, many, path):
    """Passed over, it would give the whole list."""
    assert "stat" in ask("GET", path, 422, params={"stat": "failed"})["error"]["message"]


def test_points_come_newest_first_and_are_filtered(ask, many):
    path = "/machines/m00/points"
    found = [each["seq"] for page in pages(ask, path, limit=2) for each in page]
    assert found == [7, 6, 5, 4, 3, 2, 1]

    def seqs(**params):
        return [each["seq"] for each in ask("GET", path, params=params)["items"]]

    assert seqs(held=True) == [3]
    assert seqs(consistency="app") == seqs(damaged=True) == seqs(set_id="s") == []
    middle = (many - timedelta(seconds=96)).isoformat()
    assert seqs(since=middle) == [7, 6, 5, 4]
    assert seqs(before=middle) == [3, 2, 1]


def test_what_was_written_between_points_is_a_series(ask, many):
    (first, *_) = ask("GET", "/machines/m00/churn")
    assert (first["seconds"], first["changed_bytes"]) == (1.0, 0)
    assert len(ask("GET", "/machines/m00/churn")) == 6
    assert ask("GET", "/machines/m00/rpo", params={"every": 600}) == []
    ask("GET", "/machines/m00/rpo", 422, params={"every": 1})


def test_jobs_come_newest_first_and_are_filtered(ask, many):
    started = [
        ask("POST", f"/machines/{name}/points/p1/verify", 202)["job_id"] for name in (*NAMES[:3], NAMES[0])
    ]
    found = [each["id"] for page in pages(ask, "/jobs", limit=2) for each in page]
    assert found == started[::-1]

    def ids(**params):
        return [each["id"] for each in ask("GET", "/jobs", params=params)["items"]]

    assert ids(machine="m00") == ids(machine="id0") == [started[3], started[0]]
    assert ids(verb="verify_point", machine="m01") == [started[1]]
    assert ids(verb="failover") == ids(state="cancelled") == []
    assert ids(search="M00") == ids(machine="m00")
    assert ids(search="m0") == found
    assert ids(search="%") == ids(search="nobody") == []
    assert ids(since=datetime.now(UTC).isoformat()) == []
    assert ids(before=datetime.now(UTC).isoformat()) == found


@pytest.mark.parametrize("path", ["/sites", "/policies", "/groups"])
def test_named_records_come_by_name_page_by_page_each_once(ask, vault, two_sites, path):
    way = {"source_site": "a", "target_site": "b"} if path == "/groups" else {}
    for name in ("z1", "z0", "q"):
        ask("POST", path, 201, json={"name": name, **way})
    found = pages(ask, path, limit=2)
    names = [each["name"] for page in found for each in page]
    assert names == sorted(names)
    assert names[-3:] == ["q", "z0", "z1"] or path == "/policies"
    assert {"q", "z0", "z1"} <= set(names)
    assert all(len(page) == 2 for page in found[:-1])
    assert pages(ask, path) == [[each for page in found for each in page]]


@pytest.mark.parametrize(
    "path", ["/machines", "/jobs", "/machines/m00/points", "/sites", "/policies", "/groups"]
)
def test_a_cursor_of_another_list_or_none_at_all_is_refused(ask, many, path):
    other = "WyJhIiwgImIiXQ" if path == "/machines/m00/points" else "WzEsIDJd"
    for cursor in ("nonsense", "ÿ", "W10", other):
        refused = ask("GET", path, 422, params={"cursor": cursor})["error"]
        assert (refused["code"], bool(refused["do"])) == ("invalid-argument", True)
    ask("GET", path, 422, params={"limit": 0})
    ask("GET", path, 422, params={"limit": 1001})
