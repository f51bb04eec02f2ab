"""Sites whose surroundings fail: the link, the disks, the clocks."""

import pytest
import trustme

from rig.lossy_link import LossyLink, NoLink
from tests.appliance.conftest import make_site, pair, sites
from tests.faults.support_faults import Figures, World

__all__ = ["make_site", "pair", "sites"]


@pytest.fixture(scope="session")
def ca():
    return trustme.CA()


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
