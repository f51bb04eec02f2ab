"""A second person sees what will be carried out, however it was written; what reads two ways is refused."""

import json

import pytest

from secondsite.domain.access import hidden
from tests.api.approvals.support_persons import FAILOVER

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"machines": ["nosuch"], "choice": "latest", "machines": ["web01"]}',
        b'{"machines": ["web01"], "machine\\u0073": ["nosuch"]}',
        json.dumps(FAILOVER).encode("utf-16-le"),
        json.dumps(FAILOVER).encode("utf-16"),
        json.dumps(FAILOVER).encode("utf-32-be"),
        json.dumps(FAILOVER).encode("utf-8-sig"),
    ],
)
def test_a_body_that_reads_two_ways_is_refused(anna, guarded, body):
    refused = anna("POST", "/machines/failover", 422, content=body, headers=JSON)["error"]
    assert refused["code"] == "invalid-argument"
    assert anna("GET", "/approvals")["items"] == []


def test_a_query_that_says_one_thing_twice_is_refused(anna, guarded):
    refused = anna("POST", "/machines/failover?form=1&form=2", 422, json=FAILOVER)["error"]
    assert "twice" in refused["message"]


def test_what_is_shown_is_what_is_understood(anna, bob, guarded):
    sent = (
        b'{"machines": ["\\u0077eb01"], "choice": "latest_processed", "looks_like": "a test", "point": null}'
    )
    number = anna.waits("POST", "/machines/failover", content=sent, headers=JSON)
    assert json.loads(bob.show(number)["asked"]["body"]) == {**FAILOVER, "point": None}
    assert "\\u" not in bob.show(number)["asked"]["body"]
    assert anna.waits("POST", "/machines/failover", json={**FAILOVER, "point": None}) == number
    assert bob.grant(number)["job_id"]


def test_letters_that_nobody_sees_are_shown_as_numbers():
    shown = hidden.text_without_secrets(json.dumps({"name": "a\u202eb\u200bc\u00e4"}))
    assert shown == '{"name": "a\\u202eb\\u200bc\u00e4"}'
