"""What strangers can send: nothing of it is read, parsed, kept or repeated."""

import asyncio
import re
import threading
import time
from types import SimpleNamespace

import pytest
from fastapi import APIRouter

from secondsite.api import bodies, failures, routers
from secondsite.api.routers import NAMED, PERMITTED
from secondsite.domain import errors
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.always

TOKEN = "sst_" + "a" * 43


def asked(vault, headers, parts, path="/api/sites"):
    """The answer's status and headers, and how many parts of the body were read."""
    sent, given = [], iter(parts)
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "",
        "scheme": "https", "http_version": "1.1", "client": ("192.0.2.66", 1), "server": ("127.0.0.1", 8443),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    read = []

    async def receive():
        part = next(given, None)
        if part is None:
            await asyncio.sleep(60)
        read.append(part)
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(message):
        sent.append(message)

    asyncio.run(vault.app(scope, receive, send))
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, len(read)


@pytest.mark.parametrize(
    "path", ["/sites", "/machines", "/nowhere", "/ca", "/docs", "/openapi.json", "/session", "/sites?limit=x"]
)
def test_no_browser_takes_an_answer_for_what_it_does_not_say_that_it_is(vault, path):
    assert vault.rest.get(f"/api{path}").headers.get_list("x-content-type-options") == ["nosniff"]


STRANGERS = ["", "Bearer", f"Bearer {TOKEN}", "Basic YTpi", "Bearer \xff", "Bearer x y"]


def test_a_strangers_body_is_not_read(vault):
    for authorization in STRANGERS:
        headers = {"Authorization": authorization, "Content-Length": "300000000"}
        status, told, read = asked(vault, headers, [b"x" * MiB] * 300)
        assert (status, read, told["connection"]) == (401, 0, "close")


CLOSED = [
    "/api/sites",
    "/api/nothing",
    "/nothing",
    "/api/sites/",
    "/api/health/",
    "//api/health",
    "/api/ca/..",
]


def test_whatever_is_not_open_needs_a_token_whether_it_is_there_or_not(vault):
    assert {path: asked(vault, {}, [], path)[0] for path in CLOSED} == dict.fromkeys(CLOSED, 401)


def test_a_body_may_have_a_mebibyte_whether_its_length_is_told_or_not(vault):
    valid = {"Authorization": f"Bearer {vault.made.token}", "Content-Type": "application/json"}
    told = asked(vault, {**valid, "Content-Length": str(MiB + 1)}, [b"x" * MiB] * 300)
    assert (told[0], told[1]["connection"], told[2]) == (413, "close", 0)
    chunked = asked(vault, {**valid, "Transfer-Encoding": "chunked"}, [b"x" * 100 * KiB] * 300)
    assert (chunked[0], chunked[1]["connection"], chunked[2]) == (413, "close", 11)
    body = b'{"name": "a"%s}' % (b" " * (MiB - 20))
    assert vault.rest.post("/api/sites", content=body, headers=valid).status_code == 201


def test_an_enrollment_may_have_64_kibibytes(vault):
    status, _, read = asked(vault, {"Transfer-Encoding": "chunked"}, [b"x" * KiB] * 300, "/api/enroll")
    assert (status, read) == (413, 65)


def test_a_body_that_does_not_come_in_time_is_given_up(vault, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    headers = {"Authorization": f"Bearer {vault.made.token}", "Content-Length": "10"}
    status, told, _ = asked(vault, headers, [b"{"])
    assert (status, told["connection"]) == (408, "close")


def test_the_description_loads_nothing_and_runs_nothing(vault):
    answer = vault.rest.get("/api/docs", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert not re.search(r"<(script|link|img|iframe)|https?://|@import|url\(", answer.text)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    for each in ("POST /api/machines/failover", "GET /api/vault", "Idempotency-Key", "Sizes are bytes"):
        assert each in answer.text


def test_the_host_that_a_caller_names_is_not_repeated(vault):
    for host in ("evil.example", "[", "a:b:c", ""):
        for path in ("/api/health/", "/api/health", "/api/nothing", "/api/docs", "/api/vault"):
            answer = vault.rest.get(path, headers={"Host": host}, follow_redirects=False)
            assert answer.status_code in (200, 404)
            assert "evil" not in answer.text + str(answer.headers)


def test_a_method_that_is_not_there_is_refused_with_those_that_are(vault):
    for method in ("TRACE", "PATCH", "DELETE"):
        answer = vault.rest.request(method, "/api/vault")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_a_defect_is_told_by_its_number_and_not_by_its_text(vault, monkeypatch):
    def broken(*_):
        raise RuntimeError("SELECT secret FROM tokens -- /var/lib/secondsite")

    logged = []
    monkeypatch.setattr(type(vault.facade.info), "show", broken)
    monkeypatch.setattr(
        failures, "log", SimpleNamespace(error=lambda event, **said: logged.append((event, said)))
    )
    answer = vault.rest.get("/api/vault")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert not re.search(r"SELECT|secondsite|RuntimeError|Traceback", answer.text)
    (number,) = re.findall(r"request ([0-9a-f]{8})", answer.json()["error"]["do"])
    ((event, said),) = logged
    assert (event, said["number"], "SELECT" in str(said["exc_info"])) == ("request.crashed", number, True)


@pytest.mark.parametrize(
    "router",
    [
        APIRouter(tags=["nobody's"]),
        APIRouter(prefix="/api"),
        routers.open_to_all("open"),
        routers.guarded(""),
    ],
)
def test_a_router_that_asks_nobody_who_they_are_is_not_served(router):
    """Two changes that were made beside each other left one: one that knew of guarded routers, one that
    added a noun."""
    if PERMITTED not in router.dependencies:
        with pytest.raises(TypeError, match="was not made by"):
            routers.routes([router], [])
    if NAMED not in router.dependencies:
        with pytest.raises(TypeError, match="was not made by"):
            routers.routes([], [router])


def doubled(fields):
    """An object of so many fields, of which the last is there twice."""
    names = [f'"{number:x}":1' for number in range(fields)]
    return ("{" + ",".join([*names, names[-1]]) + "}").encode()


def test_a_doubled_field_is_found_in_one_pass(vault):
    """It was one for each field: 65 kB of a stranger's kept everybody out for most of a second, a MiB for
    minutes."""

    def seconds(fields):
        body = doubled(fields)
        began = time.thread_time()
        with pytest.raises(errors.InvalidArgument, match="twice"):
            bodies.text_of(body)
        return time.thread_time() - began

    tries = [(seconds(40_000), seconds(4_000)) for _ in range(8)]  # in turns: a host may be slow for a while
    many, few = map(min, zip(*tries, strict=True))
    assert many < 50 * few, "a pass for each field would be 100 times"


def test_a_long_body_is_read_beside_the_requests_of_others(vault, monkeypatch):
    threads = []
    read = bodies.text_of

    def noted(body):
        threads.append(threading.current_thread().name)
        return read(body)

    monkeypatch.setattr(bodies, "text_of", noted)
    for size in (10, 60_000):
        vault.rest.post("/api/enroll", content=b"[" + b"1" * (size - 2) + b"]")
    assert ["worker" in name for name in threads] == [False, True]


def test_a_body_of_a_million_little_things_is_refused_unread(vault):
    body = b"[" + b"[]," * 100_000 + b"1]"
    answer = vault.rest.post("/api/sites", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "more than 50000 parts" in answer.json()["error"]["message"]


def test_of_many_faults_the_first_are_told(vault):
    body = {"machines": [{}] * 20_000, "more": 1}
    answer = vault.rest.post("/api/machines/failover", json=body)
    assert answer.status_code == 422
    assert len(answer.content) < 4 * KiB
    assert "and 19991 more." in answer.json()["error"]["message"]
