"""Rows are walked in any order, but those of one world together: to lose something else takes a second."""

from pathlib import Path

import pytest

ROWS = Path(__file__).with_name("test_rows.py")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    chosen = yield
    places = [at for at, item in enumerate(items) if item.path == ROWS]
    worlds = {items[at].callspec.params["world"]: None for at in places}
    together = sorted(
        (items[at] for at in places), key=lambda item: list(worlds).index(item.callspec.params["world"])
    )
    for at, item in zip(places, together, strict=True):
        items[at] = item
    return chosen
