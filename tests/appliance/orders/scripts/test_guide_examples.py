"""The scripts of the guide's page on names, traffic and public addresses do what it says, and the same
when they run again."""

import http.server
import json
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from rig import bridges
from secondsite.domain.machines.hooks import HookMoment
from secondsite.ground import threads
from secondsite.wire.control.orders import Kind
from tests.appliance.orders.scripts.support_scripts import CONTEXT, payload, ran, write

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
    path.write_text(example("# Sends clients to the pool").replace(":8404/", f":{port}/"))
    for _ in range(2):
        sentence, facts = ran(site)
        assert (facts["exit_status"], facts["output"]) == (0, "clients go to site-b"), sentence
    assert told == [("/pool", b"site-b")] * 2


def test_the_edge_takes_the_public_address_and_sends_it_inside(site, folder, edge, tmp_path):
    inside = tmp_path / "take-public-address"
    inside.write_text(example("public=203.0.113.10 inside"))
    write(folder, f"exec ip netns exec {edge} sh {inside}")
    for _ in range(2):
        sentence, facts = ran(site)
        assert (facts["exit_status"], facts["output"]) == (0, "203.0.113.10 goes to 10.2.0.5"), sentence
    assert "inet 203.0.113.10/32" in bridges.ip("-n", edge, "address", "show", "dev", "wan0")
    rules = subprocess.run(
        ["ip", "netns", "exec", edge, "nft", "list", "ruleset"], capture_output=True, text=True, check=True
    ).stdout
    assert rules.count("ip daddr 203.0.113.10 dnat to 10.2.0.5") == 1


@pytest.fixture
def automation():
    """A service with a web hook: keeps what it is told, and answers with a status that a test dials."""
    told, answers = [], {"status": 202}

    class WebHook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(answers["status"])
            self.end_headers()

        def log_message(self, *_):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), WebHook)
    thread = threads.worker("automation", server.serve_forever)
    thread.start()
    yield server.server_port, told, answers
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_automation_service_is_told_which_machine_moved_where_and_its_refusal_is_a_failure(
    site, folder, automation
):
    port, told, answers = automation
    path = write(folder, "")
    path.write_text(example("# The automation service").replace(":8405/", f":{port}/"))
    _, facts = ran(site)
    assert facts["exit_status"] == 0, facts
    ((where, said),) = told
    assert (where, said["machines"][0]["name"], said["machines"][0]["to_site"]) == (
        "/runbooks/traffic",
        "db01",
        "b",
    )
    answers["status"] = 500
    sentence, facts = ran(site)
    assert (facts["exit_status"], "failed with status 22" in sentence) == (22, True)
    assert "500" in facts["output"]


def hooked(folder, edge, tmp_path):
    inside = tmp_path / "public-address"
    inside.write_text(example("# Clients reach the machine at this address"))
    inside.chmod(0o755)
    write(folder, f"exec ip netns exec {edge} {inside}")


def of_a_hook(moment, address="10.2.0.5", **changes):
    machine = CONTEXT.machines[0].model_copy(update={"addresses": () if address is None else (address,)})
    context = CONTEXT.model_copy(update={"moment": HookMoment(moment), "machines": (machine,), **changes})
    return payload().model_copy(update={"context": context})


def run_hook(site, asked):
    report = site.order(Kind.RUN_SCRIPT, asked)
    assert report.problem is None, report.problem
    return report.facts["exit_status"], report.facts["output"]


def rules(edge):
    listed = ["ip", "netns", "exec", edge, "nft", "list", "ruleset"]
    return subprocess.run(listed, capture_output=True, text=True, check=True).stdout


def test_a_public_address_is_given_and_taken_back_again_and_again(site, folder, edge, tmp_path):
    hooked(folder, edge, tmp_path)
    for address in ("10.2.0.5", "10.2.0.9"):
        said = run_hook(site, of_a_hook("after_start", address))
        assert said == (0, f"203.0.113.10 goes to {address}")
        assert rules(edge).count(f"ip daddr 203.0.113.10 dnat to {address}") == 1
    assert "inet 203.0.113.10/32" in bridges.ip("-n", edge, "address", "show", "dev", "wan0")
    for _ in range(2):
        assert run_hook(site, of_a_hook("before_stop")) == (0, "203.0.113.10 is given back")
    assert rules(edge) == ""
    assert "203.0.113.10" not in bridges.ip("-n", edge, "address", "show", "dev", "wan0")


def test_a_public_address_stays_in_a_drill_and_where_the_machine_s_own_is_not_known(
    site, folder, edge, tmp_path
):
    hooked(folder, edge, tmp_path)
    status, said = run_hook(site, of_a_hook("after_start", is_drill=True))
    assert (status, said) == (0, "a drill: the address stays where it is")
    status, said = run_hook(site, of_a_hook("after_start", address=None))
    assert (status, said) == (1, "the address of the machine is not known here")
    assert rules(edge) == ""
