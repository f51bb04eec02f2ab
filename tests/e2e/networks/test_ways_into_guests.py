"""A tester comes into a real guest that is drilled: to its port, console and screen, and nowhere else."""

import asyncio
import contextlib
import subprocess
import sys
import urllib.request

import pytest

import guestkit
from guestkit import Tier
from rig import Rig, bridges, processes
from rig.eventually import eventually
from secondsite.client import connect, errors
from secondsite.domain.drills.ways import WayKind
from tests.support import command_line, policies
from tests.support.console import support_console

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(600),
]
WEB, DATABASE = "10.44.0.1", "10.44.0.3"
TIERS = {"web01": (Tier.WEB, WEB, 80), "db01": (Tier.DATABASE, DATABASE, 5432)}
WITHIN_SECONDS = 90.0


@pytest.fixture(scope="module")
def rig():
    rig = Rig("libvirt", forked=True)

    def furnish(site):
        for name, (tier, address, _port) in TIERS.items() if site == "a" else ():
            workload = guestkit.Workload(records_per_second=3, tier=tier, address=f"{address}/24")
            rig.make_guest(name, workload=workload, terminal=True)

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        words = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", *TIERS, *words)
        yield rig


@pytest.fixture
def ann(rig):
    """A tester with a pass for web01, while both are drilled in one network."""
    command_line.do(rig, "test-failover", *TIERS)
    with rig.client() as vault:
        token = vault.tokens.create("ann", "tester").token
        vault.machines["web01"].drill.give_pass("ann")
        with connect(rig.url, token, rig.home("vault") / "pki" / "ca.pem") as theirs:
            yield theirs
        vault.tokens["ann"].delete()
    if rig.machine("web01").drill.state != "none":
        command_line.do(rig, "cleanup-test-failover", *TIERS)


def typed(rig, token_file, *words):
    """The command as Ann types it."""
    access = ["--url", rig.url, "--ca", str(rig.home("vault") / "pki" / "ca.pem")]
    access += ["--token-file", str(token_file)]
    return [sys.executable, "-m", "secondsite.entry.main", *access, "drill", "connect", *words]


@contextlib.contextmanager
def connected(rig, token_file, *words):
    """That command while it runs."""
    child = subprocess.Popen(
        typed(rig, token_file, *words), env=processes.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=30)


def piped(rig, token_file, *words):
    """What the machine answers to a request on the command's input, which then ends."""
    asked = b"GET /alive HTTP/1.0\r\n\r\n"
    done = subprocess.run(
        typed(rig, token_file, *words, "--stdio"), env=processes.environment(), input=asked,
        capture_output=True, timeout=WITHIN_SECONDS, check=True,
    )  # fmt: skip
    return done.stdout


def page(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/alive", timeout=30) as answer:
        return answer.read().decode()


def enter(vault, kind, name="web01", **where):
    return vault.machines[name].drill.enter(kind, **where)


def reached(vault, **where):
    """Whether the port could be connected to."""

    async def story():
        async with await enter(vault, WayKind.PORT, **where):
            return True

    try:
        return asyncio.run(story())
    except errors.FabricError:
        return False


async def heard(line, until):
    said = b""
    async with asyncio.timeout(WITHIN_SECONDS):
        while until not in said and (part := await line.read()):
            said += part
    return said


def test_the_printed_port_is_that_of_the_copy_and_of_nothing_else(rig, ann, tmp_path):
    eventually(lambda: reached(ann, port=80, address=WEB), WITHIN_SECONDS)
    assert not reached(ann, port=8443, address=WEB)
    assert not reached(ann, port=5432, address=DATABASE), "it is db01's address, and web01's card"
    with pytest.raises(errors.Forbidden):
        asyncio.run(enter(ann, WayKind.PORT, "db01", port=5432, address=DATABASE))
    token = tmp_path / "token"
    token.write_text(ann._connection.bearer.removeprefix("Bearer "))  # noqa: SLF001
    with connected(rig, token, "web01", "80", "--address", WEB) as child:
        line = child.stdout.readline()
        assert line.startswith("port 80 of its test machine is 127.0.0.1:"), child.stderr.read()
        port = int(line.rpartition(":")[2])
        assert "web" in page(port)
        assert b"200" in piped(rig, token, "web01", "80", "--address", WEB)
        command_line.do(rig, "cleanup-test-failover", *TIERS)
        with pytest.raises(OSError):
            page(port)
    assert "ssck" not in bridges.ip("-o", "link", "show")


def test_its_console_and_its_screen_are_there_and_the_clean_up_cuts_them(rig, ann):
    async def story():
        async with await enter(ann, WayKind.CONSOLE) as console, await enter(ann, WayKind.SCREEN) as screen:
            assert (await heard(screen, b"\n")).startswith(b"RFB 003.")
            assert await heard(console, b"\n")
            await asyncio.to_thread(command_line.do, rig, "cleanup-test-failover", *TIERS)
            async with asyncio.timeout(WITHIN_SECONDS):
                while await console.read():
                    pass
                while await screen.read():
                    pass

    asyncio.run(story())


ROWS = "() => document.querySelector('.xterm-rows')?.innerText ?? ''"
COLOURS = """() => { const of = document.querySelector('.remote-screen canvas');
    if (!of || of.width < 300) return 0;
    const all = new Uint32Array(of.getContext('2d').getImageData(0, 0, of.width, of.height).data.buffer);
    return new Set(all).size; }"""


@pytest.fixture
def browser():
    """Only while it is used: its event loop keeps others of the thread from running."""
    support_console.require_axe()
    with support_console.chromium() as browser:
        yield browser


def test_a_browser_shows_its_console_and_its_screen_and_the_clean_up_ends_them(rig, ann, browser):
    secret = ann._connection.bearer.removeprefix("Bearer ")  # noqa: SLF001
    tab = support_console.opened(browser, rig.url).log_in(secret)
    tab.open(f"/machines/{rig.machine('web01').id}").is_settled()
    tab.page.get_by_role("button", name="Serial console web01").click()
    eventually(lambda: tab.page.evaluate(ROWS).count("RECORD ") > 1, WITHIN_SECONDS)
    picture(tab, "guest-console")
    tab.page.get_by_role("button", name="Screen web01").click()
    eventually(lambda: tab.page.evaluate(COLOURS) > 1, WITHIN_SECONDS)
    picture(tab, "guest-screen")
    assert (tab.amiss(), heard_in_it(tab)) == ([], [])
    with rig.client() as vault:
        eventually(lambda: len(vault.machines["web01"].drill.entries().visits) == 2, 30)
    command_line.do(rig, "cleanup-test-failover", *TIERS)
    tab.page.locator(".remote-screen").wait_for(state="detached")
    assert heard_in_it(tab) == []
    tab.page.context.close()


def heard_in_it(tab):
    """What the browser's console said, but of how its pixels are read here, and that the drill has ended."""
    return [each for each in tab.said if "willReadFrequently" not in each and "status of 409" not in each]


def picture(tab, name):
    support_console.PICTURES.mkdir(parents=True, exist_ok=True)
    tab.page.screenshot(path=support_console.PICTURES / f"{name}.png")


def test_its_end_in_the_drill_s_network_listens_nowhere_and_leads_nowhere(rig, ann):
    """What a hostile guest can find of the tester's side there."""

    def seen_inside():
        wanted = ["pgrep", "-P", str(rig.appliances["b"].pid), "-f", "reaching_program.py.*10[.]44[.]0[.]1"]
        (pid,) = said(*wanted).split()
        enters = ("nsenter", f"--net=/proc/{pid}/ns/net")
        links = said(*enters, "ip", "-brief", "link", "show", "up").splitlines()
        sockets = said(*enters, "ss", "--no-header", "--listening", "--tcp", "--udp")
        leads = said(*enters, "ip", "route", "show", "default")
        return [each.partition("@")[0] for each in links], sockets, leads

    async def story():
        async with await enter(ann, WayKind.PORT, port=80, address=WEB):
            return await asyncio.to_thread(seen_inside)

    eventually(lambda: reached(ann, port=80, address=WEB), WITHIN_SECONDS)
    assert asyncio.run(story()) == (["check0"], "", "")


def said(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout
