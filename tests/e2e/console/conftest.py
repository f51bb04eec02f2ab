"""What a person saw as the story ended."""

import pytest

from tests.e2e.console import support_operator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for name, each in item.funcargs.get("people", {}).items():
            each.page.screenshot(path=support_operator.pictures() / f"story-ended-{name}.png")
    return report
