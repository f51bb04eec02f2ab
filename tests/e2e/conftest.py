"""A module here is one story on one rig, or one on each of its rigs: its tests run in the order in which they
are written, and end at a failure."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
broken: dict[tuple[str, str], str] = {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Undo the shuffling for our own modules; everything else stays where it is."""
    places = [number for number, item in enumerate(items) if HERE in item.path.parents]
    told = sorted((items[number] for number in places), key=lambda item: (*_story(item), item.location[1]))
    for number, item in zip(places, told, strict=True):
        items[number] = item


def _story(item):
    rig = item.callspec.params.get("rig", "") if hasattr(item, "callspec") else ""
    return str(item.path), rig


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if HERE in item.path.parents and report.failed:
        broken.setdefault(_story(item), item.name)
    return report


@pytest.fixture(autouse=True)
def _the_story_so_far(request):
    if _story(request.node) in broken:
        pytest.fail(f"the story ended in {broken[_story(request.node)]}", pytrace=False)
