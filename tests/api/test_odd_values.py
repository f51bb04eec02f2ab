"""Values at the edge of what their type can hold: refused in words, or taken; never a defect, never SQL."""

import json
import re
import urllib.parse

import pytest

from tests.support.vault import VaultInProcess

pytestmark = pytest.mark.postgresql

MILLISECONDS = "253402300800"
DATES = [
    "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999Z",
    "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "-1", "1e400", MILLISECONDS,
    "NaN", "\x00",
]  # fmt: skip
NAMES = [
    "\ud800",
    "a\x00b",
    "\x00",
    "x" * 1001,
    "\U0010ffff",
    "\u202e",
    "a\nb",
    "%00",
    "../../etc",
    "'; DROP TABLE sites; --",
]
NUMBERS = [2**63, -(2**63) - 1, 10**400, -1, 1e308, 0.5, True, "9" * 5000]
LEAK = re.compile(
    r"SELECT |INSERT |UPDATE |DELETE FROM|sqlalche|psycopg|sqlite3|Traceback|\.py\b", re.IGNORECASE
)


@pytest.fixture(params=["sqlite", "postgresql"])
def rest(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    vault = VaultInProcess(tmp_path / "vault", url)
    vault.enroll("a")
    yield vault.rest
    vault.close()


def refused_in_words(answer):
    assert answer.status_code < 500, answer.text
    assert not LEAK.search(answer.text), answer.text
    if answer.status_code >= 400:
        assert answer.json()["error"]["do"]
    return answer.status_code


def test_dates_numbers_and_names_of_all_kinds_are_refused_in_words(rest):
    for date in DATES:
        for path in ("/jobs", "/machines/m/points", "/machines/m/rpo", "/machines/m/preview"):
            for name in ("since", "before", "at"):
                assert refused_in_words(rest.get(f"/api{path}", params={name: date})) in (200, 404, 422)
        assert refused_in_words(rest.get("/api/jobs", params={"since": date})) == (
            422 if date != MILLISECONDS else 200
        )
    for name in NAMES:
        for path in ("/sites", "/policies", "/tokens", "/groups"):
            body = {"name": name, "source_site": name, "target_site": name, "roles": ["reader"]}
            refused_in_words(post(rest, path, body))
        refused_in_words(
            post(rest, "/machines/enable-protection", {"machines": [name], "disks": {name: [name]}})
        )
        refused_in_words(rest.get("/api/machines", params={"site": name.encode("utf-8", "surrogatepass")}))
    for number in NUMBERS:
        for field in (
            "retention_seconds",
            "cycle_seconds",
            "rpo_threshold_seconds",
            "journal_seconds",
            "rto_goal_seconds",
        ):
            refused_in_words(
                post(rest, "/policies", {"name": f"p{NUMBERS.index(number)}{field[:3]}", field: number})
            )
        refused_in_words(rest.get("/api/jobs", params={"limit": str(number)}))
        refused_in_words(
            rest.put("/api/sites/a/bandwidth", content=json.dumps({"bytes_per_second": number}), headers=JSON)
        )
    for path in ("/policies", "/sites", "/tokens"):
        refused_in_words(rest.get(f"/api{path}"))


JSON = {"Content-Type": "application/json"}


def post(rest, path, body):
    """With surrogates as they are: a client's own library would refuse them."""
    return rest.post(f"/api{path}", content=json.dumps(body), headers=JSON)


BODIES = [b"[" * 100_000, b'{"a":' * 50_000, b"9" * 100_000, b"\xff\xfe", b'"\xed\xa0\x80"', b"NaN"]
HEADERS = ["Idempotency-Key", "If-Match", "Last-Event-ID", "Authorization", "Content-Type", "Accept"]
VALUES = [b"", b"\xff\xfe", b"\t", b"x" * 8000, b'"', b"W/", b",,,"]


@pytest.mark.slow
def test_bodies_that_are_hardly_json_and_odd_headers_are_refused_in_words(vault):
    for body in BODIES:
        for headers in ({}, {"Idempotency-Key": "k"}):
            answer = vault.rest.post("/api/sites", content=body, headers={**JSON, **headers})
            assert refused_in_words(answer) in (400, 422)
    for name in HEADERS:
        for value in VALUES:
            for method, path in (
                ("POST", "/sites"),
                ("PUT", "/sites/a/bandwidth"),
                ("GET", "/jobs/j/events"),
            ):
                odd = [(name.encode(), value)]
                refused_in_words(vault.rest.request(method, f"/api{path}", content=b"{}", headers=odd))


def test_a_body_of_odd_text_is_refused_and_pairs_of_surrogates_are_text(vault):
    for name in (r"\ud800", r"\udc00\ud800", r"a\u0000", r"\uD83D", r"\\\u0000"):
        answer = _refused_for(vault, name)
        assert (refused_in_words(answer), "not valid text" in answer.text) == (422, True)
    for name in (r"\ud83d\ude00", r"\\ud800", r"\\u0000", "\U0001f600 2"):
        assert refused_in_words(_refused_for(vault, name)) == 404


def _refused_for(vault, reason):
    """There is no such request: text is looked at first."""
    return vault.rest.post("/api/approvals/7/refuse", content=f'{{"reason": "{reason}"}}', headers=JSON)


@pytest.mark.parametrize("point", [":", "-", "a b", "%0A", "x" * 256, "%F0%9F%92%BE"])
def test_an_id_that_no_point_has_is_refused_before_anybody_is_asked(ask, protected, point):
    hold, named = f"/machines/web01/points/{point}/hold", {"point": urllib.parse.unquote(point)}
    ask("PUT", hold, 422, json={"reason": "why"})
    ask("DELETE", hold, 422)
    ask("POST", f"/machines/web01/points/{point}/verify", 422)
    ask("POST", f"/machines/web01/points/{point}/boot", 422, json={})
    ask("GET", "/machines/web01/preview", 422, params=named)
    for verb in ("failover", "test-failover", "change-recovery-point"):
        ask("POST", f"/machines/web01/{verb}", 422, json=named)
