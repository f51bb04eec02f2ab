"""What is answered without the framework is what its routes answer."""

import tracemalloc

import pytest

from secondsite.api import fast_path
from secondsite.domain import errors
from secondsite.ground.units import KiB, MiB
from secondsite.vault.facade.nouns.machines import Machines
from tests.support.vault import machine

PATHS = [
    "/machines",
    "/machines?limit=1",
    "/machines?limit=1&cursor={next}",
    "/machines?cursor={next}&limit=2",
    "/machines?cursor={next}",
    "/machines?limit=0",
    "/machines?limit=100000",
    "/machines?limit=07",
    "/machines?limit=1&limit=2",
    "/machines?limit=",
    "/machines?limit=1&",
    "/machines?limit=1cursor={next}",
    "/machines?limit=%31",
    "/machines?cursor=nonsense",
    "/machines?cursor=",
    "/machines?state=protected",
    "/machines?site=nowhere",
    "/machines?unknown=1",
    "/machines?",
    "/machines/",
    "/machines//",
    "/machines/{name}",
    "/machines/{id}",
    "/machines/{name}?x=1",
    "/machines/{name}/",
    "/machines/nobody",
    "/machines/no%20body",
    "/machines/.",
    "/machines/failover",
    "//machines",
    "/Machines",
]
PLAIN = "_plain"
TIMES = ("date",)


@pytest.fixture
def both(vault, monkeypatch):
    """How a request is answered: past the framework, and by its route."""

    def asked(method, path, **how):
        answer = vault.rest.request(method, path, **how)
        told = {name: value for name, value in answer.headers.items() if name not in TIMES}
        return answer.status_code, told, answer.content

    def both(method, path, **how):
        short = asked(method, path, **how)
        with monkeypatch.context() as without:
            without.setattr(fast_path, PLAIN, lambda _scope: None)
            return short, asked(method, path, **how)

    return both


@pytest.fixture
def short(monkeypatch):
    """Which questions did not go through their routes."""
    found, plain = [], getattr(fast_path, PLAIN)

    def noted(scope):
        ask = plain(scope)
        found.extend([scope["path"]] if ask else [])
        return ask

    monkeypatch.setattr(fast_path, PLAIN, noted)
    return found


@pytest.fixture
def machines(vault, two_sites):
    """Three, of which two have one name."""
    source, target = two_sites
    sides = {"source_appliance_id": source.id, "target_appliance_id": target.id}
    with vault.store.transaction() as tx:
        for number, name in enumerate(("web", "db", "db")):
            tx.machines.add(machine(f"id{number}", name, source_fabric_id=f"f-{number}", target_fabric_id=f"t-{number}", **sides))  # fmt: skip  # noqa: E501


@pytest.fixture
def headers(ask, machines):
    """What each caller shows."""
    grants = {"reader": ["reader"], "administrator": ["access_administrator"]}
    tokens = {
        name: ask("POST", "/tokens", 201, json={"name": name, "roles": roles})["token"]
        for name, roles in grants.items()
    }
    scoped = {"name": "of a", "roles": ["reader"], "site": "a"}
    tokens["of a"] = ask("POST", "/tokens", 201, json=scoped)["token"]
    ask("POST", "/sites", 201, json={"name": "c"})
    elsewhere = {"name": "of c", "roles": ["reader"], "site": "c"}
    tokens["of c"] = ask("POST", "/tokens", 201, json=elsewhere)["token"]
    bearers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
    return [*bearers.values(), {}, {"Authorization": "Bearer nonsense"}, {"Accept-Encoding": "gzip"}]


def test_it_answers_as_the_routes_do(both, ask, headers):
    following = ask("GET", "/machines?limit=1")["next"]
    for path in PATHS:
        asked = f"/api{path}".format(next=following, name="web", id="id1")
        for shown in headers:
            for method in ("GET", "HEAD", "POST"):
                short, routed = both(method, asked, headers=shown)
                assert short == routed, (method, asked, shown)


def test_a_plain_question_needs_no_route(ask, short, machines):
    ask("GET", "/machines")
    following = ask("GET", "/machines?limit=1")["next"]
    ask("GET", f"/machines?cursor={following}&limit=2")
    ask("GET", "/machines/web")
    ask("GET", "/machines/nobody", 404)
    assert len(short) == 5
    for path in ("/machines?state=protected", "/machines?limit=1&limit=2", "/machines/web/points", "/sites"):
        ask("GET", path)
    ask("GET", "/machines/db", 422)
    assert len(short) == 6


@pytest.mark.parametrize("path", ["/api/machines", "/api/machines/web"])
def test_a_database_that_does_not_answer_is_waited_for_once(both, machines, monkeypatch, path):
    waited = []

    def gone(*_asked):
        waited.append(path)
        raise errors.StoreUnavailable("The vault's database failed: it is away.")

    for verb in ("list", "show"):
        monkeypatch.setattr(Machines, verb, gone)
    short, routed = both("GET", path)
    assert short == routed
    assert (short[0], len(waited)) == (503, 2), "once for each of them"


def test_questions_that_no_cursor_makes_are_not_remembered():
    plain = getattr(fast_path, PLAIN)
    tracemalloc.start()
    try:
        for number in range(1000):
            query = b"limit=1&cursor=%d" % number + b"A" * 15 * KiB
            plain({"type": "http", "method": "GET", "path": fast_path.PAGE, "query_string": query})
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MiB


def test_a_refusal_is_on_record_once(vault, ask, machines):
    token = ask("POST", "/tokens", 201, json={"name": "x", "roles": ["access_administrator"]})["token"]
    vault.rest.get("/api/machines", headers={"Authorization": f"Bearer {token}"})
    refused = [each for each in ask("GET", "/audit")["items"] if each["outcome"] == "refused"]
    assert [(each["who"], each["verb"], each["code"]) for each in refused] == [("x", "GET /machines", 403)]
