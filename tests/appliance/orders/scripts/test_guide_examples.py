"""The scripts of the guide's page on names, traffic and public addresses do what it says, and the same when they run again."""

import http.server
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from rig import bridges
from secondsite.ground import threads
from tests.appliance.orders.scripts.support_scripts import ran, write

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[4] / "docs" / "guide" / "names.md"


def example(first_line):
    """The code that begins with it."""
    return next(
        each for each in re.findall(r"```\w+\n(.*?)```", PAGE.read_text(), re.S) if first_line in each
    )


@pytest.fixture
def balancer():
    """Keeps what its API is told."""
    told = []

    class Api(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            told.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threads.worker("balancer", server.serve_forever)
    thread.start()
    yield server.server_port, told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def edge():
    """A network namespace with a card of the name that the guide has."""
    name = f"edge-{uuid.uuid4().hex[:6]}"
    bridges.ip("netns", "add", name)
    bridges.ip("-n", name, "link", "add", "wan0", "type", "veth", "peer", "name", "wan1")
    yield name
    bridges.ip("netns", "delete", name)


def test_traffic_goes_to_the_pool_of_the_site_where_the_machines_are(site, folder, balancer):
    port, told = balancer
    path = write(folder, "")
    path.write_text(example("#!/usr/bin/python3").replace(":8404/", f":{port}/"))
    for _ in range(2):
        sentence, facts = ran(site)
        assert (facts["exit_status"], facts["output"]) == (0, "clients go to site-b"), sentence
    assert told == [("/pool", b"site-b")] * 2


def test_the_edge_takes_the_public_address_and_sends_it_inside(site, folder, edge, tmp_path):
    inside = tmp_path / "take-public-address"
    inside.write_text(example("public=203.0.113.10"))
    write(folder, f"exec ip netns exec {edge} sh {inside}")
    for _ in range(2):
        sentence, facts = ran(site)
        assert (facts["exit_status"], facts["output"]) == (0, "203.0.113.10 goes to 10.2.0.5"), sentence
    assert "inet 203.0.113.10/32" in bridges.ip("-n", edge, "address", "show", "dev", "wan0")
    rules = subprocess.run(
        ["ip", "netns", "exec", edge, "nft", "list", "ruleset"], capture_output=True, text=True, check=True
    ).stdout
    assert rules.count("ip daddr 203.0.113.10 dnat to 10.2.0.5") == 1
