"""Long answers are compressed for those who take it; events and secrets never are."""

import pytest

from secondsite.api.app import COMPRESSED_FROM_BYTES
from tests.api.support_stream import served, stream
from tests.support.vault import machine

pytestmark = pytest.mark.slow

GZIP, PLAIN = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}


@pytest.fixture
def many(vault, two_sites):
    source, target = two_sites
    with vault.store.transaction() as tx:
        for number in range(30):
            tx.machines.add(
                machine(
                    f"id{number}",
                    f"m{number:02}",
                    source_appliance_id=source.id,
                    target_appliance_id=target.id,
                )
            )


def test_a_long_answer_is_a_fraction_of_itself_to_those_who_take_gzip(vault, many):
    plain = vault.rest.get("/api/machines", headers=PLAIN)
    packed = vault.rest.get("/api/machines", headers=GZIP)
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert [each["name"] for each in packed.json()["items"]] == [
        each["name"] for each in plain.json()["items"]
    ]
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 5
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_short_answers_and_so_all_that_show_a_secret_are_not(vault, two_sites):
    made = [
        vault.rest.post("/api/tokens", headers=GZIP, json={"name": "robot", "roles": ["reader"]}),
        vault.rest.post("/api/tokens/robot/rotate", headers=GZIP, json={}),
        vault.rest.post("/api/sites/a/registration-key", headers=GZIP),
    ]
    assert [each.is_success for each in made] == [True] * 3
    assert all(len(each.content) < COMPRESSED_FROM_BYTES for each in made)
    assert [each.headers.get("content-encoding") for each in made] == [None] * 3


def test_events_leave_at_once_and_as_they_are(vault, protected, ask):
    with served(vault.app) as url, stream(url, vault.made.token, "/events", seconds=5) as events:
        ask("POST", "/machines/web01/points/p1/verify", 202)
        assert next(events).name in ("job", "machine")
