"""A real browser reads the manual as a vault serves it, from a host without any way out."""

import contextlib
import subprocess
import threading

import pytest
import uvicorn

from rig.eventually import eventually
from secondsite.api import manual
from secondsite.api.built_pages import BuiltPages
from secondsite.ground.connection_limits import Limits, Tally, Visitors
from tests.support.console import support_console

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.timeout(900)]
MOST_BYTES = 4_000_000
"""In a package, and on a vault's disk."""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manual") / "served"
    build = [support_console.ROOT / "manual/build", support_console.ROOT / ".cache/manual", folder]
    subprocess.run(build, check=True, timeout=800)
    assert sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) < MOST_BYTES
    with serving(folder) as port:
        yield f"http://127.0.0.1:{port}/manual/"


@contextlib.contextmanager
def serving(folder):
    visitors = Visitors(Limits(), Tally(lambda _reasons, _most_from: None))
    app = BuiltPages(nothing, visitors, (manual.pages(folder),))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=30)


async def nothing(scope, receive, send):
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def tab(browser, url):
    tab = support_console.opened(browser, url)
    yield tab
    tab.page.context.close()


def test_the_search_finds_a_guide_and_leads_to_it(tab):
    tab.page.goto(tab.url)
    tab.page.get_by_placeholder("Search").fill("cleanup test failover")
    tab.page.locator(".md-search-result__link").first.wait_for()
    tab.page.locator(".md-search-result__link[href*='guide/drill.html']").first.click()
    tab.page.wait_for_url("**/guide/drill.html**")
    assert tab.said == []


@pytest.mark.parametrize("page", ["index.html", "guide/worst-hour.html", "guide/tutorial.html", "limits.html",
                                  "reference/cli.html", "adr/index.html"])  # fmt: skip
def test_a_page_shows_all_that_it_has_under_its_policy(tab, page):
    asked = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto(tab.url + page)
    tab.page.get_by_role("heading", level=1).first.wait_for()
    tab.page.get_by_title("Dark").first.click()
    assert tab.page.locator("body[data-md-color-scheme=slate]").count() == 1
    assert tab.said == []
    assert [each for each in asked if not each.startswith((tab.url, "data:"))] == []
