"""What is checked of a machine after each start, through the API, on both databases."""

import pytest

from tests.support.postgres import database_url
from tests.support.vault import machine

__all__ = ["database_url"]
pytestmark = pytest.mark.slow
WHERE = "/machines/web01/checks"
PAGE = {"name": "page", "kind": "http", "path": "/alive", "text": "up", "deadline_seconds": 90}


@pytest.fixture
def web01(vault, two_sites):
    source, target = two_sites
    made = machine("id-web01", "web01", source_appliance_id=source.id, target_appliance_id=target.id)
    with vault.store.transaction() as tx:
        tx.machines.add(made)


def put(ask, *checks, wanted=200, **how):
    return ask("PUT", WHERE, wanted, json={"checks": list(checks)}, **how)


def test_checks_are_set_changed_under_their_edition_and_taken_away(vault, ask, web01):
    assert ask("GET", WHERE)["checks"] == []
    seen = vault.rest.get(f"/api{WHERE}").headers["etag"]
    (made,) = put(ask, PAGE, headers={"If-Match": seen})["checks"]
    assert {key: made[key] for key in PAGE} == PAGE
    assert put(ask, wanted=412, headers={"If-Match": seen})["error"]
    assert ask("GET", WHERE)["checks"] == [made]
    assert put(ask)["checks"] == []


def test_checks_that_make_no_sense_are_refused(vault, ask, web01):
    for change in (
        {"kind": "tcp"},
        {"kind": "console", "text": None},
        {"port": 70000},
        {"path": "no slash"},
        {"path": "/a\r\nHost: other"},
        {"address": "web01"},
        {"address": "127.0.0.1"},
        {"address": "169.254.169.254"},
        {"source": "10.0.0.9"},
        {"deadline_seconds": 601},
        {"name": "two words"},
    ):
        put(ask, {**PAGE, **change}, wanted=422)
    put(ask, PAGE, PAGE, wanted=422)
    put(ask, *({**PAGE, "name": f"page{number}"} for number in range(17)), wanted=422)
    assert len(put(ask, *({**PAGE, "name": f"page{number}"} for number in range(16)))["checks"]) == 16
    ask("GET", "/machines/nosuch/checks", 404)
