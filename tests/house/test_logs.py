"""One style of log events, one logging library."""

import re

import pytest

from secondsite.entry import log_events

EVENT = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*")
HANDLES_THE_LIBRARY = {"entry/logs.py"}
CALLS = sorted(set(log_events.found()), key=str)


@pytest.mark.parametrize("call", CALLS, ids=lambda each: f"{each.room}: {each.name}")
def test_an_event_is_a_noun_and_what_happened(call):
    assert call.name is not None, f"a call in {call.room} logs a sentence that is not its event: use fields"
    assert EVENT.fullmatch(call.name)


def test_events_are_found():
    assert {"appliance.started", "vault.started", "step.failed"} <= {each.name for each in CALLS}


def test_nothing_but_the_start_of_a_process_uses_the_standard_library_s_logging():
    users = {
        path.relative_to(log_events.SOURCE).as_posix()
        for path in log_events.SOURCE.rglob("*.py")
        if re.search(r"^(import|from) logging\b", path.read_text(), re.MULTILINE)
    }
    assert users == HANDLES_THE_LIBRARY
