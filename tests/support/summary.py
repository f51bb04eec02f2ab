"""What a run cost, at its end: seconds of each room of tests and of its longest modules, how many tests
each has, and how many guests were booted. What fails is named at once: a run may take an hour."""

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

import guestkit
from tests.support import seconds as kept_seconds

BOOTS = pytest.StashKey[int]()


SHOWN = 30


def _room(module):
    parts = PurePosixPath(module).parts
    return parts[1] if len(parts) > 2 else parts[0]


def _taken(reporter, of):
    """What `of` says of a module, to (seconds with set-up and clean-up, tests that were called), the
    longest first."""
    seconds: dict[str, float] = defaultdict(float)
    tests: dict[str, int] = defaultdict(int)
    for report in (each for reports in reporter.stats.values() for each in reports):
        if isinstance(report, pytest.TestReport):
            name = of(report.nodeid.partition("::")[0])
            seconds[name] += report.duration
            tests[name] += report.when == "call"
    return {
        name: (seconds[name], tests[name]) for name in sorted(seconds, key=seconds.__getitem__, reverse=True)
    }


class _FailuresAtOnce:
    def __init__(self, config):
        self._config = config

    def pytest_runtest_logreport(self, report):
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and reporter is not None:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = crash.message.partition("\n")[0] if crash else ""
            reporter.write_line(f"\n{report.when} of {report.nodeid} failed: {why}"[:400])


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_FailuresAtOnce(config))


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
    rooms, modules = _taken(terminalreporter, _room), _taken(terminalreporter, str)
    kept_seconds.keep({name: seconds for name, (seconds, _) in modules.items()})
    boots = config.stash.get(BOOTS, 0) + len(guestkit.boots_seen())
    if sum(seconds for seconds, _ in rooms.values()) < 60:
        return
    terminalreporter.section("what each room took")
    for room, (seconds, tests) in rooms.items():
        terminalreporter.write_line(f"{room:<12}{seconds:8.0f} s {tests:6d} tests")
    terminalreporter.write_line(f"{boots} guest boots were waited for")
    before = kept_seconds.kept()
    terminalreporter.section(f"the {SHOWN} longest modules, and what they took before")
    for name, (seconds, tests) in list(modules.items())[:SHOWN]:
        terminalreporter.write_line(f"{seconds:6.0f} s {before.get(name, 0):6d} s {tests:5d} tests  {name}")
