"""People come into the machine of a drill: whom it lets in, what ends it, and that nothing waits without
bounds."""

import asyncio
import base64
import contextlib
import http.client
import json
import pty
import re
import select
import ssl
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rig import processes
from rig.eventually import eventually
from secondsite.client import connect, errors
from secondsite.domain.drills.ways import WayKind
from secondsite.ground.units import MiB
from tests.e2e.support_simulated_sites import PROTECT, simulated_sites
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]
WITHIN_SECONDS = 60.0
MOST_PIECES = 8192


@pytest.fixture(scope="module")
def protected():
    with simulated_sites() as rig:
        command_line.do(rig, *PROTECT)
        rig.new_points("web01")
        yield rig


@pytest.fixture
def rig(protected):
    """A drill of web01 is open."""
    command_line.do(protected, "test-failover", "web01")
    yield protected
    if protected.machine("web01").drill.state != "none":
        command_line.do(protected, "cleanup-test-failover", "web01")


@pytest.fixture
def ann(rig):
    """A tester with a pass."""
    with person(rig) as vault, rig.client() as operators:
        operators.machines["web01"].drill.give_pass("ann", lasts_seconds=600)
        yield vault


@contextlib.contextmanager
def person(rig, name="ann", role="tester"):
    with rig.client() as vault:
        token = vault.tokens.create(name, role).token
        with connect(rig.url, token, rig.home("vault") / "pki" / "ca.pem") as theirs:
            yield theirs
        with contextlib.suppress(errors.NotFound):
            vault.tokens[name].delete()


def enter(vault, kind=WayKind.CONSOLE, **where):
    return vault.machines["web01"].drill.enter(kind, **where)


async def heard(line, until=b"\n"):
    said = b""
    async with asyncio.timeout(WITHIN_SECONDS):
        while until not in said:
            part = await line.read()
            assert part, f"the line ended after {said!r}"
            said += part
    return said


async def ended(line):
    async with asyncio.timeout(WITHIN_SECONDS):
        while await line.read():
            pass


def cut(vault, act):
    """A line is open; `act` ends it."""

    async def story():
        async with await enter(vault) as line:
            await heard(line)
            await asyncio.to_thread(act)
            await ended(line)

    asyncio.run(story())


def visits(rig):
    with rig.client() as vault:
        return vault.machines["web01"].drill.entries().visits


def test_whoever_has_a_pass_talks_to_the_machine_and_it_is_on_record(rig, ann):
    async def story():
        async with await enter(ann) as line:
            assert (await heard(line)).startswith(b"console of ")
            await line.write(b"ls -l\n")
            assert await heard(line) == b"ls -l\n"
            await line.end()
            await ended(line)

    asyncio.run(story())
    eventually(lambda: visits(rig)[-1].ended_at is not None, 30)
    last = visits(rig)[-1]
    assert (last.who, last.what, last.sent_bytes) == ("ann", "the serial console", 6)
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "ann looked")
    with rig.client() as vault:
        verbs = [each.verb for each in vault.audit.list() if each.who == "ann"]
        cleaned = vault.jobs[next(iter(vault.jobs)).id].show()
    assert {"left drill", "POST /machines/{machine}/drill/way"} <= set(verbs)
    said = " ".join(each.sentence or "" for each in cleaned.tasks)
    assert "notes kept: ann looked; came in: ann at the serial console from " in said


@pytest.mark.parametrize(("role", "has"), [("tester", False), ("reader", False), ("reader", True)])
def test_nobody_comes_in_without_the_right_and_a_pass(rig, role, has):
    with person(rig, "bob", role) as vault, rig.client() as operators:
        if has:
            operators.machines["web01"].drill.give_pass("bob")
        with pytest.raises(errors.Forbidden) as refused:
            asyncio.run(enter(vault))
    assert "pass" in f"{refused.value.message} {refused.value.do}" or role == "reader"


def test_a_token_that_came_after_the_pass_of_its_name_is_not_let_in(rig):
    with rig.client() as operators:
        with person(rig, "carl"):
            operators.machines["web01"].drill.give_pass("carl")
        with person(rig, "carl") as other, pytest.raises(errors.Forbidden):
            asyncio.run(enter(other))


def test_a_port_that_the_machine_does_not_serve_is_told(rig, ann):
    with pytest.raises(errors.FabricError, match="Connection refused"):
        asyncio.run(enter(ann, WayKind.PORT, port=22))
    assert not [each for each in visits(rig) if each.what == "port 22"]


def test_one_person_at_a_time_is_at_the_console(rig, ann):
    async def story():
        async with await enter(ann) as line:
            await heard(line)
            with pytest.raises(errors.NotPossibleNow, match="Somebody is at its console"):
                await enter(ann)
        async with asyncio.timeout(WITHIN_SECONDS):
            while True:
                with contextlib.suppress(errors.NotPossibleNow):
                    return await (await enter(ann)).__aexit__()

    asyncio.run(story())


def test_the_end_of_the_pass_ends_it(rig, ann):
    def end():
        with rig.client() as vault:
            drill = vault.machines["web01"].drill
            (mine,) = [each for each in drill.entries().passes if each.who == "ann"]
            drill.end_pass(mine.id)

    cut(ann, end)
    eventually(lambda: visits(rig)[-1].why == "the pass has ended", 30)


def test_the_end_of_the_token_ends_it(rig, ann):
    def end():
        with rig.client() as vault:
            vault.tokens["ann"].delete()

    cut(ann, end)


def test_the_clean_up_ends_it_and_the_pass(rig, ann):
    cut(ann, lambda: command_line.do(rig, "cleanup-test-failover", "web01"))
    with pytest.raises(errors.NotPossibleNow, match="no open test failover"):
        asyncio.run(enter(ann))
    command_line.do(rig, "test-failover", "web01")
    with pytest.raises(errors.Forbidden, match="has no pass"):
        asyncio.run(enter(ann))


@pytest.mark.parametrize("which", ["vault", "b"])
def test_a_kill_ends_the_line_and_leaves_the_drill(rig, ann, which):
    process = rig.vault if which == "vault" else rig.appliances[which]
    cut(ann, process.kill)
    process.start()
    rig.wait_for("web01", lambda now: now.drill.state == "running", 60)

    def is_let_in():
        try:
            asyncio.run(come_and_go(ann))
        except errors.SecondsiteError:
            return False
        return True

    eventually(is_let_in, 60)


async def come_and_go(vault):
    async with await enter(vault) as line:
        await heard(line)


def memory_bytes(rig):
    """What the vault and the appliance of the drill hold."""
    said = [Path(f"/proc/{each.pid}/status").read_text() for each in (rig.vault, rig.appliances["b"])]
    return [1024 * int(re.findall(r"VmRSS:\s+(\d+) kB", each)[0]) for each in said]


def test_what_waits_for_a_tester_who_reads_nothing_is_bounded(rig, ann):
    """The machine repeats all that it hears, and nobody takes it."""

    async def story():
        async with await enter(ann, WayKind.SCREEN) as line:
            for _ in range(MOST_PIECES):
                try:
                    async with asyncio.timeout(5):
                        await line.write(b"x" * 32768)
                except TimeoutError:
                    return memory_bytes(rig)
        raise AssertionError("all was taken")

    asyncio.run(come_and_go(ann))
    before = memory_bytes(rig)
    after = asyncio.run(story())
    assert [more - was for was, more in zip(before, after, strict=True) if more - was > 16 * MiB] == []


# ---- as a browser does it: what is said goes by requests of its own


WAY = "/api/machines/web01/drill/way?kind=console&typed_apart=true"
OWN, FOREIGN = "same-origin", "cross-site"


class Page:
    """What a page of the vault asks for somebody who is logged in."""

    def __init__(self, rig, vault):
        self._rig, self._cookie = rig, ""
        secret = vault._connection.bearer.removeprefix("Bearer ")  # noqa: SLF001
        with self._asked("POST", "/api/session", {"kind": "browser", "token": secret}) as entered:
            self._cookie = entered.headers["set-cookie"].partition(";")[0]

    @contextlib.contextmanager
    def _asked(self, method, path, body=None, site=OWN):
        trust = ssl.create_default_context(cafile=self._rig.home("vault") / "pki" / "ca.pem")
        place = urlsplit(self._rig.url)
        line = http.client.HTTPSConnection(place.hostname, place.port, context=trust, timeout=WITHIN_SECONDS)
        headers = {"Sec-Fetch-Site": site, "Cookie": self._cookie, "Content-Type": "application/json"}
        with contextlib.closing(line):
            line.request(method, path, None if body is None else json.dumps(body), headers)
            with line.getresponse() as answer:
                yield answer

    def ask(self, method, path, body=None, site=OWN):
        """The status of the answer."""
        with self._asked(method, path, body, site) as answer:
            return answer.status

    @contextlib.contextmanager
    def way(self):
        """An open way, whose greeting was heard."""
        with self._asked("POST", WAY) as answer:
            assert answer.status == 200, answer.read()
            told(answer, b"\n")
            yield answer, answer.headers["drill-way"]

    def say(self, way, what, site=OWN):
        typed = base64.b64encode(what).decode()
        return self.ask("POST", f"/api/drills/ways/{way}", {"typed": typed}, site)


def told(answer, until):
    """What the machine says, up to that."""
    found = b""
    while until not in found:
        part = answer.read(1)
        assert part, f"the way ended after {found!r}"
        found += part
    return found


def test_a_page_says_what_is_typed_by_requests_and_hears_it_on_the_way(rig, ann):
    every, page = bytes(range(256)), Page(rig, ann)
    with page.way() as (answer, way):
        assert page.say(way, every) == 204
        assert told(answer, every) == every
        assert page.say(way, b"") == 422
        assert page.say(way, b"x" * 40_000) == 422
    eventually(lambda: visits(rig)[-1].ended_at is not None, 30)
    last = visits(rig)[-1]
    assert (last.who, last.sent_bytes, last.why) == ("ann", 256, "the person left")
    assert page.say(way, b"x") == 404


def test_nobody_types_into_the_way_of_another_nor_a_page_from_elsewhere_into_any(rig, ann):
    with person(rig, "eve") as other:
        mine, again, others = Page(rig, ann), Page(rig, ann), Page(rig, other)
        assert mine.ask("POST", WAY, site=FOREIGN) == 403
        assert others.ask("POST", WAY) == 403, "eve has no pass"
        with mine.way() as (answer, way):
            assert mine.say(way, b"foreign", FOREIGN) == 403
            assert others.say(way, b"eve") == 404
            assert again.say(way, b"another session of ann") == 404
            assert mine.say(way, b"ann\n") == 204
            assert told(answer, b"\n") == b"ann\n"


def test_the_end_of_the_session_ends_the_way(rig, ann):
    page = Page(rig, ann)
    with page.way() as (answer, _):
        assert page.ask("DELETE", "/api/session") == 204
        assert answer.read() == b""
    eventually(lambda: visits(rig)[-1].why == "the token, or the session, no longer counts", 30)


def test_what_is_typed_is_not_on_record_also_if_it_is_refused(rig, ann):
    assert Page(rig, ann).say("nosuch", b"a password") == 404
    with rig.client() as vault:
        refused = next(each for each in vault.audit.list() if each.verb == "POST /drills/ways/{way}")
    assert "(not shown)" in refused.details
    assert base64.b64encode(b"a password").decode() not in refused.details


# ---- as it is typed


def words_of(rig, *words):
    """A command as the first token's holder types it, in a process of its own."""
    home = rig.home("vault")
    access = ["--url", rig.url, "--ca", str(home / "pki" / "ca.pem"), "--token-file", str(home / "token")]
    return [sys.executable, "-m", "secondsite.entry.main", *access, "drill", *words]


def test_passes_are_given_listed_and_ended_by_name(rig):
    with person(rig, "dora"):
        (given,) = command_line.told(rig, "drill", "pass", "dora", "web01", "--for", "2h")
        assert given["who"] == "dora"
        entries = command_line.told(rig, "drill", "passes", "web01")
        assert [each["id"] for each in entries["passes"] if each["who"] == "dora"] == [given["id"]]
        command_line.told(rig, "drill", "end-pass", "web01", "dora")
        entries = command_line.told(rig, "drill", "passes", "web01")
        assert [each for each in entries["passes"] if each["who"] == "dora"] == []


def test_at_a_terminal_each_key_reaches_the_machine_and_one_leaves(rig):
    command_line.told(rig, "drill", "pass", "admin", "web01")
    ours, theirs = pty.openpty()
    with open(ours, "r+b", buffering=0) as screen:
        with open(theirs, "r+b", buffering=0) as terminal:
            child = subprocess.Popen(
                words_of(rig, "console", "web01"), env=processes.environment(),
                stdin=terminal, stdout=terminal, stderr=subprocess.PIPE,
            )  # fmt: skip
            assert shown(screen, b"console of ")
            screen.write(b"ls\x03\x04")
            assert shown(screen, b"ls\x03\x04"), "the terminal kept a key for itself"
            screen.write(b"\x1d")
            said = child.communicate(timeout=WITHIN_SECONDS)[1]
    assert (child.returncode, b"left" in said) == (0, True)


def shown(screen, wanted):
    """Whether the terminal shows it in time."""
    said, deadline = b"", time.monotonic() + WITHIN_SECONDS
    while wanted not in said and time.monotonic() < deadline:
        if select.select([screen], [], [], 1)[0]:
            said += screen.read(4096)
    return wanted in said


def test_input_and_output_are_a_line_for_other_programs(rig):
    """What it says has an end, and the answer still comes."""
    command_line.told(rig, "drill", "pass", "admin", "web01")
    done = subprocess.run(
        words_of(rig, "connect", "web01", "22", "--stdio"), env=processes.environment(),
        input=b"hello\n", capture_output=True, timeout=WITHIN_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert b"Connection refused" in done.stderr
