"""Hosts as deploy/install leaves them. A rig costs half of a processor core while it stands: it goes with
the module that needed it."""

import pytest

from rig.installed import Installed
from tests.e2e.installed.support_life import Life


@pytest.fixture(scope="module")
def life():
    with Installed() as rig:
        yield Life(rig).begin()


@pytest.fixture(scope="module")
def new_rig():
    """Nothing has been done on it."""
    with Installed() as rig:
        yield rig
