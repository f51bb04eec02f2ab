"""The console's files: to anybody, under a strict policy, as they were compressed when they were built."""

import gzip

import pytest
from starlette.testclient import TestClient

from secondsite.api import console
from secondsite.api.built_pages import BuiltPages
from secondsite.ground.connection_limits import Limits, Tally, Visitors

SCRIPT = b"let answer = 42;\n" * 200


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the console")
    (tmp_path / "assets/index-abc.js").write_bytes(SCRIPT)
    (tmp_path / "assets/index-abc.js.gz").write_bytes(gzip.compress(SCRIPT, mtime=0))
    (tmp_path / "assets/index-abc.js.br").write_bytes(b"as brotli")
    (tmp_path.parent / "secret.txt").write_text("not of the console")
    return TestClient(BuiltPages(_api, _visitors(), (console.pages(tmp_path),)), follow_redirects=False)


def _visitors():
    return Visitors(Limits(), Tally(lambda _reasons, _most_from: None))


async def _api(scope, receive, send):
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"the API"})


def test_everything_else_is_the_apis(pages):
    assert (
        pages.get("/api/machines").text
        == pages.get("/consoles").text
        == pages.post("/api/x").text
        == "the API"
    )


def test_the_root_leads_to_the_console_whatever_host_was_asked(pages):
    answer = pages.get("/", headers={"host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (302, "/console/")


@pytest.mark.parametrize("path", ["/console/", "/console/machines", "/console/machines/some-id"])
def test_every_path_of_a_page_shows_the_index(pages, path):
    answer = pages.get(path)
    assert answer.status_code == 200
    assert "the console" in answer.text
    assert answer.headers["cache-control"] == "no-cache"


def test_a_page_loads_and_runs_its_own_files_only(pages):
    headers = pages.get("/console/").headers
    assert "unsafe" not in headers["content-security-policy"]
    for word in ("default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"):
        assert word in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"), ("identity", None), ("", None)],
)
def test_a_file_comes_as_it_was_compressed_when_it_was_built(pages, accepted, encoding):
    with pages.stream("GET", "/console/assets/index-abc.js", headers={"accept-encoding": accepted}) as answer:
        sent = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == encoding
    assert sent == {"br": b"as brotli", "gzip": gzip.compress(SCRIPT, mtime=0), None: SCRIPT}[encoding]
    assert answer.headers["vary"] == "Accept-Encoding"


def test_a_name_with_a_digest_lasts_for_ever(pages):
    assert "immutable" in pages.get("/console/assets/index-abc.js").headers["cache-control"]


def test_what_the_browser_has_is_not_sent_again(pages):
    tag = pages.get("/console/").headers["etag"]
    again = pages.get("/console/", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["/console/no.js", "/console/../secret.txt", "/console/%2e%2e/secret.txt", "/console//etc/passwd.txt"],
)
def test_nothing_else_of_the_host_is_shown(pages, path):
    answer = pages.get(path)
    assert answer.status_code == 404 or "the console" in answer.text or answer.text == "the API"
    assert "not of" not in answer.text
    assert "root:" not in answer.text


def test_a_page_is_only_read(pages):
    answer = pages.post("/console/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_long_file_leaves_in_portions_each_with_its_own_time(tmp_path):
    (tmp_path / "long.txt").write_bytes(b"0123456789" * 20_000)
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/console/long.txt", "headers": []}
    await BuiltPages(_api, _visitors(), (console.pages(tmp_path),))(scope, receive, send)
    parts = sent[1:]
    assert b"".join(each["body"] for each in parts) == b"0123456789" * 20_000
    assert [each["more_body"] for each in parts] == [True] * 3 + [False]


def test_the_console_that_was_built_is_there_and_its_first_page_has_all_its_files():
    index = (console.BUILT / "index.html").read_text()
    named = [each.split(chr(34))[0] for each in index.split(chr(34) + console.BASE)[1:]]
    assert named
    assert all((console.BUILT / each).is_file() for each in named)


def test_a_vault_shows_the_console_to_strangers_and_the_api_still_wants_a_token(vault):
    stranger = TestClient(vault.app)
    assert stranger.get("/console/machines").status_code == 200
    assert stranger.get("/api/machines").status_code == 401
