"""Sites whose surroundings fail: the link, the disks, the clocks."""

import pytest

from rig.lossy_link import LossyLink, NoLink
from tests.faults.support_faults import Figures, World
from tests.support.sites import ca, make_site, pair, sites
from tests.support.small_stores import small

__all__ = ["ca", "make_site", "pair", "sites", "small"]


@pytest.fixture
def figure(record_property):
    return Figures(record_property)


@pytest.fixture
def world(tmp_path):
    """A vault with two sites and a link between them."""
    try:
        link = LossyLink()
    except NoLink as problem:
        pytest.skip(f"no link that can be hurt: {problem}")
    with link:
        world = World(tmp_path, link)
        try:
            yield world.start()
        finally:
            world.close()
