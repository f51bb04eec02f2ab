"""A module here is one story on one rig: its tests run in the order in which they are written, and end at
a failure."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
broken: dict[str, str] = {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Undo the shuffling for our own modules; everything else stays where it is."""
    places = [number for number, item in enumerate(items) if HERE in item.path.parents]
    told = sorted((items[number] for number in places), key=lambda item: (str(item.path), item.location[1]))
    for number, item in zip(places, told, strict=True):
        items[number] = item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if HERE in item.path.parents and report.failed:
        broken.setdefault(str(item.path), item.name)
    return report


@pytest.fixture(autouse=True)
def _the_story_so_far(request):
    if str(request.path) in broken:
        pytest.fail(f"the story ended in {broken[str(request.path)]}", pytrace=False)
