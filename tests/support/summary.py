"""What a run cost, at its end: seconds of each room of tests, how many tests it has, and how many guests were booted."""

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

import guestkit

BOOTS = pytest.StashKey[int]()


def _room(nodeid):
    parts = PurePosixPath(nodeid.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 else parts[0]


def _by_room(reporter):
    """Room to (seconds with set-up and clean-up, tests that were called)."""
    seconds: dict[str, float] = defaultdict(float)
    tests: dict[str, int] = defaultdict(int)
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[_room(report.nodeid)] += report.duration
                tests[_room(report.nodeid)] += report.when == "call"
    return {
        room: (seconds[room], tests[room]) for room in sorted(seconds, key=seconds.__getitem__, reverse=True)
    }


def pytest_sessionfinish(session):
    """A worker of xdist tells its part."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["boots"] = len(guestkit.boots_seen())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    boots = getattr(node, "workeroutput", {}).get("boots", 0)
    node.config.stash[BOOTS] = node.config.stash.get(BOOTS, 0) + boots


def pytest_terminal_summary(terminalreporter, config):
    rooms = _by_room(terminalreporter)
    boots = config.stash.get(BOOTS, 0) + len(guestkit.boots_seen())
    if sum(seconds for seconds, _ in rooms.values()) < 60:
        return
    terminalreporter.section("what each room took")
    for room, (seconds, tests) in rooms.items():
        terminalreporter.write_line(f"{room:<12}{seconds:8.0f} s {tests:6d} tests")
    terminalreporter.write_line(f"{boots} guest boots were waited for")
