"""People in the machine of a drill: who may come in, and the serial console in the browser."""

import base64

import pytest

from rig.eventually import eventually
from tests.console.acting.support_machines import page_of
from tests.support.console import support_console

pytestmark = support_console.SLOW
WHO, SPAN = "Person", "For how long"
COLOUR = "(at) => getComputedStyle(at).color"
ROWS = "() => document.querySelector('.xterm-rows')?.innerText ?? ''"
SAY = """([way, typed]) => fetch(`/api/drills/ways/${way}`, {method: 'POST', body: JSON.stringify({typed}),
    headers: {'Content-Type': 'application/json'}}).then((answer) => answer.status)"""
HOSTILE = (
    b"\x1b]0;owned\x07\x1b]2;owned\x07"  # titles
    b"\x1b]8;;javascript:document.title='owned'\x07link\x1b]8;;\x07 "
    b"\x1b]52;c;b3duZWQ=\x07\x1b[8;5;5t\x1b[3;0;0t\x1b[5i\x07"  # clipboard, window, printer, bell
    b"<img src=x onerror=document.title='owned'>"
    b"\x1b[38;2;255;0;10mRED\x1b[0m \x1b[38;5;200mPINK\x1b[0m \x1b[1;4;7mLOUD\x1b[0m "
    b"\xff\xfe\xc3( \xe2\x80\xaetxt \x1b[?1049h\x1b[?1049l\x1b[999;999H\x1b[1;1H\x1bP+q\x1b\\ end-of-it"
)


@pytest.fixture
def drilled(rig, vault):
    """A machine with an open drill, without passes."""
    machine = vault.machines["app03"]
    machine.test_failover(network="create").wait()
    yield machine
    if machine.show().drill.open is not None:
        machine.cleanup_test_failover().wait()


@pytest.fixture
def dialogs(keyboard):
    seen = []

    def see(dialog):
        seen.append(dialog.message)
        dialog.dismiss()

    keyboard.page.on("dialog", see)
    return seen


def rows(keyboard):
    return keyboard.page.evaluate(ROWS).replace("\xa0", " ")


def reads(keyboard, text):
    eventually(lambda: text in rows(keyboard), 60)
    return keyboard


def enter(keyboard, vault):
    """Open the serial console by keyboard; gives the way's id."""
    keyboard.open(page_of(vault, "app03"))
    with keyboard.page.expect_response("**/drill/way**") as answered:
        keyboard.act("Serial console app03")
    reads(keyboard, "console of")
    keyboard.page.wait_for_function("() => document.activeElement.closest('.xterm')")
    return answered.value.headers["drill-way"]


def typed(keyboard, way, what):
    return keyboard.page.evaluate(SAY, [way, base64.b64encode(what).decode()])


def test_a_pass_is_given_and_ended_and_its_visits_are_told(keyboard, vault, drilled):
    vault.tokens.create("ann", "tester")
    keyboard.open(page_of(vault, "app03")).says("Nobody may come in").act("Let somebody in app03")
    keyboard.dialog("give-pass").write(WHO, "nobody-knows").act("Let somebody in")
    keyboard.says("is called 'nobody-knows'").tab.said.clear()  # a browser tells each refusal
    keyboard.reach(WHO).press("Control+a").page.keyboard.type("ann")
    keyboard.act("Let somebody in").page.get_by_role("dialog").wait_for(state="detached")
    keyboard.says("You have no pass").picture("people-in-the-drill")
    (given,) = drilled.drill.entries().passes
    assert (given.who, (given.until - given.given_at).total_seconds()) == ("ann", 8 * 3600)
    copied = keyboard.page.get_by_label("A port of it, here 443: app03")
    assert copied.input_value() == "secondsite drill connect app03 443 --local-port 8443"
    assert keyboard.tab.amiss() == []
    keyboard.act("End the pass ann").dialog().act("End the pass")
    keyboard.says("Nobody may come in")
    assert drilled.drill.entries().passes == ()
    keyboard.is_clean()


def test_keys_reach_the_serial_console_and_one_leaves_by_keys(keyboard, vault, drilled):
    drilled.drill.give_pass("admin")
    enter(keyboard, vault)
    keyboard.page.keyboard.type("ls -l")
    keyboard.press("Control+c", "Tab", "Escape", "Enter")
    reads(keyboard, "ls -l").picture("serial-console")
    assert keyboard.tab.amiss() == []
    eventually(lambda: drilled.drill.entries().visits[-1].ended_at is None)
    keyboard.press("Control+]")
    assert keyboard.focus() == "Serial console app03"
    last = eventually(lambda: ended(drilled), 30)
    assert (last.who, last.sent_bytes, last.why) == ("admin", len("ls -l\x03\t\x1b\r"), "the person left")
    keyboard.says("the person left").is_clean()


def ended(machine):
    last = machine.drill.entries().visits[-1]
    return last if last.ended_at is not None else None


def test_what_a_guest_says_stays_in_the_grid(keyboard, vault, drilled, dialogs):
    drilled.drill.give_pass("admin")
    way = enter(keyboard, vault)
    title, links = keyboard.page.title(), keyboard.page.locator("a").count()
    assert typed(keyboard, way, HOSTILE) == 204
    reads(keyboard, "end-of-it")
    assert typed(keyboard, way, bytes(range(128, 256)) * 200 + b"\r\nstill here") == 204
    reads(keyboard, "still here").picture("hostile-console")
    assert (keyboard.page.title(), keyboard.page.locator("a").count(), dialogs) == (title, links, [])
    assert keyboard.page.locator("img[src=x]").count() == 0
    keyboard.press("Control+]").is_clean()


def test_answers_that_the_terminal_gives_by_itself_are_no_acts_of_a_person(keyboard, vault, drilled):
    drilled.drill.give_pass("admin")
    way = enter(keyboard, vault)
    with keyboard.page.expect_request(f"**/drills/ways/{way}") as by_a_person:
        keyboard.page.keyboard.type("k")
    reads(keyboard, "k")
    with keyboard.page.expect_request(is_answer) as by_itself:
        assert typed(keyboard, way, b"\x1b[6n") == 204
    assert "x-unattended" not in by_a_person.value.headers
    assert by_itself.value.headers["x-unattended"] == "1"
    keyboard.press("Control+]").is_clean()


def is_answer(request):
    """Whether it tells the guest where the cursor is."""
    said = (request.post_data_json or {}).get("typed", "") if "/drills/ways/" in request.url else ""
    return base64.b64decode(said).endswith(b"R")


def test_no_sequence_and_no_heap_of_accents_keeps_the_page_from_answering(keyboard, vault, drilled):
    drilled.drill.give_pass("admin")
    way = enter(keyboard, vault)
    for final in "@ILMPSTXZb":
        assert typed(keyboard, way, f"\r\nx\x1b[2147483647{final}".encode()) == 204
    accents = "\u0301" * 5_000
    for before in ("a", "", "\x7f", "\x1b[1", "\x1b[1?m", "\x1bXb\x18"):
        assert typed(keyboard, way, f"{before}{accents}".encode()) == 204
    assert typed(keyboard, way, b"\r\nstill here") == 204
    reads(keyboard, "still here")
    assert rows(keyboard).count("\u0301") < 100
    keyboard.press("Control+]").is_clean()


def test_colours_are_shown_under_the_policy(keyboard, vault, drilled):
    drilled.drill.give_pass("admin")
    way = enter(keyboard, vault)
    typed(keyboard, way, b"\r\n\x1b[38;2;255;0;10mRED\x1b[0m \x1b[31mDULL\x1b[0m")
    reads(keyboard, "DULL")
    words = keyboard.page.locator(".xterm-rows span")
    colours = [words.filter(has_text=each).first.evaluate(COLOUR) for each in ("RED", "DULL")]
    assert colours == ["rgb(255, 0, 10)", "rgb(204, 0, 0)"]
    keyboard.press("Control+]").is_clean()


@pytest.mark.parametrize("how", ["clean-up", "pass", "log-out"])
def test_the_line_ends_with_the_drill_the_pass_and_the_session(keyboard, vault, drilled, how):
    given = drilled.drill.give_pass("admin")
    way = enter(keyboard, vault)
    if how == "clean-up":
        drilled.cleanup_test_failover().wait()
        keyboard.page.locator(".xterm").wait_for(state="detached")
    elif how == "pass":
        drilled.drill.end_pass(given.id)
        keyboard.says("The line has ended").says("the pass has ended").picture("line-ended")
        assert typed(keyboard, way, b"x") == 404
    else:
        keyboard.page.get_by_role("button", name="Log out").click()
        last = eventually(lambda: ended(drilled), 30)
        assert last.why in ("the person left", "the token, or the session, no longer counts")
