"""The manual beside the API: to anybody, under a policy of its own, packed as it was built."""

import gzip

import pytest
from starlette.testclient import TestClient

from secondsite.api import manual
from secondsite.api.built_pages import BuiltPages
from secondsite.ground.connection_limits import Limits, Tally, Visitors

POLICY = "default-src 'none'; script-src 'self' 'sha256-AAAA'"
PAGE = b"<!doctype html>the first page"


@pytest.fixture
def built(tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "index.html.gz").write_bytes(gzip.compress(PAGE))
    (tmp_path / "guide/drill.html.gz").write_bytes(gzip.compress(b"how to drill"))
    (tmp_path / "favicon.png").write_bytes(b"a picture")
    (tmp_path / manual.POLICY_FILE).write_text(f"{POLICY}\n")
    return tmp_path


def served(folder):
    visitors = Visitors(Limits(), Tally(lambda _reasons, _most_from: None))
    return TestClient(BuiltPages(_api, visitors, (manual.pages(folder),)), follow_redirects=False)


async def _api(scope, receive, send):
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"the API"})


def test_the_path_without_its_slash_leads_to_the_first_page(built):
    answer = served(built).get("/manual")
    assert (answer.status_code, answer.headers["location"]) == (302, "/manual/")
    assert served(built).get("/manual/").content == PAGE


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_a_page_reads_the_same_whether_its_reader_unpacks_it_or_not(built, accepted):
    answer = served(built).get("/manual/guide/drill.html", headers={"accept-encoding": accepted})
    assert answer.text == "how to drill"
    assert answer.headers.get("content-encoding") == (None if accepted == "identity" else accepted)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_what_was_not_packed_comes_as_it_is(built):
    answer = served(built).get("/manual/favicon.png")
    assert (answer.content, answer.headers["content-type"]) == (b"a picture", "image/png")


@pytest.mark.parametrize("path", ["/manual/", "/manual/guide/drill.html", "/manual/no.html", "/manual"])
def test_every_answer_has_the_policy_that_the_build_wrote(built, path):
    assert served(built).get(path).headers["content-security-policy"] == POLICY


def test_a_page_that_is_not_there_names_the_first_one(built):
    answer = served(built).get("/manual/guide/no-such.html")
    assert (answer.status_code, "/manual/index.html" in answer.text) == (404, True)


def test_a_vault_without_a_manual_says_how_it_gets_one(tmp_path):
    answer = served(tmp_path).get("/manual/")
    assert (answer.status_code, "./dev manual" in answer.text) == (404, True)
    assert answer.headers["content-security-policy"] == manual.NOTHING


@pytest.mark.parametrize("path", ["/manual/content-security-policy", "/manual/../manual.py", "/manuals"])
def test_nothing_else_is_shown(built, path):
    assert served(built).get(path).status_code in (404, 418)
